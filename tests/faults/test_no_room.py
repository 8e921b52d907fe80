# SPDX-License-Identifier: GPL-3.0-or-later
"""The destination has no memory, or no port, for one more guest."""

from __future__ import annotations

import pytest
from bench.runs import assert_refused
from results import Seen
from scene import Scene, told


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        pytest.param("fill_memory", "DESTINATION_MEMORY", id="memory"),
        pytest.param("fill_ports", "PORT_UNAVAILABLE", id="ports"),
    ],
)
def test_no_room_on_the_destination(scene: Scene, seen: Seen, fill: str, reason: str) -> None:
    source, destination = scene.hosts
    getattr(scene.lab, fill)(destination)
    result = scene.ansible.run(source, scene.migration())[0]
    print(told(result))
    assert_refused(result, reason)
    assert result["runs_on"] == source
    assert source in result["state"]
    scene.alone_on(source)
    assert scene.guest.virsh("migrate-getmaxdowntime") == "300", "what was prepared was not taken back"
    kinds = {"fill_memory": "memory refused on arrival", "fill_ports": "every port taken by another program"}
    seen(kinds[fill], "setup", "migration", reason)
    scene.lab.clear(destination)
    print("again:", told(scene.run_again()))


def test_a_few_ports_are_taken(scene: Scene, seen: Seen) -> None:
    """libvirt gives out the next one that is free."""
    assert scene.lab.fill_ports(scene.guest.destination, last=49160) > 0
    result = scene.run_again()
    print(told(result))
    assert result["outcome"] == "moved"
    seen("some ports taken by another program", "setup", "migration", result["outcome"])
