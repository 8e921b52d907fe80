# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up fleets of any size, the same ones for the same seed: half of the hosts are to be emptied into the others."""

from __future__ import annotations

import random

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Blocker,
    Fleet,
    Group,
    Host,
    MemoryNeed,
    MemoryPool,
    PlannedGuest,
    Uplink,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.transfer_estimate import (
    TransferDemand,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB, MIB

GBIT = 125e6
GUESTS_PER_SOURCE = 50
HOSTS_PER_RACK = 20
HUGE_KIB = 2048


def fleet(guests: int, seed: int, *, sources: int = 0, headroom: float = 0.4) -> Fleet:
    """Racks of hosts with 10 or 25 Gb/s, guests of 2 to 128 GiB: most idle, some busy, a few very busy.

    ``headroom``: how much more memory is free than is needed; 0: some guests find no room.
    """
    dice = random.Random(seed)
    sources = sources or max(2, guests // GUESTS_PER_SOURCE)
    names = [f"kvm{number:03}" for number in range(2 * sources)]
    # Odd ones are emptied, so that each rack has both.
    leaving, taking = names[1::2], names[::2]
    domains = [_guest(dice, number, leaving[number % sources], taking) for number in range(guests)]
    room = sum(domain.memory_bytes for domain in domains) // sources
    hosts = tuple(_host(dice, number, name, room, headroom) for number, name in enumerate(names))
    racks = {name for host in hosts for name in host.uplinks}
    uplinks = tuple(Uplink(name, 400 * GBIT) for name in sorted(racks))
    return Fleet(hosts, tuple(domains), tuple(leaving), _groups(dice, domains), uplinks, most_bytes_per_s=4e9)


def _host(dice: random.Random, number: int, name: str, room: int, headroom: float) -> Host:
    rate = dice.choice([10, 25, 25, 25]) * GBIT
    shares = ((0, 0.5 + headroom / 2), (HUGE_KIB, 0.1 + headroom / 10))
    pools = tuple(MemoryPool(int(room * share), page, node) for page, share in shares for node in (0, 1))
    return Host(name, pools, rate, rate, room // 10, uplinks=(f"rack{number // HOSTS_PER_RACK}",))


def _guest(dice: random.Random, number: int, host: str, taking: list[str]) -> PlannedGuest:
    size = dice.choices([2, 4, 8, 16, 32, 64, 128], [10, 20, 30, 20, 12, 6, 2])[0] * GIB
    touched = int(size * dice.uniform(0.4, 0.95))
    kind = dice.choices(["idle", "busy", "hot"], [80, 15, 5])[0]
    dirty, share = {
        "idle": (dice.uniform(0.5, 15), 0.01),
        "busy": (dice.uniform(50, 250), 0.1),
        "hot": (dice.uniform(400, 1200), 0.25),
    }[kind]
    measured = WorkingSet(int(touched * share), False, int(dirty * MIB), False)
    policy = Policy(max_downtime_ms=500, postcopy="if_needed" if kind == "hot" else "never")
    huge = dice.random() < 0.1
    nodes = (dice.randrange(2),) if dice.random() < 0.1 else ()
    blocked = {name: (Blocker("network.bridge"),) for name in taking if dice.random() < 0.05}
    return PlannedGuest(
        f"00000000-0000-4000-8000-{number:012}",
        f"vm{number:05}",
        host,
        (MemoryNeed(size, HUGE_KIB if huge else 0, nodes),),
        TransferDemand(touched, measured=measured, policy=policy),
        vcpus=dice.choice([1, 2, 4, 8]),
        priority=dice.choice([0, 0, 0, 10]),
        blocked=blocked,
    )


def _groups(dice: random.Random, domains: list[PlannedGuest]) -> tuple[Group, ...]:
    """Every tenth guest is in a pair or a set of three; two thirds of these are to be kept apart."""
    keys = [domain.key for domain in domains]
    groups = []
    for number in range(len(keys) // 25):
        members = frozenset(dice.sample(keys, dice.choice([2, 3])))
        groups.append(Group(f"group{number}", members, together=number % 3 == 0, hard=number % 2 == 0))
    return tuple(groups)
