# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a guest's memory need not be sent, as it is free or a cache of its own; and for which guest never."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..host.guest import GuestDocument
from ..units import MIB, human_bytes
from .statistics import MemoryStatistics

_LEAST_BYTES = 32 * MIB  # less saves less than it costs to look
# 7 GB of free pages took 4.126 s with KVM (https://lkml.iu.edu/hypermail/linux/kernel/1707.3/04371.html), and 121 MiB
# 0.6 s on the lab, whose guests are emulated.
_KVM_BYTES_PER_S, _EMULATED_BYTES_PER_S = int(1.7e9), 200 * MIB
_LEAST_LEFT_BYTES = 128 * MIB  # whatever the guest says: a kernel needs some
STEPS = 8  # of its cache, so that each takes an eighth at most
LEAST_STEP_BYTES = 128 * MIB
STEP_S = 1.3  # a step waits for what the guest says next, which it does each second
_BEGIN_S = 1.5  # until the guest has told its first figures


class Obstacle(t.NamedTuple):
    """Why a guest is not made smaller; ``why``: as a clause. ``reason`` is stable."""

    reason: str
    why: str


def obstacle(guest: GuestDocument) -> t.Optional[Obstacle]:
    """By its definition, whatever its policy allows. Its balloon would take nothing, or what must not be taken."""
    memory, balloon = guest.memory, guest.balloon
    if guest.host_devices:
        return Obstacle("HOST_DEVICES", "it has devices of the host, which reach its memory past the balloon")
    if memory.locked:
        return Obstacle("LOCKED_MEMORY", "its memory is locked on the host")
    if memory.hugepages or any(one.hugepages for one in memory.cells):
        return Obstacle("HUGEPAGES", "its memory is in hugepages, of which a balloon frees none")
    if memory.nvdimm:
        return Obstacle("NVDIMM", "it has an NVDIMM, which is no memory to be given back")
    if guest.launch_security:
        return Obstacle("ENCRYPTED_MEMORY", f"its memory is encrypted ({guest.launch_security}), and kept by the host")
    if balloon.model not in ("virtio", "virtio-transitional", "virtio-non-transitional"):
        return Obstacle("NO_BALLOON", "it has no virtio balloon device")
    return None


@dataclass(frozen=True)
class Reclaim:
    """What can be done without. ``from_bytes``: what the guest has now; ``floor_bytes``: what it is left at least.

    ``saved_bytes``: of what it has touched, so much less is to be sent. ``cache_bytes``: of what is taken so much is a
    cache, which the guest has to read again when it needs it. ``keep_bytes``: what it keeps to give out.
    """

    from_bytes: int
    floor_bytes: int
    saved_bytes: int
    cache_bytes: int
    keep_bytes: int
    bytes_per_s: int = _KVM_BYTES_PER_S  # that the balloon takes

    @property
    def taken_bytes(self) -> int:
        return self.from_bytes - self.floor_bytes

    @property
    def takes_s(self) -> float:
        """About how long it takes to take it."""
        cached_steps = -(-self.cache_bytes // step_bytes(self.cache_bytes)) if self.cache_bytes else 0
        return _BEGIN_S + cached_steps * STEP_S + self.taken_bytes / self.bytes_per_s


def step_bytes(cache_bytes: int) -> int:
    """How much of a cache is taken at once."""
    return max(LEAST_STEP_BYTES, -(-cache_bytes // STEPS))


def reclaimable(found: MemoryStatistics, touched_bytes: int, keep_bytes: int, *, emulated: bool = False) -> Reclaim:
    """By fresh statistics: what was touched, less what is used, less what the guest keeps.

    The balloon takes pages that were never touched as gladly as others, as the guest's kernel knows of no difference.
    So all but what is used and kept is taken, also where less than that is saved.
    """
    usable = found.usable_bytes or 0
    taken = min(max(0, usable - keep_bytes), max(0, found.actual_bytes - _LEAST_LEFT_BYTES))
    saved = min(taken, max(0, touched_bytes - found.used_bytes - keep_bytes))
    free = max(0, (found.unused_bytes or 0) - keep_bytes)
    speed = _EMULATED_BYTES_PER_S if emulated else _KVM_BYTES_PER_S
    return Reclaim(found.actual_bytes, found.actual_bytes - taken, saved, max(0, taken - free), keep_bytes, speed)


def not_worth_it(reclaim: Reclaim, bandwidth_bytes_per_s: t.Optional[int]) -> t.Optional[Obstacle]:
    """None where it pays. ``bandwidth_bytes_per_s``: None or 0 where it is not known."""
    saved = reclaim.saved_bytes
    if saved < _LEAST_BYTES:
        return Obstacle("NOTHING_TO_SPARE", f"no more than {human_bytes(saved)} of what it has touched can be spared")
    if bandwidth_bytes_per_s and saved / bandwidth_bytes_per_s < reclaim.takes_s:
        return Obstacle(
            "NOT_WORTH_IT",
            f"to take {human_bytes(saved)} needs {reclaim.takes_s:.1f} s, and to send them"
            f" {saved / bandwidth_bytes_per_s:.1f} s",
        )
    return None
