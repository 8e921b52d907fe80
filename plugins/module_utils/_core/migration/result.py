# SPDX-License-Identifier: GPL-3.0-or-later
"""How a supervised migration is told in the end: the same for one that we started and one that we adopted."""

from __future__ import annotations

import typing as t

from ..errors import MigrationError
from ..job.sample import JobSample
from ..supervision.actions import Action
from ..supervision.record import Record
from .refusals import HALF_ENDED_REMEDY

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
_MORE = "Allow more in policy_overrides (max_downtime_ms, postcopy, max_pause_s)"


def supervision_facts(actions: t.Sequence[Action], last: t.Optional[JobSample], record: Record) -> dict[str, t.Any]:
    """Return values of a module; ``last``: the last look, None when there was none."""
    return {
        "actions": [action.document() for action in actions],
        "downtime_ms": last.downtime_ms if last else None,
        "elapsed_ms": (last.elapsed_ms or None) if last else None,
        "record": record.document(),
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
    why = f" {str(last['because']).rstrip('.')}." if last else ""
    no_path = last is not None and last["reason"] == "NO_PATH"
    evidence = dict(cause.evidence) if cause else {}
    if last:
        evidence = {"decision": last["reason"], **last["numbers"], **evidence}
    if record.supervisor.outcome == "left" and last and last["reason"] in _HALVES_KEPT:
        problem, remedy = _HALVES_KEPT[last["reason"]]
        return MigrationError(
            last["reason"],
            f"The post-copy migration of {name!r} {problem}.{why}",
            state=f"{state}; each host holds a part of its memory, and both halves were left as they are.",
            remedy=remedy,
            evidence=evidence,
            facts=facts,
        )
    if record.supervisor.outcome == "left" and last and last["reason"] == "HALF_ENDED":
        return MigrationError(
            "HALF_ENDED",
            f"The migration of {name!r} ended without success.{why}",
            state=f"{state}.",
            remedy=HALF_ENDED_REMEDY,
            evidence=evidence,
            facts=facts,
        )
    if not record.supervisor.done or record.supervisor.outcome == "left":
        return MigrationError(
            "LEFT",
            f"The migration of {name!r} did not finish within what its policy allows.{why}",
            state=f"{state} and its migration goes on.",
            remedy=f"{_REACH}, or abort it: when it finishes now, the guest may run on both."
            if no_path
            else f"{_MORE}, or abort it.",
            evidence=evidence,
            facts=facts,
        )
    if last:
        return MigrationError(
            "GIVEN_UP",
            f"The migration of {name!r} ended without success.{why}",
            state=f"{state}.",
            remedy=f"{_REACH if no_path else _MORE}, and {again}.",
            evidence=evidence,
            facts=facts,
        )
    return MigrationError(
        cause.reason if cause else "MIGRATION_FAILED",
        f"The migration of {name!r} ended without success." + (f" {cause.problem}" if cause else ""),
        state=f"{state}.",
        remedy=cause.remedy
        if cause
        else "The error is told to whoever started it, and stands in the daemons' logs of both hosts.",
        evidence=evidence,
        facts=facts,
    )
