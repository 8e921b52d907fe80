# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody suspends the guest on its way: it stands still from then on, wherever it is, until he resumes it."""

from __future__ import annotations

import pytest
from bench.subject import wait_for
from harm import hands
from results import Seen
from scene import END_S, Scene, told


@pytest.mark.parametrize("module", ["migration", "migration_rescue"])
def test_suspended_by_another(scene: Scene, seen: Seen, module: str) -> None:
    destination = scene.guest.destination
    running = scene.under_way(module, "precopy")
    hands.suspended(scene)
    (result,) = running.wait(END_S).results
    print(told(result), result.get("state"), scene.states())
    assert not result["failed"], result["msg"]
    assert result["outcome"] in ("moved", "completed")
    assert scene.states()[1].startswith("paused"), "somebody wanted it to stand still"
    seen("suspended by another", "precopy", module, result["outcome"])
    again = scene.ansible.run(scene.guest.source, scene.migration())[0]
    print("again:", told(again))
    assert again["outcome"] == "already_there"
    scene.guest.virsh("resume", host=destination)
    wait_for(lambda: scene.states()[1].startswith("running"), "it to run again")
    scene.alone_on(destination)
