# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared: ours, and the ways in which other tools let the guests of a host go."""

from __future__ import annotations

import random
import typing as t
from dataclasses import dataclass

from virtlab.guest import GuestOptions

SOURCE, DESTINATIONS = "kvm01", ("kvm02", "kvm03")
LINK_MBIT = 400
REPEATS = 3
MAX_DOWNTIME_MS = 500
NICE = -10  # of what orders migrations, beside emulated guests that take all of the processors
# The same allowance for all: a guest that pre-copy does not move may go by post-copy.
VIRSH = ("--undefinesource", "--postcopy", "--postcopy-after-precopy")
OURS = "ours"

# As large as two processors can emulate twelve of. With a third of it, in which the host is empty after a minute, what
# it takes to begin and end a play decides (docs/design.md).
_QUIET = GuestOptions(ram_mib=512, hot_mib=48, cold_mib=288, pages_per_s=500)
# Converges with the link for itself, and not with half of it.
_BUSY = GuestOptions(ram_mib=576, hot_mib=192, cold_mib=192, pages_per_s=7_000)
# Converges with no share of the link.
_EXTREME = GuestOptions(ram_mib=704, hot_mib=288, cold_mib=192, pages_per_s=20_000)
GUESTS: dict[str, GuestOptions] = {
    **{f"quiet{number:02}": _QUIET for number in range(1, 10)},
    "busy01": _BUSY,
    "busy02": _BUSY,
    "extreme01": _EXTREME,
}


@dataclass(frozen=True)
class Peer:
    """So many at a time; ``refills``: whatever ends makes way at once, or all of a batch are waited for."""

    name: str
    like: str
    at_a_time: int
    refills: bool = True


PEERS = (
    Peer("serial", "a loop of virsh migrate", 1),
    Peer("pairs", "oVirt, KubeVirt: two from a host at a time", 2),
    Peer("batches of 5", "ProxLB: a batch is waited for", 5, refills=False),
    Peer("all at once", "virsh migrate of everything in the background", len(GUESTS)),
)
STRATEGIES = (OURS, *(peer.name for peer in PEERS))


class Key(t.NamedTuple):
    strategy: str
    repeat: int


def order_of(repeat: int) -> list[str]:
    """Nobody knows beforehand which guests are busy: their order is by chance, and the same for all strategies."""
    names = list(GUESTS)
    random.Random(repeat).shuffle(names)
    return names


def destination_of(repeat: int) -> dict[str, str]:
    return {name: DESTINATIONS[number % len(DESTINATIONS)] for number, name in enumerate(order_of(repeat))}


def wanted(repeats: int, only: t.Collection[str] = ()) -> list[Key]:
    """Interleaved, each time with another one first."""
    found = []
    for repeat in range(repeats):
        turn = repeat % len(STRATEGIES)
        names = [*STRATEGIES[turn:], *STRATEGIES[:turn]]
        found += [Key(name, repeat) for name in names if not only or name in only]
    return found
