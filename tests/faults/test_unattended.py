# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody looks after the migration (`wait: false`) while something happens to it; then the task is run again."""

from __future__ import annotations

import typing as t

import pytest
from bench.runs import assert_done, assert_refused
from bench.subject import LIMIT_S, wait_for
from harm import Harm, networks, processes
from results import Seen
from scene import POLICIES, Scene, told

UNATTENDED: dict[str, t.Any] = {"wait": False, "policy_overrides": POLICIES["precopy"]}


def begun(scene: Scene) -> None:
    (result,) = scene.ansible.run(scene.guest.source, scene.migration(**UNATTENDED))
    assert_done(result, True, outcome="started")
    wait_for(lambda: scene.sent_bytes() > 0, "the memory to flow")


@pytest.mark.parametrize(
    ("kind", "harm", "ends"),
    [
        ("source daemon killed", processes.daemon_killed("source"), "moved"),
        ("source daemon restarted", processes.daemon_restarted("source"), "moved"),
        ("destination daemon killed", processes.daemon_killed("destination"), "moved"),
        ("link down for 20 s", networks.link_down(20), "adopted|already_there"),
        ("stream broken", networks.stream_broken, "moved"),
    ],
)
def test_it_is_run_again(scene: Scene, seen: Seen, kind: str, harm: Harm, ends: str) -> None:
    begun(scene)
    harm(scene)
    again = scene.run_again(adopting="adopted" in ends)
    print("again:", told(again))
    assert again["outcome"] in ends.split("|")
    seen(f"unattended: {kind}", "precopy", "migration", again["outcome"])


def test_the_guest_switches_itself_off(scene: Scene, seen: Seen) -> None:
    begun(scene)
    scene.lab.guest_power(scene.guest.uuid, again=False)
    wait_for(lambda: scene.states() == ("shut off (shutdown)", ""), "its end")
    (refused,) = scene.ansible.run(scene.guest.source, scene.migration())
    print("again:", told(refused))
    assert_refused(refused, "GUEST_NOT_RUNNING")
    seen("unattended: guest switches itself off", "precopy", "migration", refused["reason"])
    scene.guest.virsh("start")
    scene.lab.guest_verify(scene.guest.uuid, timeout_s=LIMIT_S)
    print("at last:", told(scene.run_again()))
