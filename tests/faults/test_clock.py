# SPDX-License-Identifier: GPL-3.0-or-later
"""The clocks of both hosts jump for their daemons: a time server has set them right, or wrong.

All hosts of the lab have one kernel, whose clock is everybody's. So libfaketime stands between it and the daemons,
and leaves the monotonic clock alone, as a kernel does. The module is left out: a sleep that is cut by a jump ends in an
error there (Python 3.11 with libfaketime 0.9.10), which no kernel gives. It takes nothing but a date from that clock.
"""

from __future__ import annotations

import typing as t

import pytest
from results import Seen
from scene import END_S, Scene, told
from virtlab import daemons
from virtlab import host as hosts

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
OFFSET = "/run/clock-offset"
FAKED = {
    "LD_PRELOAD": LIBRARY,
    "FAKETIME_TIMESTAMP_FILE": OFFSET,
    "FAKETIME_NO_CACHE": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    "DONT_FAKE_MONOTONIC": "1",
}


def set_clock(scene: Scene, offset_s: int) -> None:
    for host in scene.hosts:
        scene.lab.execute(host, "tee", OFFSET, input_text=f"{offset_s:+d}s\n")


def read_clock(scene: Scene, host: str) -> int:
    """What `date` says there, where its clock is that of the daemons."""
    words = [f"{name}={value}" for name, value in FAKED.items()]
    return int(scene.lab.execute(host, "env", *words, "date", "+%s").stdout)


@pytest.fixture
def settable(scene: Scene) -> t.Iterator[Scene]:
    """The clocks that the daemons and the module see can be set."""
    words = [f"{name}={value}" for name, value in FAKED.items()]
    set_clock(scene, 0)
    for host in scene.hosts:
        hosts.stop_libvirtd(scene.lab.host(host), kill=False)
        scene.lab.execute(host, "env", *words, *daemons.LIBVIRTD)
        scene.lab.start_libvirtd(host)
    yield scene
    for host in scene.hosts:
        scene.lab.restart_libvirtd(host)
        scene.lab.execute(host, "rm", "-f", OFFSET)


@pytest.mark.parametrize("phase", ["precopy", "postcopy"])
@pytest.mark.parametrize("jump_s", [-3600, 3600])
def test_the_clocks_jump(settable: Scene, seen: Seen, phase: str, jump_s: int) -> None:
    scene = settable
    destination = scene.guest.destination
    running = scene.under_way("migration", phase)
    before_s = read_clock(scene, destination)
    set_clock(scene, jump_s)
    assert abs(read_clock(scene, destination) - before_s - jump_s) < 60
    scene.calm_if_alive()
    scene.fast()
    (result,) = running.wait(END_S).results
    print(told(result))
    assert not result["failed"], result["msg"]
    assert result["outcome"] == "moved"
    assert 0 < result["elapsed_ms"] < END_S * 1000, "it was told what the clock of the host says"
    scene.alone_on(destination)
    way = "an hour ahead" if jump_s > 0 else "an hour back"
    seen(f"clocks of both hosts jump {way}", phase, "migration", result["outcome"])
