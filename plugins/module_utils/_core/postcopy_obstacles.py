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


def by_host_devices(count: int) -> list[Obstacle]:
    """``count``: devices of the host that stay with the guest on its way; those of a failover pair are unplugged."""
    text = f"it has {count} host device(s), whose state post-copy cannot fetch"
    return [Obstacle("HOST_DEVICES", text)] if count else []
