# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of networks, daemons and QEMU, and other people's hands, in each phase, under each module that supervises.

Each ends with one living copy, whose memory the fixture checks, or with both halves untouched and told so.
"""

from __future__ import annotations

import typing as t

import harm
import pytest
from bench.runs import Result, assert_done, assert_refused
from scene import END_S, Scene, told

MIGRATION, RESCUE, RECOVER = "migration", "migration_rescue", "migration_recover"


class Case(t.NamedTuple):
    """``ends``: the outcome or the phase that is returned, or reason codes; ``decision``: what it was given up for.

    ``policy``: fields that are different. ``blind``: the module is not told where the guest goes.
    """

    module: str
    phase: str
    harm: harm.Harm
    ends: str
    decision: str = ""
    policy: t.Mapping[str, t.Any] = {}
    fast: bool = False
    blind: bool = False


def out_of_reach(module: str, away: harm.Harm) -> Case:
    """In pre-copy it is to end before libvirt gives the connection up: a guest that calms down just then, and changes
    hosts, runs on both of them afterwards."""
    return Case(module, "precopy", away, "GIVEN_UP", "NO_PATH", {"on_hopeless": "abort"})


CASES = {
    "stream broken": [
        Case(MIGRATION, "precopy", harm.stream_broken, "STREAM_BROKEN"),
        Case(MIGRATION, "postcopy", harm.stream_broken, "moved", fast=True),
        Case(RESCUE, "precopy", harm.stream_broken, "MIGRATION_FAILED"),
        Case(RESCUE, "postcopy", harm.stream_broken, "completed"),
        Case(RECOVER, "postcopy", harm.stream_broken, "completed"),
    ],
    "link down for 3 s": [
        Case(MIGRATION, "precopy", harm.link_down(3), "moved"),
        Case(MIGRATION, "postcopy", harm.link_down(3), "moved"),
        Case(RESCUE, "precopy", harm.link_down(3), "completed"),
        Case(RESCUE, "postcopy", harm.link_down(3), "completed"),
        Case(RECOVER, "postcopy", harm.link_down(3), "completed"),
    ],
    # In pre-copy 60 s of silence are its end, and about then the stream would go on.
    "link down for 60 s": [
        Case(MIGRATION, "precopy", harm.link_down(60), "GIVEN_UP|moved"),
        Case(MIGRATION, "postcopy", harm.link_down(60), "moved"),
        Case(RESCUE, "precopy", harm.link_down(60), "LEFT|completed"),
        Case(RESCUE, "postcopy", harm.link_down(60), "completed"),
        Case(RECOVER, "postcopy", harm.link_down(60), "completed"),
    ],
    "source daemon restarted": [
        Case(MIGRATION, "precopy", harm.source_daemon_restarted, "ENDED_BY_RESTART", fast=True),
        Case(MIGRATION, "precopy", harm.source_daemon_restarted, "moved", policy={"max_restarts": 1}),
        Case(MIGRATION, "postcopy", harm.source_daemon_restarted, "CONNECTION_LOST"),
        Case(RESCUE, "precopy", harm.source_daemon_restarted, "ENDED_BY_RESTART"),
        Case(RESCUE, "postcopy", harm.source_daemon_restarted, "CONNECTION_LOST"),
        Case(RECOVER, "postcopy", harm.source_daemon_restarted, "CONNECTION_LOST"),
    ],
    "destination daemon killed": [
        Case(MIGRATION, "precopy", harm.destination_daemon_killed, "CONNECTION_LOST"),
        Case(MIGRATION, "postcopy", harm.destination_daemon_killed, "moved"),
        Case(RESCUE, "precopy", harm.destination_daemon_killed, "MIGRATION_FAILED"),
        Case(RESCUE, "postcopy", harm.destination_daemon_killed, "completed"),
        Case(RECOVER, "postcopy", harm.destination_daemon_killed, "completed"),
    ],
    "destination QEMU killed": [
        Case(MIGRATION, "precopy", harm.destination_qemu_killed, "QEMU_DIED|STREAM_BROKEN"),
        Case(RESCUE, "precopy", harm.destination_qemu_killed, "MIGRATION_FAILED"),
    ],
    "destination gone for 20 s": [
        out_of_reach(MIGRATION, harm.host_gone(20)),
        Case(MIGRATION, "postcopy", harm.host_gone(20), "moved"),
        out_of_reach(RESCUE, harm.host_gone(20)),
        Case(RESCUE, "postcopy", harm.host_gone(20), "completed"),
    ],
    "source unreachable for 20 s": [
        out_of_reach(MIGRATION, harm.source_unreachable(20)),
        out_of_reach(RESCUE, harm.source_unreachable(20)),
        Case(MIGRATION, "postcopy", harm.source_unreachable(20), "moved"),
    ],
    "aborted by another": [
        Case(MIGRATION, "precopy", harm.aborted_by_another, "CANCELLED|STREAM_BROKEN"),
        Case(RESCUE, "precopy", harm.aborted_by_another, "MIGRATION_FAILED"),
    ],
    "switched by another": [
        Case(RESCUE, "precopy", harm.switched_by_another, "completed"),
    ],
    # Where nobody has said where it goes, the way there is not watched, and nothing is joined again.
    "stream broken, destination not known": [
        Case(RESCUE, "precopy", harm.stream_broken, "MIGRATION_FAILED", blind=True),
        Case(RESCUE, "postcopy", harm.stream_broken, "POSTCOPY_BROKEN", blind=True),
    ],
    "link down for 3 s, destination not known": [
        Case(RESCUE, "precopy", harm.link_down(3), "completed", blind=True),
        Case(RESCUE, "postcopy", harm.link_down(3), "completed", blind=True),
    ],
    "destination daemon killed, destination not known": [
        Case(RESCUE, "precopy", harm.destination_daemon_killed, "MIGRATION_FAILED", blind=True),
        Case(RESCUE, "postcopy", harm.destination_daemon_killed, "completed", blind=True),
    ],
}

PARAMETERS = [
    pytest.param(case, id=f"{name}, {case.phase}, {case.module}", marks=[pytest.mark.fast] if case.fast else [])
    for name, cases in CASES.items()
    for case in cases
]


def check(result: Result, case: Case) -> None:
    """The module's own account of it."""
    if result["failed"]:
        assert result.get("reason") in case.ends.split("|"), result["msg"]
        assert_refused(result, result["reason"])
        if case.decision:
            assert result["evidence"]["decision"] == case.decision
    elif case.module == RECOVER:
        assert_done(result, True, phase=case.ends)
    else:
        assert result["outcome"] in case.ends.split("|"), result


@pytest.mark.parametrize("case", PARAMETERS)
def test_a_fault_on_the_way(scene: Scene, case: Case) -> None:
    source, destination = scene.hosts
    scene.blind = case.blind
    running = scene.under_way(case.module, case.phase, **case.policy)
    case.harm(scene)
    if case.phase == "precopy":
        scene.calm_if_alive()  # what goes on can finish
    (result,) = running.wait(END_S).results
    print(told(result))
    check(result, case)
    if case.blind:
        assert f"destination of {scene.guest.name} is not known" in str(result.get("warnings"))
        assert result.get("destination_answered") is None
    if result.get("reason") not in ("LEFT", "POSTCOPY_BROKEN"):
        scene.alone_on(source if result["failed"] and case.phase == "precopy" else destination)
    if result["failed"]:
        print("again:", told(scene.run_again()))
