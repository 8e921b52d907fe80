# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.retry import (
    RetryDecision,
    decide_retry,
    infrastructure,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_errors.all_meanings import (
    FALLBACK,
    MEANINGS,
)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("CONNECTION_LOST", RetryDecision.AGAIN),
        ("ENDED_BY_RESTART", RetryDecision.AGAIN),
        ("POSTCOPY_BROKEN", RetryDecision.AGAIN),
        ("STREAM_BROKEN", RetryDecision.AGAIN),
        ("BUSY", RetryDecision.AGAIN),
        ("OTHER_JOB", RetryDecision.AGAIN),
        ("STILL_RESUMING", RetryDecision.AGAIN),
        ("ABORT_UNVERIFIED", RetryDecision.AGAIN),
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
    [
        ("CONNECTION_FAILED", True),
        ("MIGRATION_FAILED", True),
        ("STREAM_BROKEN", True),
        ("OTHER_JOB", False),
        ("BUSY", False),
        ("ALREADY_MIGRATING", False),
        ("CPU_INCOMPATIBLE", False),
    ],
)
def test_what_speaks_of_the_infrastructure(reason: str, expected: bool) -> None:
    assert infrastructure(reason) is expected


def test_every_reason_of_a_libvirt_error_was_thought_of() -> None:
    """Those that give a guest up are named here, so that a new one has to be put in one of both places."""
    given_up = {
        "AGENT_REFUSES",
        "AGENT_SILENT",
        "ALREADY_RUNNING",  # whoever started it: nothing to start elsewhere
        "CANCELLED",
        "DIRECT_NOT_SUPPORTED",
        "GUEST_NOT_FOUND",
        "GUEST_NOT_RUNNING",
        "INVALID_ARGUMENT",
        "NOTHING_TO_RECOVER",
        "NOT_IN_POSTCOPY",
        "NO_AGENT",
        "NOT_MIGRATABLE",
        "NOT_PERMITTED",
        "NOT_SUPPORTED",
        "NO_JOB",
        "OPTION_NEEDS_ANOTHER",
        "OUT_OF_RANGE",
        "POSTCOPY_NOT_ENABLED",
        "POSTCOPY_NOT_SUPPORTED",
        "POSTCOPY_RUNNING",
        "POSTCOPY_WITH_PARALLEL",
        "READ_ONLY",
        "SAME_HOST",
        "SAVED_STATE_UNUSABLE",
        "UNSAFE_STORAGE",
    }
    known = {row.reason for row in (*MEANINGS, FALLBACK)}
    assert {reason for reason in known if decide_retry(reason) is RetryDecision.GIVE_UP} == given_up
