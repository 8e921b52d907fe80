# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.retry import (
    RetryDecision,
    decide_retry,
    infrastructure,
)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("CONNECTION_LOST", RetryDecision.AGAIN),
        ("ENDED_BY_RESTART", RetryDecision.AGAIN),
        ("POSTCOPY_BROKEN", RetryDecision.AGAIN),
        ("CONNECTION_FAILED", RetryDecision.OTHER_DESTINATION),
        ("CPU_INCOMPATIBLE", RetryDecision.OTHER_DESTINATION),
        ("NO_WAY", RetryDecision.GIVE_UP),
        ("CANCELLED", RetryDecision.GIVE_UP),
        ("NEVER_HEARD_OF", RetryDecision.GIVE_UP),
        ("UNCLEAR", RetryDecision.GIVE_UP),
        ("SPLIT_BRAIN", RetryDecision.STOP_ALL),
    ],
)
def test_what_a_failure_calls_for(reason: str, expected: RetryDecision) -> None:
    assert decide_retry(reason) is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("CONNECTION_FAILED", True), ("MIGRATION_FAILED", True), ("OTHER_JOB", False), ("CPU_INCOMPATIBLE", False)],
)
def test_what_speaks_of_the_infrastructure(reason: str, expected: bool) -> None:
    assert infrastructure(reason) is expected
