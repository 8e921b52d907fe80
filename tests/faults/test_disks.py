# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are copied along, to a destination that has no room for them, or another disk in their place."""

from __future__ import annotations

import typing as t

import pytest
from bench.lending import passing_by
from bench.runs import Ansible, assert_refused
from results import Seen
from scene import END_S, Scene, told
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

DISK_MIB = 96
QUIET = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=8, disk="local", disk_mib=DISK_MIB)
COPY = {"copy_storage": "all"}


@pytest.fixture
def stored(lab: Lab, ansible: Ansible) -> t.Iterator[Scene]:
    """A quiet guest with a disk that the hosts do not share."""
    for guest in passing_by(lab, "stored", QUIET):
        made = Scene(ansible, guest)
        try:
            yield made
        finally:
            made.repair()
            for host in ("kvm01", "kvm02"):
                lab.execute(host, "rm", "-f", image(made))


def image(scene: Scene) -> str:
    return f"/var/lib/libvirt/images/{scene.guest.uuid}.img"


def digest(scene: Scene, host: str) -> str:
    return scene.lab.execute(host, "sha256sum", image(scene)).stdout.split(" ")[0]


def full(scene: Scene) -> None:
    scene.lab.fill_disk(scene.guest.destination)


def filling_up(scene: Scene) -> None:
    """There is room for a part of it."""
    scene.lab.fill_disk(scene.guest.destination, spare_mib=DISK_MIB // 3)


def smaller(scene: Scene) -> None:
    scene.lab.execute(scene.guest.destination, "truncate", "-s", f"{DISK_MIB // 2}M", image(scene))


def missing_directory(scene: Scene) -> None:
    """The storage pool has lost its directory: another file system is not mounted."""
    scene.lab.virsh(scene.guest.destination, "pool-destroy", "default")


@pytest.mark.parametrize(
    ("kind", "harm", "reasons"),
    [
        pytest.param("destination's disk full", full, "STORAGE_FULL", id="full"),
        pytest.param("destination's disk fills up", filling_up, "STORAGE_FULL", id="filling up"),
        pytest.param("destination's disk too small", smaller, "STORAGE_MISMATCH", id="smaller"),
        pytest.param("destination's storage pool not there", missing_directory, "STORAGE_MISSING", id="no pool"),
    ],
)
def test_its_disk_cannot_be_copied(
    stored: Scene, seen: Seen, kind: str, harm: t.Callable[[Scene], None], reasons: str
) -> None:
    source, destination = stored.hosts
    before = digest(stored, source)
    harm(stored)
    running = stored.ansible.begin(source, stored.migration(**COPY))
    (result,) = running.wait(END_S).results
    print(told(result), result["state"], result["remedy"])
    assert result.get("reason") in reasons.split("|"), result
    assert_refused(result, result["reason"])
    stored.alone_on(source)
    seen(kind, "disk copied", "migration", result["reason"])
    stored.lab.clear(destination)
    stored.lab.virsh(destination, "pool-start", "default", check=False)
    stored.lab.execute(destination, "rm", "-f", image(stored))
    print("again:", told(stored.run_again(**COPY)))
    assert digest(stored, destination) == before
    stored.guest.has_moved()
