# SPDX-License-Identifier: GPL-3.0-or-later
"""Which libvirt and QEMU the hosts of a lab have."""

from __future__ import annotations

import re

from virtlab.lab import Lab


def versions_of_hosts(lab: Lab) -> list[str]:
    """Of each host what its libvirt and QEMU say they are, such as `libvirt 9.0.0, QEMU 7.2.22`."""
    texts = []
    for host in lab.hosts:
        said = lab.virsh(host.name, "version", check=False).stdout
        numbers = [re.search(rf"{what} ([\d.]+)", said) for what in ("library: libvirt", "hypervisor: QEMU")]
        texts.append(", ".join(f"{what} {found[1]}" for what, found in zip(("libvirt", "QEMU"), numbers) if found))
    return texts


def versions_of(lab: Lab) -> str:
    """The same as one text, `A to B` where hosts differ."""
    return " to ".join(dict.fromkeys(versions_of_hosts(lab)))


def resume_crashes(lab: Lab, host: str) -> bool:
    """Whether libvirt of that host crashes when a broken post-copy to it is resumed."""
    found = re.search(r"library: libvirt (\d+)\.(\d+)", lab.virsh(host, "version").stdout)
    return found is not None and (11, 2) <= (int(found[1]), int(found[2])) < (11, 4)
