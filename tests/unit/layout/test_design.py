# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that the design names are there: a map that leads nowhere is worse than none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
UTILS = ROOT / "plugins" / "module_utils"
TEXT = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:_\w+|modules|playbooks|tests)/[\w/.*-]+)`", TEXT)))
# Named after a file or a folder in the same sentence, "beside it".
SHORT = re.compile(r"`(\w+\.py)`")


@pytest.mark.parametrize("path", NAMED)
def test_a_path_leads_somewhere(path: str) -> None:
    base = UTILS if path.startswith("_") else ROOT if path.startswith(("tests", "playbooks")) else ROOT / "plugins"
    assert list(base.glob(path.rstrip("/"))), path


@pytest.mark.parametrize("name", sorted(set(SHORT.findall(TEXT))))
def test_a_file_that_is_named_without_its_folder_exists(name: str) -> None:
    assert list(UTILS.rglob(name)), name


def test_paths_are_found_in_it() -> None:
    assert len(NAMED) > 40
