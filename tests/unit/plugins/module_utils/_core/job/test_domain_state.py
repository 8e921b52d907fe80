# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domain_state import DomainState

# State and reason of libvirt's virDomainState: name, and which of the properties hold.
STATES = [
    ((1, 1), "running (booted)", {"running", "active"}),
    ((1, 10), "running (post-copy)", {"running", "active", "in_postcopy", "held_by_migration"}),
    ((1, 11), "running (post-copy failed)", {"running", "active", "postcopy_failed", "held_by_migration"}),
    ((3, 1), "paused (by the user)", {"active"}),
    ((3, 2), "paused (migration)", {"active", "paused_for_migration", "arriving", "held_by_migration"}),
    ((3, 11), "paused (starting up)", {"active", "arriving"}),
    ((3, 12), "paused (post-copy)", {"active", "in_postcopy", "held_by_migration"}),
    ((3, 13), "paused (post-copy failed)", {"active", "postcopy_failed", "held_by_migration"}),
    ((5, 4), "shut off (migrated)", {"moved_away"}),
    ((0, 0), "no state (other)", set()),
    ((99, 99), "unknown (other)", {"active"}),
]
PROPERTIES = (
    "running",
    "active",
    "paused_for_migration",
    "moved_away",
    "in_postcopy",
    "postcopy_failed",
    "arriving",
    "held_by_migration",
)


@pytest.mark.parametrize(("numbers", "text", "hold"), STATES)
def test_what_a_state_means(numbers: tuple[int, int], text: str, hold: set[str]) -> None:
    state = DomainState(*numbers)
    assert state.state_text == text
    assert {name for name in PROPERTIES if getattr(state, name)} == hold
