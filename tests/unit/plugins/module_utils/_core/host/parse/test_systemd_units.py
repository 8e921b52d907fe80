# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.systemd_units import (
    MISSING,
    MOST_UNITS,
    checked_units,
    note_text,
    read_note,
    unit_state,
    works,
)


def test_units_each_once_and_in_order() -> None:
    assert checked_units(["b.timer", "a.service", "b.timer"]) == ["b.timer", "a.service"]


@pytest.mark.parametrize("unit", ["", "-f", "a b", "*.timer", "a;b", "a\n", "x" * 256, "$(x)"])
def test_what_is_no_unit(unit: str) -> None:
    with pytest.raises(MigrationError) as caught:
        checked_units([unit])
    assert caught.value.reason == "BAD_UNIT"


def test_too_many_units() -> None:
    many = [f"u{number}.service" for number in range(MOST_UNITS + 1)]
    assert checked_units(many[:-1]) == many[:-1]
    with pytest.raises(MigrationError) as caught:
        checked_units(many)
    assert caught.value.reason == "BAD_UNIT"


@pytest.mark.parametrize(
    ("text", "state", "stopped"),
    [
        ("LoadState=loaded\nActiveState=active\n", "active", True),
        ("LoadState=loaded\nActiveState=activating\n", "activating", True),
        ("LoadState=loaded\nActiveState=inactive\n", "inactive", False),
        ("LoadState=not-found\nActiveState=inactive\n", MISSING, False),
        ("", "unknown", False),
        ("ActiveState=<b>odd</b>\n", "unknown", False),
    ],
)
def test_what_systemctl_says(text: str, state: str, stopped: bool) -> None:
    assert unit_state(text) == state
    assert works(state) is stopped


def test_a_note_is_read_back() -> None:
    assert read_note(note_text(["a.service", "b.timer"])) == ["a.service", "b.timer"]
    assert read_note("\n a.service \n\na.service\n") == ["a.service"]
    assert read_note("") == []


@pytest.mark.parametrize("text", ["-rf\n", "a b\n", "".join(f"u{n}.service\n" for n in range(MOST_UNITS + 1))])
def test_a_note_that_somebody_else_wrote(text: str) -> None:
    with pytest.raises(MigrationError) as caught:
        read_note(text)
    assert caught.value.reason == "BAD_NOTE"
