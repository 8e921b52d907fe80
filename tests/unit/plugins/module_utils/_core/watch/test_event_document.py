# SPDX-License-Identifier: GPL-3.0-or-later
"""Events are plain data: nothing that a guest's owner has chosen is a template, or does something to a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.event_document import event, harmless


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("erp01", "erp01"),
        ("{{ x }}", "{ { x }}"),
        ("{% raw %}", "{ % raw %}"),
        ("{# c #}", "{ # c #}"),
        ("{{{", "{ { {"),
        ("a\x1b[2J", "a\\x1b[2J"),
    ],
)
def test_texts(text: str, told: str) -> None:
    assert harmless(text) == told


@given(st.text(st.sampled_from("{%#} \n\x1b\u202ea")))
def test_no_text_opens_a_template(text: str) -> None:
    told = harmless(text)
    assert not [mark for mark in ("{{", "{%", "{#") if mark in told]
    assert told.isprintable()


def test_what_is_not_known_is_left_out() -> None:
    assert event("stuck", "kvm01", uuid="U", reason=None, count=0, name="") == {
        "type": "stuck", "host": "kvm01", "uuid": "U", "count": 0, "name": "",
    }  # fmt: skip


def test_texts_within_are_made_harmless_and_all_else_stays() -> None:
    told = event("ended", "kvm01", job={"name": "{{ a", "left": None}, hosts=("{% b", 7), twice=True)
    assert told == {
        "type": "ended", "host": "kvm01", "job": {"name": "{ { a", "left": None}, "hosts": ["{ % b", 7], "twice": True,
    }  # fmt: skip
