# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, or ansible-playbook, dies by SIGKILL; or there are two of them. The migration is never harmed by that."""

from __future__ import annotations

import typing as t

import pytest
from bench.runs import assert_done, assert_refused
from bench.subject import LINK_MBIT, wait_for
from results import Seen
from scene import END_S, POLICIES, Scene, told

MODULE_DIED_S = 180.0
MEASURED = {"measure": True, "link_mib_per_s": LINK_MBIT * 0.114}
PHASES = [
    pytest.param("migration", "measuring"),
    pytest.param("migration", "precopy", marks=pytest.mark.fast),
    pytest.param("migration", "postcopy"),
    pytest.param("migration", "broken"),
    pytest.param("migration_rescue", "precopy"),
    pytest.param("migration_rescue", "postcopy"),
    pytest.param("migration_recover", "postcopy"),
]


def script(module: str) -> str:
    return f"AnsiballZ_{module}.py"


@pytest.mark.parametrize(("module", "phase"), PHASES)
def test_the_module_dies_and_is_run_again(scene: Scene, seen: Seen, module: str, phase: str) -> None:
    source, destination = scene.hosts
    if phase == "measuring":
        running = scene.ansible.begin(source, scene.migration(**MEASURED))
        wait_for(lambda: scene.lab.script_runs(source, script(module)), "the module to run")
        wait_for(lambda: "calc_status=1" in dirty_rate(scene), "the measurement to run")
    else:
        running = scene.under_way(module, "postcopy" if phase == "broken" else phase)
    if phase == "broken":
        scene.lab.cut_stream(source=source, destination=destination)
        wait_for(lambda: scene.guest.state() == "paused (post-copy failed)", "the post-copy to break")
    assert scene.lab.kill_script(source, script(module)) == 1
    (result,) = running.wait(MODULE_DIED_S).results
    print(told(result))
    assert_refused(result, "MODULE_DIED")
    before = scene.states()
    if phase in ("measuring", "precopy"):
        assert before[0].startswith("running"), before
    elif phase == "broken":
        assert before == ("paused (post-copy failed)", "running (post-copy failed)"), before
    scene.fast()
    again = scene.run_again(adopting=phase == "precopy", **(MEASURED if phase == "measuring" else {}))
    print("again:", told(again))
    expected = {
        "measuring": {"moved"},
        "precopy": {"adopted"},
        "postcopy": {"adopted", "already_there"},
        "broken": {"recovered"},
    }
    assert again["outcome"] in expected[phase]
    phases = {"measuring": "before", "broken": "paused"}
    named = "during recovery" if module == "migration_recover" else phases.get(phase, phase)
    seen("module killed", named, module, again["outcome"])
    scene.alone_on(destination)


def dirty_rate(scene: Scene) -> str:
    return scene.guest.virsh("domstats", "--dirtyrate", check=False).replace("dirtyrate.", "")


@pytest.mark.parametrize("phase", ["precopy", "postcopy"])
def test_the_controller_dies(scene: Scene, seen: Seen, phase: str) -> None:
    """The module goes on without it, to the end; whoever runs it again finds the guest there."""
    source, destination = scene.hosts
    running = scene.under_way("migration", phase)
    running.kill()
    assert scene.lab.script_runs(source, script("migration")), "it died with its controller"
    if phase == "precopy":
        scene.calm()
    scene.fast()
    wait_for(lambda: not scene.lab.script_runs(source, script("migration")), "the end of the module", END_S)
    scene.alone_on(destination)
    assert scene.guest.state() == "", "its definition was not taken off the source"
    again = scene.run_again()
    assert_done(again, False, outcome="already_there", runs_on=destination)
    seen("controller killed", phase, "migration", again["outcome"])


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_two_runs_at_once(scene: Scene, seen: Seen, later: bool) -> None:
    source, destination = scene.hosts
    order = scene.migration(policy_overrides={**POLICIES["postcopy"], "postcopy": "if_needed"})
    scene.lab.guest_mark(scene.guest.uuid)
    runs = [scene.ansible.begin(source, order)]
    if later:
        scene.reach("precopy", runs[0])
    runs.append(scene.ansible.begin(source, order))
    results: list[dict[str, t.Any]] = [run.wait(END_S).results[0] for run in runs]
    for result in results:
        print(told(result))
    for result in results:
        assert not result["failed"], result["msg"]
        assert result["runs_on"] == destination
    outcomes = sorted(result["outcome"] for result in results)
    assert "moved" in outcomes
    assert outcomes != ["moved", "moved"], "two have started it"
    seen("two runs at once", "precopy" if later else "setup", "migration", " and ".join(outcomes))
    scene.alone_on(destination)
    scene.guest.has_moved()
