# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said in documentation is text: YAML makes a mapping of an unquoted line with a colon in it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.virtops.live_migration.tests.unit.layout.run_scripts import run_script

ROOT = Path(__file__).resolve().parents[3]
SAID = {"description", "short_description", "notes", "requirements", "author", "details"}


def documents() -> t.Iterator[tuple[str, t.Any]]:
    """All that documents an option, by where it is."""
    for path in [*ROOT.glob("roles/*/meta/argument_specs.yml"), *ROOT.glob("playbooks/*.meta.yml")]:
        yield str(path.relative_to(ROOT)), yaml.safe_load(path.read_text(encoding="utf-8"))
    text_in = run_script("ways_in").text_in
    for path in sorted((ROOT / "plugins" / "modules").glob("[a-z]*.py")):
        for block in ("DOCUMENTATION", "RETURN"):
            yield f"{path.name} {block}", yaml.safe_load(text_in(path, block))


def no_text(found: t.Any) -> t.Iterator[str]:
    """What is said, and is no text. An option may have such a name itself: it is a mapping then."""
    for key, value in found.items() if isinstance(found, dict) else ():
        if key in SAID and isinstance(value, list):
            yield from (f"{key}: {one}" for one in value if not isinstance(one, str))
        yield from no_text(value)
    for one in found if isinstance(found, list) else ():
        yield from no_text(one)


DOCUMENTS = list(documents())


@pytest.mark.parametrize(("where", "found"), DOCUMENTS, ids=[where for where, _found in DOCUMENTS])
def test_descriptions_are_texts(where: str, found: t.Any) -> None:
    assert list(no_text(found)) == []


def test_a_colon_is_seen() -> None:
    assert list(no_text(yaml.safe_load("options: {a: {description: [x, {Run it: as root}]}}"))) != []
