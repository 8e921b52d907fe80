# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins import filter as filters
from ansible_collections.virtops.live_migration.plugins.filter.printable import printable
from ansible_collections.virtops.live_migration.plugins.plugin_utils import _filters

# Gives back what it was given, so that it is no template where that was none.
GIVES_BACK = {"unless_blank"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("erp01", "erp01"),
        ("Lohn & Gehalt ü", "Lohn & Gehalt ü"),
        ("a\r\x9b2J\u202eb\nc", "a\\r\\x9b2J\\u202eb\\nc"),
        (["a\r", "b"], ["a\\r", "b"]),
        (iter(["a\r"]), ["a\\r"]),
        ([], []),
        (7, "7"),
        (None, "None"),
        ({"a": "\r"}, "{'a': '\\r'}"),
    ],
)
def test_texts(value: t.Any, shown: t.Any) -> None:
    assert printable(value) == shown


def names() -> list[str]:
    return sorted(path.stem for path in Path(filters.__path__[0]).glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", names())
def test_what_a_filter_makes_is_no_template_before_core_2_19(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest called ``{{ lookup('pipe', ...) }}`` ran a program where Ansible runs, in the playbook rescue."""
    monkeypatch.setattr(_filters, "_EACH_TEXT_IS_A_TEMPLATE", True)
    monkeypatch.setattr(_filters, "wrap_var", lambda value: ("no template", value), raising=False)
    module = importlib.import_module(f"ansible_collections.virtops.live_migration.plugins.filter.{name}")
    (function,) = module.FilterModule().filters().values()
    if name in GIVES_BACK:
        assert function("a", "b") == "a"
        return
    # The mark is put on by the frame that all of them share, on whatever they return.
    assert function.__wrapped__.__name__ == name
    marked = _filters.reported_to_the_user(lambda: ["{{ 1 }}"])
    assert marked() == ("no template", ["{{ 1 }}"])
    assert function.__code__ is marked.__code__
