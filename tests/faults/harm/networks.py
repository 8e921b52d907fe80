# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams, links and networks between the hosts."""

from __future__ import annotations

import time
import typing as t

from scene import SLOW_MBIT, Scene

from . import Harm

_CRAWL_MBIT = 10


def stream_broken(scene: Scene) -> None:
    """The connections of the migration are reset, and nothing else."""
    scene.fast()
    assert scene.lab.cut_stream(source=scene.guest.source, destination=scene.guest.destination) > 0


def daemons_cut(scene: Scene) -> None:
    """The connections to the destination's daemon are reset, and nothing else."""
    assert scene.lab.cut_daemons(source=scene.guest.source, destination=scene.guest.destination) > 0
    scene.fast()


def link_down(seconds: float) -> Harm:
    """The destination's link for migrations; the source still has its carrier, and sends into nothing."""

    def harm(scene: Scene) -> None:
        scene.lab.link_down(scene.guest.destination)
        time.sleep(seconds)
        scene.lab.link_up(scene.guest.destination)
        scene.fast()

    return harm


def gone(end: str, seconds: float, networks: t.Sequence[str] = ("migr", "mgmt")) -> Harm:
    """The `source` or the `destination`, or `both`, on these networks."""

    def harm(scene: Scene) -> None:
        guest = scene.guest
        names = {
            "source": [guest.source],
            "destination": [guest.destination],
            "both": [guest.source, guest.destination],
        }
        for network in networks:
            for host in names[end]:
                scene.lab.link_down(host, network=network)
        time.sleep(seconds)
        for network in reversed(networks):
            for host in names[end]:
                scene.lab.link_up(host, network=network)
        scene.fast()

    return harm


def flaps(times: int) -> Harm:
    """The destination's link is down for a second, and up for one, so many times."""

    def harm(scene: Scene) -> None:
        for _time in range(times):
            scene.lab.link_down(scene.guest.destination)
            time.sleep(1)
            scene.lab.link_up(scene.guest.destination)
            time.sleep(1)
        scene.fast()

    return harm


def rate_flaps(times: int) -> Harm:
    """The link carries a fortieth, and a tenth, of what it did, in turns of a second."""

    def harm(scene: Scene) -> None:
        for mbit in [_CRAWL_MBIT, SLOW_MBIT] * times:
            scene.lab.link_set(scene.guest.source, mbit=mbit)
            time.sleep(1)
        scene.fast()

    return harm


def _dropped(seconds: float, *match: str, on: str = "destination", network: str = "migr") -> Harm:
    def harm(scene: Scene) -> None:
        host = getattr(scene.guest, on)
        scene.lab.drop_packets(host, *match, network=network)
        time.sleep(seconds)
        scene.lab.drop_none(host)
        scene.fast()

    return harm


def loss(percent: int, seconds: float) -> Harm:
    return _dropped(seconds, "-m", "statistic", "--mode", "random", "--probability", str(percent / 100))


def policed(mib_per_s: int, seconds: float) -> Harm:
    """What is above a rate is dropped, as by a switch, and not delayed."""
    rate = ["--hashlimit-above", f"{mib_per_s}mb/s", "--hashlimit-mode", "srcip", "--hashlimit-name", "policed"]
    return _dropped(seconds, "-m", "hashlimit", *rate)


def mtu_black_hole(seconds: float) -> Harm:
    """Small packets arrive, and those that a narrower tunnel on the way would not carry do not; nobody says so."""
    return _dropped(seconds, "-m", "length", "--length", "1400:65535")


def one_way(to: str, seconds: float) -> Harm:
    """What one host sends arrives at the other, and what comes back does not, on both networks. `to`: who is deaf."""

    def harm(scene: Scene) -> None:
        host = getattr(scene.guest, to)
        other = scene.lab.host(next(each for each in scene.hosts if each != host))
        for network, address in (("migr", other.migration_address), ("mgmt", other.mgmt_address)):
            scene.lab.drop_packets(host, "-s", address, network=network)
        time.sleep(seconds)
        scene.lab.drop_none(host)
        scene.fast()

    return harm
