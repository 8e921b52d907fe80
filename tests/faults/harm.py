# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to hosts, networks and migrations, by name. Each returns when it is over."""

from __future__ import annotations

import time
import typing as t

from scene import Scene

Harm = t.Callable[[Scene], None]

_SERVICE_MANAGER_S = 2.0  # until a daemon that died is started again


def stream_broken(scene: Scene) -> None:
    """The connections of the migration are reset, and nothing else."""
    scene.fast()
    assert scene.lab.cut_stream(source=scene.guest.source, destination=scene.guest.destination) > 0


def link_down(seconds: float) -> Harm:
    """The destination's link for migrations; the source still has its carrier, and sends into nothing."""

    def harm(scene: Scene) -> None:
        scene.lab.link_down(scene.guest.destination)
        time.sleep(seconds)
        scene.lab.link_up(scene.guest.destination)
        scene.fast()

    return harm


def host_gone(seconds: float) -> Harm:
    """The destination on both networks."""

    def harm(scene: Scene) -> None:
        for network in ("migr", "mgmt"):
            scene.lab.link_down(scene.guest.destination, network=network)
        time.sleep(seconds)
        for network in ("mgmt", "migr"):
            scene.lab.link_up(scene.guest.destination, network=network)
        scene.fast()

    return harm


def source_unreachable(seconds: float) -> Harm:
    """The source on its network for management: Ansible's connection, and that between the daemons."""

    def harm(scene: Scene) -> None:
        scene.lab.link_down(scene.guest.source, network="mgmt")
        time.sleep(seconds)
        scene.lab.link_up(scene.guest.source, network="mgmt")
        scene.fast()

    return harm


def source_daemon_restarted(scene: Scene) -> None:
    scene.lab.restart_libvirtd(scene.guest.source)
    scene.fast()


def destination_daemon_killed(scene: Scene) -> None:
    scene.lab.kill_libvirtd(scene.guest.destination)
    time.sleep(_SERVICE_MANAGER_S)
    scene.lab.start_libvirtd(scene.guest.destination)
    scene.fast()


def destination_qemu_killed(scene: Scene) -> None:
    scene.lab.kill_qemu(scene.guest.uuid, host=scene.guest.destination)


def aborted_by_another(scene: Scene) -> None:
    scene.guest.virsh("domjobabort")


def switched_by_another(scene: Scene) -> None:
    scene.guest.virsh("migrate-postcopy")
