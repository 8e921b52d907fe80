# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `evacuation` is killed before and after each call and each write that it makes, and run again, when it
empties a host and when it brings a guest home: the end is the same, and so is what is noted of the guest's home."""

from __future__ import annotations

import pytest
from bench.runs import Task, task
from bench.subject import LINK_MBIT, wait_for
from crash_points import chosen_calls, counted, every_side, forget, log_of, tell
from results import Seen
from scene import END_S, Scene

PURPOSES = ("evacuate", "return")
# The calls that change most: where the guest runs, what is noted of its home, and its definition.
FEW = ("virDomainMigrateToURI3 1", "virDomainSetMetadata 1", "virDomainUndefineFlags 1")


def evacuation(scene: Scene, purpose: str) -> Task:
    there = scene.guest.destination
    uri = f"qemu+tcp://{there}/system"
    return task(
        "evacuation",
        purpose=purpose,
        guests=[{"uuid": scene.guest.uuid, "destination": there}],
        destinations=[{"name": there, "destination_uri": uri, "link_mib_per_s": LINK_MBIT * 0.114}],
        policy_overrides={"postcopy": "if_needed", "max_data_factor": 50},
        measure=False,
    )


def away(scene: Scene, host: str) -> list[str]:
    """Names of the hosts that are the home of a guest that runs on this one."""
    (result,) = scene.ansible.run(host, task("evacuation_home_info"))
    assert not result["failed"], result["msg"]
    return [one["home"]["host"] for one in result["guests"]]


def carried_out(scene: Scene, purpose: str, at: str = "") -> str:
    """The host of the guest is emptied, or the guest brought home; what came of it, with a death on the way or without
    one."""
    (source, there), order = scene.hosts, evacuation(scene, purpose)
    (result,) = scene.ansible.begin(source, counted(order, at)).wait(END_S).results
    outcome = "not reached"
    if result["failed"]:
        assert result["reason"] == "MODULE_DIED", f"{at}: {result['msg']}"
        (again,) = scene.ansible.begin(source, order).wait(END_S).results
        assert not again["failed"], f"{at}: {again['msg']}"
        (row,) = again["guests"]
        outcome = str(row["outcome"])
    wait_for(lambda: scene.states()[1].startswith("running (migrated)"), "its arrival")
    scene.guest.has_moved()
    assert away(scene, there) == ([source] if purpose == "evacuate" else []), at
    return outcome


def there_and_back(scene: Scene, purpose: str, at: str) -> str:
    """With a death in the one or in the other."""
    outcomes = {each: carried_out(scene, each, at if each == purpose else "") for each in PURPOSES}
    scene.guest.verify()
    return outcomes[purpose]


@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_each_call(counting: Scene, seen: Seen, purpose: str) -> None:
    calls: list[str] = []
    for each in PURPOSES:
        source = counting.guest.source
        forget(counting, source)
        carried_out(counting, each)
        calls = chosen_calls(log_of(counting, source)) if each == purpose else calls
    assert len(calls) > 20, calls
    outcomes = every_side(calls, lambda at: there_and_back(counting, purpose, at))
    assert outcomes["not reached"] < len(calls) / 2, outcomes
    tell(seen, f"evacuation, purpose {purpose}", calls, outcomes)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_calls_that_change_most(counting: Scene, purpose: str) -> None:
    outcomes = every_side(FEW, lambda at: there_and_back(counting, purpose, at))
    assert sum(outcomes.values()) - outcomes["not reached"] >= 2, outcomes
