# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import (
    Giving,
    ShrunkNote,
    giving_back,
    read_note,
)

MIB, GIB = 1 << 20, 1 << 30
UUID = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"
NOTE = ShrunkNote(UUID, 4 * GIB, GIB, held=True, period_s=5, transient=True)


@pytest.mark.parametrize("note", [NOTE, replace(NOTE, held=False), replace(NOTE, transient=False, period_s=0)])
def test_what_is_written_is_read(note: ShrunkNote) -> None:
    assert read_note(note.xml(), UUID) == note


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "<shrunk",
        "<home/>",
        "<shrunk/>",
        NOTE.xml().replace("4194304", "-1"),
        NOTE.xml().replace("4194304", "4e9"),
        NOTE.xml().replace("4194304", "9" * 40),
        NOTE.xml().replace("period-s='5'", ""),
    ],
)
def test_what_is_no_such_note(text: t.Any) -> None:
    assert read_note(text, UUID) is None


def test_a_period_that_nobody_has() -> None:
    found = read_note(NOTE.xml().replace("period-s='5'", "period-s='9999999999999'"), UUID)
    assert found is not None
    assert found.period_s == 86_400


def test_the_note_of_the_guest_that_this_one_is_a_clone_of() -> None:
    assert read_note(NOTE.xml(), "2f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c22") is None


HELD, UNDER_WAY = NOTE, replace(NOTE, held=False)


@pytest.mark.parametrize(
    ("note", "actual", "what"),
    [
        (HELD, GIB, Giving.GIVE),
        (HELD, GIB + MIB, Giving.GIVE),
        (HELD, 4 * GIB, Giving.HAS_IT),
        (HELD, 5 * GIB, Giving.HAS_IT),
        (HELD, 2 * GIB, Giving.LEAVE),  # somebody gave it some
        (HELD, GIB // 2, Giving.LEAVE),  # somebody took more
        (UNDER_WAY, GIB, Giving.GIVE),
        (UNDER_WAY, 2 * GIB, Giving.GIVE),  # the module died on the way
        (UNDER_WAY, 4 * GIB, Giving.HAS_IT),  # or before it had begun
        (UNDER_WAY, GIB // 2, Giving.LEAVE),
    ],
)
def test_what_is_given_back(note: ShrunkNote, actual: int, what: Giving) -> None:
    found = giving_back(note, actual, 8 * GIB, deflates=False)
    assert (found.what, found.target_bytes) == (what, 4 * GIB)
    assert bool(found.why) == (what is Giving.LEAVE)


def test_never_more_than_it_may_have() -> None:
    assert giving_back(HELD, GIB, 3 * GIB, deflates=False).target_bytes == 3 * GIB
    assert giving_back(HELD, 3 * GIB, 3 * GIB, deflates=False).what is Giving.HAS_IT


def test_a_balloon_that_lets_go_by_itself_was_changed_by_nobody() -> None:
    assert giving_back(HELD, 2 * GIB, 8 * GIB, deflates=True).what is Giving.GIVE
    assert giving_back(HELD, GIB // 2, 8 * GIB, deflates=True).what is Giving.LEAVE
