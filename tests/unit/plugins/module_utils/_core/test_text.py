# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.progress import shown_line
from ansible_collections.virtops.live_migration.plugins.module_utils._core.text import (
    aligned,
    printable,
    shortened,
    wrapped,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("erp01", "erp01"),
        ("erp 01 'a' \\ &", "erp 01 'a' \\ &"),
        ("größe-été-доброе-東京-🙂", "größe-été-доброе-東京-🙂"),
        ("e\u0301", "e\u0301"),
        ("erp\rcompleted", "erp\\rcompleted"),
        ("erp\ncrm01: completed", "erp\\ncrm01: completed"),
        ("a\tb\0c\x7f", "a\\tb\\x00c\\x7f"),
        ("\x1b[2J\x1b]0;x\x07", "\\x1b[2J\\x1b]0;x\\x07"),
        ("\x9b2K", "\\x9b2K"),
        ("\u202e10pre", "\\u202e10pre"),
        ("\u2066a\u2069\u200f\u061c", "\\u2066a\\u2069\\u200f\\u061c"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("zero\u200bwidth\ufeff\u00ad", "zero\\u200bwidth\\ufeff\\xad"),
        ("\ud800\udfff", "\\ud800\\udfff"),
        ("\U000e0041\U000e007f", "\\U000e0041\\U000e007f"),
        ("\u0378\U0003ffff\ue000", "\\u0378\\U0003ffff\\ue000"),
        ("a\u00a0b\u3000c", "a\\xa0b\\u3000c"),
        (None, "None"),
        (7, "7"),
    ],
)
def test_what_a_terminal_would_act_upon_is_shown(text: t.Any, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_one_line_that_does_nothing(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown.splitlines() in ([shown], [])
    assert printable(shown) == shown
    assert all(letter in shown for letter in text if letter.isprintable())
    assert len(shortened(text, 10)) <= 10
    assert all(line.isprintable() for line in [*wrapped(text, "- "), *aligned([[text, "x"], ["y", text]], [8, 0])])


@given(st.text(), st.text(), st.text())
def test_progress_leaves_as_one_line(host: str, name: str, line: str) -> None:
    assert (shown_line(host, {"name": name, "line": line}) or "").isprintable()


@pytest.mark.parametrize("entry", [None, 3, "text", [], {}, {"pid": 1}, {"name": "erp01"}])
def test_what_has_no_line(entry: t.Any) -> None:
    assert shown_line("kvm01", entry) is None


@pytest.mark.parametrize("entry", [{"line": None}, {"line": {"a": 1}}, {"line": 3, "name": ["x"]}])
def test_a_line_of_another_type_is_shown_all_the_same(entry: t.Any) -> None:
    assert (shown_line("kvm01", entry) or "").startswith("[kvm01] ")


def test_a_faked_end_is_seen_to_be_one() -> None:
    shown = shown_line("kvm01", {"name": "evil\r[kvm01] payroll", "line": "pass 1\x9b1G[kvm01] payroll: completed"})
    assert shown == "[kvm01] evil\\r[kvm01] payroll: pass 1\\x9b1G[kvm01] payroll: completed"
