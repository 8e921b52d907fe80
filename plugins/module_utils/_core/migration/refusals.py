# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said where a guest is found in a situation in which nothing may be done to it."""

from __future__ import annotations

import typing as t

from ..errors import MigrationError
from ..job.domain_state import DomainState
from .location import GuestLocation, Situation


def refusal(where: GuestLocation, name: str, source: str, destination: str) -> MigrationError:
    """The error where nothing may be done to a guest, raised before anything was. Arguments: names of guest and
    hosts."""
    reason, problem, remedy = _words(where, name, source, destination)
    evidence = {**where.document(), "source": source, "destination": destination}
    state = f"It is {where.state_text()}. Nothing was changed."
    return MigrationError(reason, problem, state=state, remedy=remedy, evidence=evidence)


def bad_end(
    where: GuestLocation,
    name: str,
    source: str,
    destination: str,
    *,
    cause: t.Optional[MigrationError],
    facts: t.Mapping[str, t.Any],
) -> MigrationError:
    """The error after a migration that has left the guest in such a situation.

    ``cause``: why it failed by libvirt, where that is known; ``facts``: return values of the module.
    """
    reason, problem, remedy = _words(where, name, source, destination)
    if where.situation is Situation.ARRIVING_THERE and where.there is not None and not where.there.arriving:
        # It came from here: it was looked after until its half here ended.
        reason, problem, remedy = "HALF_ENDED", source_half_ended(name, source, where.here), SOURCE_HALF_ENDED_REMEDY
    if where.lost_there:
        reason, problem, remedy = "HALF_ENDED", half_ended(name, destination, where.there), HALF_ENDED_REMEDY
    if reason == "HALF_ENDED":
        facts = {**facts, "runs_on": None}
    if where.situation in (Situation.OFF, Situation.NOWHERE):
        reason, problem = "GUEST_STOPPED", f"{name!r} stopped while it was being migrated."
        remedy = f"Find out who shut it down or why it crashed; start it on {source} when it should run."
    if where.situation is Situation.THERE:
        reason, problem = "NOT_RUNNING_THERE", f"{name!r} is on {destination} now, but stands still."
        remedy = "Find out why ('virsh domstate --reason', the log of its QEMU), then resume it there."
    return MigrationError(
        reason,
        f"{problem} {cause.problem}" if cause else problem,
        state=f"It is {where.state_text()}.",
        remedy=remedy,
        evidence={**where.document(), **(cause.evidence if cause else {})},
        facts=facts,
    )


# Of an abort that was asked for and has not ended the job.
ABORT_FAILED_REMEDY = (
    "Look at libvirt and QEMU on both hosts ('virsh domjobinfo', and the guest's log in /var/log/libvirt/qemu), and run"
    " this again: it takes over what it finds. Restart libvirt on the source only if nothing else helps: that ends"
    " every pre-copy that leaves it."
)
# While the destination gets the guest ready libvirt 9.0 heeds none.
ABORT_PENDING = "its migration ends when the destination answers; nothing of it has been sent"
ABORT_PENDING_REMEDY = (
    "Look on the destination why the guest does not get ready there (its log in /var/log/libvirt/qemu, storage,"
    " memory). Where it never will, end its QEMU there, which has nothing of the guest yet. Then run this again."
)
HALF_ENDED_REMEDY = (
    "Find out why it ended there ('virsh domstate --reason', the log of its QEMU). When it is certain that it was"
    " migrated there, what is left on the source is of no use any more: end that with 'virsh destroy', and start the"
    " guest from its disks, on the destination where it is defined there. Before that destroy nothing."
)
HALF_MISSING_REMEDY = (
    "Use the URI of the host that it was migrated to, and do not destroy the half on the source. If it is certain that"
    " this is that host, and that it has lost its half (it was booted again), what the guest had in memory is lost: end"
    " what is left on the source with 'virsh destroy', and start the guest from its disks."
)
SOURCE_HALF_ENDED_REMEDY = (
    "Find out why it ended ('virsh domstate --reason', the log of its QEMU). When it is certain that it was migrated"
    " from there, what is left on the destination is of no use any more: end that with 'virsh destroy', and start the"
    " guest from its disks; where they were copied, those on the destination are the newer ones. Before that destroy"
    " nothing."
)
_LOST = " What it had in memory is lost: in post-copy a guest needs both hosts."


def half_ended(name: str, destination: str, there: t.Optional[DomainState]) -> str:
    """The problem where a guest was shut down, or crashed, while it ran split over two hosts. ``there``: its state on
    the destination, None where that knows nothing of it any more."""
    lost = "" if there is not None and there.ended_orderly else _LOST
    state_text = there.state_text if there is not None else "unknown"
    return f"{_cannot_be_joined(name)}: it is {state_text} on {destination}.{lost}"


def source_half_ended(name: str, source: str, here: t.Optional[DomainState]) -> str:
    """The problem where the half that has the rest of the memory has ended."""
    state_text = here.state_text if here is not None else "unknown"
    return f"{_cannot_be_joined(name)}: it is {state_text} on {source}.{_LOST}"


def _cannot_be_joined(name: str) -> str:
    return f"The post-copy migration of {name!r} is broken, and cannot be joined"


def _words(where: GuestLocation, name: str, source: str, destination: str) -> tuple[str, str, str]:
    """Reason code, problem and remedy of a situation in which nothing is done."""
    situation = where.situation
    if situation is Situation.HALF_ENDED:
        return "HALF_ENDED", half_ended(name, destination, where.there), HALF_ENDED_REMEDY
    if situation is Situation.SOURCE_HALF_ENDED:
        return "HALF_ENDED", source_half_ended(name, source, where.here), SOURCE_HALF_ENDED_REMEDY
    reason, problem, remedy = _WORDS.get(situation, _UNCLEAR)
    if situation is Situation.ELSEWHERE and where.job is not None and where.job.in_postcopy:
        remedy = (
            "It is split over two hosts: name the other one as the destination, and abort and destroy nothing. If it is"
            " certain that this was the other one, and that it has lost its half (it was booted again), the guest is"
            " lost: end what is left on the source with 'virsh destroy', and start the guest from its disks."
        )
    names = {"name": name, "source": source, "destination": destination}
    return reason, problem.format(**names), remedy.format(**names)


_WORDS: t.Mapping[Situation, tuple[str, str, str]] = {
    Situation.SPLIT_BRAIN: (
        "SPLIT_BRAIN",
        "ALARM: {name!r} runs on {source} and on {destination} at once.",
        (
            "Do nothing automatic. Find out which copy is the right one, and stop the other by hand, before both write"
            " to the same disks any longer."
        ),
    ),
    Situation.ELSEWHERE: (
        "JOB_ELSEWHERE",
        "{name!r} is being migrated from {source}, but {destination} knows nothing of it: it goes elsewhere.",
        "Let that migration end, or abort it (migration_abort), then run this again.",
    ),
    Situation.BROKEN: (
        "POSTCOPY_BROKEN",
        "The post-copy migration of {name!r} to {destination} is broken, and the policy allows no post-copy.",
        "Destroy neither half. Join them with migration_recover, or allow it here with policy_overrides.postcopy.",
    ),
    Situation.ARRIVING_THERE: (
        "INCOMING",
        "{name!r} is arriving on {destination} from another host than {source}.",
        "Let that migration end, or look after it on the host that it comes from; then it is on {destination}.",
    ),
    Situation.OFF: (
        "GUEST_NOT_RUNNING",
        "{name!r} does not run, neither on {source} nor on {destination}.",
        "Start it where it should run; what is off needs no live migration.",
    ),
    Situation.NOWHERE: (
        "GUEST_NOT_FOUND",
        "Neither {source} nor {destination} has {name!r}.",
        "Check the name or UUID, and look for the guest on the other hosts.",
    ),
}
_UNCLEAR = (
    "UNCLEAR",
    "{source} and {destination} do not agree about {name!r}.",
    (
        "Find out which copy is the right one ('virsh domstate --reason', 'virsh domjobinfo' on both hosts) before"
        " anything is stopped, resumed or destroyed."
    ),
)
