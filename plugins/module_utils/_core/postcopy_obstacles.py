# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a guest post-copy cannot cope with, whichever hosts it goes between and whatever its job was started with.

QEMU finds the rest out when a job is begun: the destination's refuses it where its kernel, or a backend such as that of
a vhost-user device, cannot wait for pages (``postcopy_ram_supported_by_host``). So of a job that runs with the flag
only these are left. Locked memory is none of them: QEMU unlocks it for the time.
"""

from __future__ import annotations

import typing as t


class Obstacle(t.NamedTuple):
    """``id``: its stable name; ``why``: a clause about the guest, "it has ..."."""

    id: str
    why: str


def postcopy_obstacles(
    host_devices: int, *, nvdimm: bool = False, virtiofs: bool = False, shared_files: bool = False
) -> list[Obstacle]:
    """All of a guest's; empty where there is nothing.

    ``host_devices``: how many devices of the host stay with it on its way; those of a failover pair are unplugged.
    ``shared_files``: its memory is in such files. They would do on tmpfs, but where they lie is not in a definition.
    From QEMU 8.1 on the destination refuses others at the start, and before that the guest would be lost at the switch.
    """
    text = f"it has {host_devices} host device(s), whose state post-copy cannot fetch"
    found = [Obstacle("HOST_DEVICES", text)] if host_devices else []
    if nvdimm:
        found.append(Obstacle("NVDIMM", "it has an NVDIMM"))
    if virtiofs:
        found.append(Obstacle("VIRTIOFS", "it shares directories by virtiofs"))
    if shared_files:
        found.append(Obstacle("SHARED_FILE_MEMORY", "its memory is in shared files"))
    return found
