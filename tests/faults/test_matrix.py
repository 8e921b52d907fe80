# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of networks, daemons and QEMU, and other people's hands, in each phase, under each module that supervises.

Each ends with one living copy, whose memory the fixture checks, or with both halves untouched and told so.
"""

from __future__ import annotations

import pytest
from bench.runs import Result, assert_done, assert_refused
from cases import CASES, RECOVER, Case, phase_of
from results import Seen
from scene import BEFORE_SWITCH, END_S, Scene, told

PARAMETERS = [
    pytest.param(name, case, id=f"{name}, {case.phase}, {case.module}", marks=[pytest.mark.fast] if case.fast else [])
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


@pytest.mark.parametrize(("kind", "case"), PARAMETERS)
def test_a_fault_on_the_way(scene: Scene, seen: Seen, kind: str, case: Case) -> None:
    source, destination = scene.hosts
    scene.blind = case.blind
    running = scene.under_way(case.module, case.phase, **case.policy)
    case.harm(scene)
    if case.phase in BEFORE_SWITCH and not case.lost:
        scene.calm_if_alive()  # what goes on can finish
    (result,) = running.wait(END_S).results
    print(told(result))
    check(result, case)
    seen(kind, phase_of(case), case.module, end_of(result), lost=case.lost)
    if case.lost:
        told_lost(scene, result)
        return
    if case.blind:
        assert f"destination of {scene.guest.name} is not known" in str(result.get("warnings"))
        assert result.get("destination_answered") is None
    # What nobody looks after any more goes on by itself, unless it was in two halves already.
    waits = case.phase == "paused" or result.get("reason") in ("LEFT", "POSTCOPY_BROKEN")
    if not (result["failed"] and waits):
        scene.alone_on(source if result["failed"] and case.phase in BEFORE_SWITCH else destination)
    if result["failed"]:
        print("again:", told(scene.run_again()))


def end_of(result: Result) -> str:
    """In one word."""
    return str(result["reason"] if result["failed"] else result.get("outcome") or result["phase"])


def told_lost(scene: Scene, result: Result) -> None:
    """It says so, also when it is asked again, and touches nothing of what is left; the remedy that it names works."""
    before = scene.states()
    print(before, result["state"], result["remedy"])
    refused = scene.ansible.run(scene.guest.source, scene.migration())[0]
    print("again:", told(refused))
    assert refused["failed"], refused
    assert refused["reason"] == ("GUEST_NOT_RUNNING" if result["reason"] == "GUEST_STOPPED" else result["reason"])
    assert scene.states() == before
    assert result.get("runs_on") is None
    assert refused.get("runs_on") is None
    if result["reason"] == "HALF_ENDED":
        assert "virsh destroy" in result["remedy"]
        assert "lost" in result["msg"]
        assert "lost" in refused["msg"]
    scene.start_lost()
    print("at last:", told(scene.run_again()))
