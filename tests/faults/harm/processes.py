# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons and QEMUs: killed, restarted, stopped."""

from __future__ import annotations

import time

from scene import Scene

from . import Harm

_SERVICE_MANAGER_S = 2.0  # until a daemon that died is started again


def daemon_restarted(end: str) -> Harm:
    """`end`: of the `source` or of the `destination`."""

    def harm(scene: Scene) -> None:
        scene.lab.restart_libvirtd(getattr(scene.guest, end))
        scene.fast()

    return harm


def daemon_killed(end: str) -> Harm:
    def harm(scene: Scene) -> None:
        host = getattr(scene.guest, end)
        scene.lab.kill_libvirtd(host)
        time.sleep(_SERVICE_MANAGER_S)
        scene.lab.start_libvirtd(host)
        scene.fast()

    return harm


def daemons_killed(scene: Scene) -> None:
    """Both at once."""
    for host in scene.hosts:
        scene.lab.kill_libvirtd(host)
    time.sleep(_SERVICE_MANAGER_S)
    for host in scene.hosts:
        scene.lab.start_libvirtd(host)
    scene.fast()


def daemon_stopped(end: str, seconds: float) -> Harm:
    """It takes connections and says nothing."""

    def harm(scene: Scene) -> None:
        host = getattr(scene.guest, end)
        scene.lab.stop_libvirtd(host)
        time.sleep(seconds)
        scene.lab.cont_libvirtd(host)
        scene.fast()

    return harm


def qemu_killed(end: str) -> Harm:
    def harm(scene: Scene) -> None:
        scene.lab.kill_qemu(scene.guest.uuid, host=getattr(scene.guest, end))

    return harm


def qemu_stopped(end: str, seconds: float) -> Harm:
    def harm(scene: Scene) -> None:
        host = getattr(scene.guest, end)
        scene.lab.stop_qemu(scene.guest.uuid, host=host)
        time.sleep(seconds)
        scene.lab.cont_qemu(scene.guest.uuid, host=host)
        scene.fast()

    return harm


def rebooted(end: str) -> Harm:
    def harm(scene: Scene) -> None:
        scene.lab.reboot(getattr(scene.guest, end))
        scene.fast()

    return harm
