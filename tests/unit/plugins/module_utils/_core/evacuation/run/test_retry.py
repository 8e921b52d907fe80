# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.retry import (
    Answer,
    answer,
    infrastructure,
)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("CONNECTION_LOST", Answer.AGAIN),
        ("POSTCOPY_BROKEN", Answer.AGAIN),
        ("CONNECTION_FAILED", Answer.OTHER_DESTINATION),
        ("CPU_INCOMPATIBLE", Answer.OTHER_DESTINATION),
        ("NO_WAY", Answer.GIVE_UP),
        ("CANCELLED", Answer.GIVE_UP),
        ("NEVER_HEARD_OF", Answer.GIVE_UP),
        ("UNCLEAR", Answer.GIVE_UP),
        ("SPLIT_BRAIN", Answer.STOP_ALL),
    ],
)
def test_what_a_failure_calls_for(reason: str, expected: Answer) -> None:
    assert answer(reason) is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("CONNECTION_FAILED", True), ("MIGRATION_FAILED", True), ("OTHER_JOB", False), ("CPU_INCOMPATIBLE", False)],
)
def test_what_speaks_of_the_infrastructure(reason: str, expected: bool) -> None:
    assert infrastructure(reason) is expected
