# SPDX-License-Identifier: GPL-3.0-or-later
"""Before and after each call of the module `migration` its connections to libvirt are cut, or its controller is killed;
then it is run again: the end is the same, and what the first run told is true."""

from __future__ import annotations

import typing as t

import pytest
from bench.subject import wait_for
from crash_points import FEW, GO, HELD, calls_of_migration, disturbed, every_side, forget, run_again, tell
from results import Seen
from scene import END_S, Scene, told

SCRIPT = "AnsiballZ_migration.py"


def connection_cut(scene: Scene, at: str) -> str:
    """The module may connect anew, or say what it does not know any more; it is never one of its own errors."""
    (result,) = disturbed(scene, at, "cut").wait(END_S).results
    if not result["failed"]:
        scene.guest.has_moved()
        scene.guest.verify()
        return str(result["outcome"])
    assert result["reason"] not in ("INTERNAL", "MODULE_DIED"), f"{at}: {told(result)}"
    assert result["remedy"], at
    wait_for(lambda: not scene.lab.script_runs(scene.guest.source, SCRIPT), "the end of the module")
    return f"{result['reason']}, then {run_again(scene)}"


def controller_killed(scene: Scene, at: str) -> str:
    """The module goes on alone; whoever runs it again finds the guest there, or what is left to do."""
    source = scene.guest.source
    forget(scene, source)
    running = disturbed(scene, at, "held")

    def held() -> bool:
        return scene.lab.execute(source, "test", "-e", HELD, check=False).returncode == 0

    wait_for(lambda: held() or running.process.poll() is not None, "the call, or the end", END_S)
    if not held():
        (result,) = running.wait(END_S).results
        assert not result["failed"], f"{at}: {told(result)}"
        scene.guest.has_moved()
        return "not reached"
    running.kill()
    scene.lab.execute(source, "touch", GO)
    wait_for(lambda: not scene.lab.script_runs(source, SCRIPT), "the end of the module", END_S)
    return run_again(scene)


HARM: dict[str, t.Callable[[Scene, str], str]] = {
    "connection cut": connection_cut,
    "controller killed": controller_killed,
}


@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("harm", HARM)
def test_each_call_of_a_migration(counting: Scene, seen: Seen, harm: str) -> None:
    calls = calls_of_migration(counting)
    assert len(calls) > 20, calls
    outcomes = every_side(calls, lambda at: HARM[harm](counting, at))
    assert outcomes["not reached"] < len(calls) / 2, outcomes
    tell(seen, "migration", calls, outcomes, harm)


@pytest.mark.parametrize("harm", HARM)
def test_the_calls_that_change_most(counting: Scene, harm: str) -> None:
    outcomes = every_side(FEW, lambda at: HARM[harm](counting, at))
    assert sum(outcomes.values()) - outcomes["not reached"] >= 2, outcomes
