# SPDX-License-Identifier: GPL-3.0-or-later
"""What the examples of modules give are options that the module has."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.virtops.live_migration.tests.unit.layout.run_scripts import run_script

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[a-z]*.py"))


ways_in = run_script("ways_in")


def unknown(given: t.Any, options: t.Mapping[str, t.Any], where: str) -> t.Iterator[str]:
    """Names in ``given`` that are no options, with those of suboptions."""
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, dict):
            continue
        known = {alias: spec for name, spec in options.items() for alias in (name, *spec.get("aliases", ()))}
        for name, value in one.items():
            if name not in known:
                yield f"{where}{name}"
            elif known[name].get("suboptions"):
                yield from unknown(value, known[name]["suboptions"], f"{where}{name}.")


def tasks(found: t.Any) -> t.Iterator[t.Mapping[str, t.Any]]:
    """In plays and blocks, too."""
    for one in found or []:
        if isinstance(one, dict):
            yield one
            for key in ("tasks", "block", "rescue", "always", "pre_tasks", "post_tasks"):
                yield from tasks(one.get(key))


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_there_is(module: str) -> None:
    text = ways_in.text_in(ROOT / "plugins" / "modules" / f"{module}.py", "EXAMPLES")
    wrong: list[str] = []
    for task in tasks(yaml.safe_load(text)):
        for name in MODULES:
            given = task.get(f"virtops.live_migration.{name}")
            if given is not None:
                wrong += unknown(given, ways_in.documented(name), f"{name}: ")
    assert wrong == []
