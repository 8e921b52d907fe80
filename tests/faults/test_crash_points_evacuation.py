# SPDX-License-Identifier: GPL-3.0-or-later
"""Before and after each call and each write of the module `evacuation` it is killed, its connections to libvirt are
cut, or its controller is killed, when it empties a host and when it brings a guest home; then it is run again: the end
is the same, and so is what is noted of the guest's home."""

from __future__ import annotations

import pytest
from bench.runs import Result, Task, task
from bench.subject import LINK_MBIT, wait_for
from crash_points import FEW as OF_A_MIGRATION
from crash_points import HARM, NOT_REACHED, Subject, at_each, both_sides, chosen_calls, log_of, tell
from results import Seen
from scene import END_S, Scene

PURPOSES = ("evacuate", "return")
# Beside those of a migration: what is noted of its home, or no longer.
FEW = ("after virDomainSetMetadata 1", *OF_A_MIGRATION)


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


def disturbed(scene: Scene, purpose: str) -> Subject:
    """The host of the guest is emptied, or the guest brought home."""
    (source, there), order = scene.hosts, evacuation(scene, purpose)

    def ended_well(result: Result) -> str:
        wait_for(lambda: scene.states()[1].startswith("running (migrated)"), "its arrival")
        scene.guest.has_moved()
        assert away(scene, there) == ([source] if purpose == "evacuate" else [])
        (row,) = result["guests"]
        return str(row["outcome"])

    def again() -> str:
        (result,) = scene.ansible.begin(source, order).wait(END_S).results
        assert not result["failed"], result["msg"]
        return ended_well(result)

    return Subject(scene, "evacuation", order, again, ended_well)


def carried_out(scene: Scene, purpose: str) -> None:
    """With nothing on the way."""
    subject = disturbed(scene, purpose)
    (result,) = subject.begin("", "").wait(END_S).results
    assert not result["failed"], result["msg"]
    subject.ended_well(result)


def there_and_back(scene: Scene, harm: str, purpose: str, at: str) -> str:
    """With harm in the one or in the other."""
    outcome = ""
    for each in PURPOSES:
        if each == purpose:
            outcome = HARM[harm](disturbed(scene, each), at)
        else:
            carried_out(scene, each)
    scene.guest.verify()
    return outcome


@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("harm", HARM)
def test_each_call(counting: Scene, seen: Seen, harm: str, purpose: str) -> None:
    calls: list[str] = []
    for each in PURPOSES:
        source = counting.guest.source
        carried_out(counting, each)
        calls = chosen_calls(log_of(counting, source)) if each == purpose else calls
    assert len(calls) > 20, calls
    outcomes = at_each(both_sides(calls), lambda at: there_and_back(counting, harm, purpose, at))
    assert outcomes[NOT_REACHED] < len(calls) / 2, outcomes
    tell(seen, f"evacuation, purpose {purpose}", calls, outcomes, harm)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("harm", HARM)
def test_where_most_is_at_stake(counting: Scene, harm: str, purpose: str) -> None:
    outcomes = at_each(FEW, lambda at: there_and_back(counting, harm, purpose, at))
    assert outcomes[NOT_REACHED] == 0, outcomes
