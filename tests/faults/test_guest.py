# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest itself switches off, or boots again, while it is on its way."""

from __future__ import annotations

import pytest
from bench.runs import Result, assert_refused
from bench.subject import LIMIT_S
from results import Seen
from scene import END_S, Scene, told

MODULES = ["migration", "migration_rescue"]


def powered(scene: Scene, module: str, phase: str, *, again: bool) -> Result:
    """What the module says in the end."""
    running = scene.under_way(module, phase)
    scene.lab.guest_power(scene.guest.uuid, again=again)
    scene.fast()
    if again and phase == "precopy":
        scene.lab.guest_verify(scene.guest.uuid, timeout_s=LIMIT_S)  # it answers when it has booted
        scene.calm()
    (result,) = running.wait(END_S).results
    print(told(result))
    return result


def boots(scene: Scene) -> int:
    return scene.lab.guest_console(scene.guest.uuid).count("] G ")


@pytest.mark.parametrize("module", MODULES)
def test_it_switches_off_in_precopy(scene: Scene, seen: Seen, module: str) -> None:
    result = powered(scene, module, "precopy", again=False)
    seen("guest switches itself off", "precopy", module, result["reason"])
    assert_refused(result, "GUEST_STOPPED")
    assert scene.states() == ("shut off (shutdown)", "")
    scene.guest.virsh("start")
    scene.lab.guest_verify(scene.guest.uuid, timeout_s=LIMIT_S)
    print("again:", told(scene.run_again()))


@pytest.mark.parametrize("module", MODULES)
def test_it_switches_off_in_postcopy(scene: Scene, seen: Seen, module: str) -> None:
    """It ends on the destination, and what is left on the source is kept until somebody has understood that."""
    source, destination = scene.hosts
    result = powered(scene, module, "postcopy", again=False)
    seen("guest switches itself off", "postcopy", module, result["reason"])
    assert_refused(result, "HALF_ENDED")
    assert scene.states() == ("paused (post-copy failed)", "shut off (shutdown)")
    assert "virsh destroy" in result["remedy"]
    refused = scene.ansible.run(source, scene.migration())[0]
    print("again:", told(refused))
    assert_refused(refused, "HALF_ENDED")
    assert refused.get("runs_on") is None
    scene.guest.virsh("destroy")
    scene.guest.virsh("start", host=destination)
    scene.lab.guest_verify(scene.guest.uuid, timeout_s=LIMIT_S)
    print("at last:", told(scene.run_again()))


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("phase", ["precopy", "postcopy"])
def test_it_boots_again(scene: Scene, seen: Seen, module: str, phase: str) -> None:
    destination = scene.guest.destination
    before = boots(scene)
    result = powered(scene, module, phase, again=True)
    assert boots(scene) == before + 1
    assert not result["failed"], result["msg"]
    assert result["outcome"] in ("moved", "completed")
    seen("guest boots again", phase, module, result["outcome"])
    scene.alone_on(destination)
    scene.guest.has_moved()
