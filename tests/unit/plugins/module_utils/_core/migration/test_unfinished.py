# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.refusals import HALF_ENDED_REMEDY
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.unfinished import unfinished
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import Action, Kind


class Recorded:
    """What is looked at of a record: the decisions, and what the supervisor came to."""

    def __init__(self, outcome: str | None, *decisions: Action) -> None:
        self.supervisor = self
        self.outcome, self.done = outcome, outcome is not None
        self._decisions = [one.document() for one in decisions]

    def document(self) -> dict[str, t.Any]:
        return {"decisions": self._decisions}


def left(reason: str) -> Action:
    return Action(Kind.LEAVE, reason, "it was tried three times.", {"attempts": 3})


TOLD = MigrationError("STREAM_BROKEN", "The stream broke.", state="", remedy="Look at both.", evidence={"code": 9})
ABORT = Action(Kind.ABORT, "DEADLINE", "the deadline is over", {"used_s": 60})
NO_PATH = Action(Kind.ABORT, "NO_PATH", "the destination is silent")
ENDS: list[tuple[Recorded, MigrationError | None, str, str, str]] = [
    (
        Recorded("left", left("POSTCOPY_BROKEN")),
        None,
        "POSTCOPY_BROKEN",
        "both halves were left",
        "Destroy neither half",
    ),
    (
        Recorded("left", left("POSTCOPY_SILENT")),
        None,
        "POSTCOPY_SILENT",
        "both halves were left",
        "domjobabort --postcopy",
    ),
    (Recorded("left", left("HALF_ENDED")), None, "HALF_ENDED", "It is here.", HALF_ENDED_REMEDY),
    (Recorded("left", left("DEADLINE")), None, "LEFT", "and its migration goes on.", "or abort it."),
    (
        Recorded("left", left("SETUP_SLOW")),
        None,
        "LEFT",
        "and its migration goes on.",
        "(setup_deadline_s), or abort it",
    ),
    (Recorded("left", left("NO_PATH")), None, "LEFT", "and its migration goes on.", "may run on both"),
    (Recorded("left", left("ABORT_FAILED")), None, "LEFT", "and its migration goes on.", "it takes over what it finds"),
    (Recorded("left", left("ABORT_PENDING")), None, "LEFT", "ends when the destination answers", "Look on the destin"),
    (Recorded(None), None, "LEFT", "and its migration goes on.", "Allow more"),
    (
        Recorded("cancelled", ABORT),
        TOLD,
        "GIVEN_UP",
        "It is here.",
        "policy_overrides (deadline_s, max_downtime_ms, postcopy",
    ),
    (Recorded("cancelled", NO_PATH), None, "GIVEN_UP", "It is here.", "Restore the network"),
    (Recorded("failed"), TOLD, "STREAM_BROKEN", "It is here.", "Look at both."),
    (Recorded("failed"), None, "MIGRATION_FAILED", "It is here.", "logs of both hosts"),
]


@pytest.mark.parametrize(("record", "cause", "reason", "state", "remedy"), ENDS, ids=lambda value: str(value)[:20])
def test_the_end_of_a_job_that_did_not_arrive(
    record: t.Any, cause: MigrationError | None, reason: str, state: str, remedy: str
) -> None:
    error = unfinished("erp01", "It is here", record, {"kept": []}, again="run it again", cause=cause)
    assert error.reason == reason
    assert "'erp01'" in error.problem
    assert state in error.state
    assert remedy in error.remedy
    assert error.facts == {"kept": []}


def test_what_was_decided_and_what_libvirt_told_are_the_evidence() -> None:
    record: t.Any = Recorded("cancelled", ABORT)
    error = unfinished("erp01", "It is here", record, {}, again="run it again", cause=TOLD)
    assert error.evidence == {"decision": "DEADLINE", "used_s": 60, "code": 9}
    assert error.problem.endswith(" the deadline is over.")
    assert error.remedy.endswith(", and run it again.")


def test_what_was_only_proposed_is_no_reason() -> None:
    record: t.Any = Recorded("failed", Action(Kind.ABORT, "DEADLINE", "the deadline", apply=False))
    assert unfinished("erp01", "It is here", record, {}, again="").reason == "MIGRATION_FAILED"
