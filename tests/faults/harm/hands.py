# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's hands: what somebody does beside the module, by virsh."""

from __future__ import annotations

from scene import Scene

from . import Harm


def aborted(scene: Scene) -> None:
    scene.guest.virsh("domjobabort")


def switched(scene: Scene) -> None:
    scene.guest.virsh("migrate-postcopy")


def suspended(scene: Scene) -> None:
    scene.guest.virsh("suspend")
    scene.fast()


def suspended_and_resumed(scene: Scene) -> None:
    scene.guest.virsh("suspend")
    # Once it stands still it may be over so soon that it runs already, on the other host.
    scene.guest.virsh("resume", check=False)
    scene.fast()


def destroyed(end: str) -> Harm:
    def harm(scene: Scene) -> None:
        scene.guest.virsh("destroy", host=getattr(scene.guest, end))
        scene.fast()

    return harm


def undefined(scene: Scene) -> None:
    """On the source; libvirt 9.0 refuses that while the guest is on its way."""
    scene.guest.virsh("undefine", check=False)
    scene.fast()


def downtime_limit(milliseconds: int) -> Harm:
    def harm(scene: Scene) -> None:
        scene.guest.virsh("migrate-setmaxdowntime", str(milliseconds))

    return harm


def bandwidth_limit(mib_per_s: int) -> Harm:
    def harm(scene: Scene) -> None:
        scene.guest.virsh("migrate-setspeed", str(mib_per_s))

    return harm


def migrated_by_virsh(scene: Scene) -> None:
    """To the same host, a second time; libvirt refuses it."""
    scene.guest.lab.migrate(scene.guest.uuid, source=scene.guest.source, destination=scene.guest.destination).wait(60)
    scene.fast()
