# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of a supervised migration that was left, or that ended without the guest on the destination: alike for one
that we started and one that we adopted."""

from __future__ import annotations

import typing as t

from ..errors import MigrationError
from ..supervision.record import Record
from .refusals import (
    ABORT_FAILED_REMEDY,
    ABORT_PENDING,
    ABORT_PENDING_REMEDY,
    HALF_ENDED_REMEDY,
    HALF_MISSING_REMEDY,
)

_ENDINGS = ("abort", "leave", "suspend")
_REACH = "Restore the network between the daemons of the two hosts"
_HALVES_KEPT = {
    "POSTCOPY_BROKEN": (
        "broke and could not be joined again",
        "Restore the network between the hosts and run this again. Destroy neither half, restart no host.",
    ),
    "POSTCOPY_SILENT": (
        "does not go on",
        (
            "Restore the network between the hosts. If it does not go on then, let QEMU close its connection"
            " ('virsh domjobabort --postcopy' on the source, which keeps both halves), and run this again."
            " Destroy neither half, restart no host."
        ),
    ),
}
_ABORT_NOT_DONE = {
    "ABORT_FAILED": (" and its migration goes on.", ABORT_FAILED_REMEDY),
    "ABORT_PENDING": (f", and {ABORT_PENDING}.", ABORT_PENDING_REMEDY),
}
_HALF_REMEDIES = {"HALF_ENDED": HALF_ENDED_REMEDY, "HALF_MISSING": HALF_MISSING_REMEDY}
_WAYS_TO_FINISH = "max_downtime_ms, postcopy, max_pause_s"
# What of a policy ends a job, by the reason that is told, and what else would have helped.
_LIMITS = {
    "SETUP_SLOW": "setup_deadline_s",
    "STORAGE_DEADLINE": "storage_deadline_s",
    "DEADLINE": f"deadline_s, {_WAYS_TO_FINISH}",
    "DATA_LIMIT": f"max_data_factor, {_WAYS_TO_FINISH}",
    "THROTTLE_LIMIT": f"max_throttle_percent, {_WAYS_TO_FINISH}",
}


def unfinished(
    name: str,
    state: str,
    record: Record,
    facts: t.Mapping[str, t.Any],
    *,
    again: str,
    cause: t.Optional[MigrationError] = None,
) -> MigrationError:
    """The error of a job that was left, or ended without the guest on the destination.

    ``state``: where the guest is, as a clause without its end; ``again``: how to start it anew; ``cause``: what libvirt
    told whoever started it, where that is known.
    """
    decisions = [one for one in record.document()["decisions"] if one["action"] in _ENDINGS and one["apply"]]
    last = decisions[-1] if decisions else None
    evidence = dict(cause.evidence) if cause else {}
    if last:
        evidence = {"decision": last["reason"], **last["numbers"], **evidence}
    goes_on = not record.supervisor.done or record.supervisor.outcome == "left"
    words = _left(name, last) if goes_on else _ended(name, last, again, cause)
    return MigrationError(
        words.reason,
        words.problem,
        state=f"{state}{words.state_too}",
        remedy=words.remedy,
        evidence=evidence,
        facts=facts,
    )


class _Words(t.NamedTuple):
    """Of an error. ``state_too``: what follows on where the guest is."""

    reason: str
    problem: str
    state_too: str
    remedy: str


def _why(decision: t.Optional[t.Mapping[str, t.Any]]) -> str:
    return f" {str(decision['because']).rstrip('.')}." if decision else ""


def _more(reason: str) -> str:
    return f"Allow more in policy_overrides ({_LIMITS.get(reason, _WAYS_TO_FINISH)})"


def _left(name: str, decision: t.Optional[t.Mapping[str, t.Any]]) -> _Words:
    """Of a job that goes on, or whose halves were left; ``decision``: to leave it, None where there was none."""
    reason, why = str(decision["reason"]) if decision else "", _why(decision)
    if reason in _HALVES_KEPT:
        problem, remedy = _HALVES_KEPT[reason]
        kept = "; each host holds a part of its memory, and both halves were left as they are."
        return _Words(reason, f"The post-copy migration of {name!r} {problem}.{why}", kept, remedy)
    if reason in _HALF_REMEDIES:
        return _Words(reason, f"The migration of {name!r} ended without success.{why}", ".", _HALF_REMEDIES[reason])
    problem = f"The migration of {name!r} did not finish within what its policy allows.{why}"
    if reason in _ABORT_NOT_DONE:
        return _Words("LEFT", problem, *_ABORT_NOT_DONE[reason])
    no_path = f"{_REACH}, or abort it: when it finishes now, the guest may run on both."
    remedy = no_path if reason == "NO_PATH" else f"{_more(reason)}, or abort it."
    return _Words("LEFT", problem, " and its migration goes on.", remedy)


def _ended(
    name: str, decision: t.Optional[t.Mapping[str, t.Any]], again: str, cause: t.Optional[MigrationError]
) -> _Words:
    """Of a job that is gone: by our own decision, or for a cause that libvirt told, or for one that it did not."""
    problem = f"The migration of {name!r} ended without success."
    if decision:
        first = _REACH if decision["reason"] == "NO_PATH" else _more(str(decision["reason"]))
        return _Words("GIVEN_UP", f"{problem}{_why(decision)}", ".", f"{first}, and {again}.")
    if cause is not None:
        return _Words(cause.reason, f"{problem} {cause.problem}", ".", cause.remedy)
    remedy = "The error is told to whoever started it, and stands in the daemons' logs of both hosts."
    return _Words("MIGRATION_FAILED", problem, ".", remedy)
