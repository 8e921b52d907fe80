# SPDX-License-Identifier: GPL-3.0-or-later
"""Small fleets for the tests of the planner: by hand, and at random with everything that can get in the way."""

from __future__ import annotations

import random
import typing as t

from hypothesis import strategies as st

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
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan_document import (
    plan_document,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.transfer_estimate import (
    TransferDemand,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB, MIB

LINK = 100 * MIB
HUGE_KIB = 2048


def host(name: str, free_gib: float = 64, rate: float = LINK, **options: t.Any) -> Host:
    return Host(name, (MemoryPool(int(free_gib * GIB)),), rate, rate, **options)


def guest(name: str, on: str = "a", gib: float = 4, **options: t.Any) -> PlannedGuest:
    """A quiet one, unless ``dirty_mib_per_s`` says otherwise; ``set_mib``: its working set."""
    dirty, set_mib = options.pop("dirty_mib_per_s", 0.1), options.pop("set_mib", 1)
    policy = options.pop("policy", Policy(postcopy="never", max_throttle_percent=0))
    options.setdefault("needs", (MemoryNeed(int(gib * GIB)),))
    measured = WorkingSet(int(set_mib * MIB), False, int(dirty * MIB), False)
    options.setdefault("demand", TransferDemand(int(gib * GIB), measured=measured, policy=policy))
    return PlannedGuest(name, name, on, **options)


def fleet(
    hosts: t.Iterable[Host], guests: t.Iterable[PlannedGuest], sources: t.Iterable[str] = "a", **options: t.Any
) -> Fleet:
    return Fleet(tuple(hosts), tuple(guests), tuple(sources), **options)


# Drawn with dice of our own: what Hypothesis draws by itself has a source without guests or a guest without a way too
# often. The number of guests is left to it, so that a failing fleet comes out small.


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    return random_fleet(random.Random(draw(st.integers(0, 2**32))), draw(st.integers(4, 20)))


def random_fleet(dice: random.Random, count: int) -> Fleet:
    names = "abcdef"[: dice.randint(2, 6)]
    sources = sorted(dice.sample(names, dice.choice([1, 1, 2])))[: len(names) - dice.choice([0, 1, 1, 1, 1, 1])]
    keys = [f"g{number:02}" for number in range(count)]
    plenty = dice.choice([0.3, 1, 3, 10, 10])
    groups = [
        Group(
            f"group {number}",
            frozenset(dice.sample(keys, min(count, dice.randint(2, 4)))),
            dice.random() < 0.4,
            dice.random() < 0.6,
        )
        for number in range(dice.randint(0, 3))
    ]
    return Fleet(
        tuple(_host(dice, name, plenty) for name in names),
        tuple(_guest(dice, key, names, sources) for key in keys),
        tuple(sources),
        tuple(groups),
        (Uplink("rack1", 1.5 * LINK, _limit(dice, 4)), Uplink("rack2", 5 * LINK)),
        max_transfers=_limit(dice, 5),
        setup_s=dice.choice([0.0, 1.0]),
        most_bytes_per_s=dice.choice([None, 1.5 * LINK]),
    )


def _limit(dice: random.Random, most: int) -> t.Optional[int]:
    return dice.choice([None, *range(1, most + 1)])


def _host(dice: random.Random, name: str, plenty: float) -> Host:
    pools = tuple(
        MemoryPool(int(dice.randint(0, 20) * plenty) * GIB, page, node)
        for page in (0, HUGE_KIB)
        for node in range(dice.randint(1, 3))
    )
    return Host(
        name,
        pools if plenty > 3 else dice.choice([pools, pools, pools[:1], ()]),
        dice.choice([LINK, LINK, 2.5 * LINK]),
        dice.choice([LINK, LINK, 2.5 * LINK]),
        dice.choice([0, 0, GIB]),
        cordoned=dice.random() < 0.1,
        max_incoming=_limit(dice, 3),
        max_outgoing=_limit(dice, 4),
        max_guests=None if plenty > 3 else dice.choice([None, None, 0, 2, 6]),
        max_vcpus=None if plenty > 3 else dice.choice([None, None, 2, 12]),
        uplinks=dice.choice([(), ("rack1",), ("rack2",)]),
    )


def _demand(dice: random.Random, size_bytes: int) -> TransferDemand:
    touched = int(size_bytes * dice.choice([0.3, 0.9]))
    measured = WorkingSet(
        int(touched * dice.choice([0.0, 0.01, 0.3])),
        dice.random() < 0.1,
        int(dice.choice([0, 1, 20, 60, 300]) * MIB),
        dice.random() < 0.1,
    )
    policy = Policy(
        max_downtime_ms=dice.choice([300, 2000]),
        postcopy=dice.choice(["never", "if_needed", "prefer"]),
        max_throttle_percent=dice.choice([0, 60]),
    )
    return TransferDemand(touched, dice.choice([0, 0, 0, 5 * GIB]), dice.choice([measured, measured, None]), policy)


def _guest(dice: random.Random, name: str, names: str, sources: t.Sequence[str]) -> PlannedGuest:
    needs = tuple(
        MemoryNeed(
            dice.choice([1, 2, 4, 7]) * GIB,
            dice.choice([0, 0, 0, HUGE_KIB]),
            dice.choice([(), (), (), (0,), (1,), (0, 1), (1, 2), (7,)]),
        )
        for _need in range(dice.choice([1, 1, 1, 2]))
    )
    checks = [(Blocker("cpu"),), (Blocker("cpu"), Blocker("bridge")), ()]
    return PlannedGuest(
        name,
        f"guest {name}",
        dice.choice([*sources, *sources, *names]),
        needs,
        dice.choice([None, *[_demand(dice, sum(need.size_bytes for need in needs))] * 4]),
        vcpus=dice.randint(1, 4),
        running=dice.random() < 0.9,
        strategy=dice.choice(["migrate"] * 8 + ["shutdown", "leave"]),
        if_unplaceable=dice.choice(["leave", "leave", "shutdown"]),
        priority=dice.choice([0, 0, 5]),
        pinned=dice.random() < 0.05,
        host_devices=dice.choice([0] * 19 + [2]),
        blocked={host: dice.choice(checks) for host in names if dice.random() < 0.15},
        allowed=None if dice.random() < 0.8 else frozenset(dice.sample(names, dice.randint(0, len(names)))),
        bound_for=dice.choice([None] * 12 + [dice.choice(names)]),
        moving=dice.random() < 0.05,
    )


def patch_night() -> Fleet:
    guests = [
        guest("erp01", dirty_mib_per_s=40, set_mib=900),
        guest("web01", gib=2),
        guest("web02"),
        guest("gpu01", host_devices=1),
        guest("old", running=False),
        guest("test01", strategy="shutdown"),
        guest("evil\n\x1b[31m", allowed=frozenset()),
    ]
    web = Group("web", frozenset({"web01", "web02"}), together=False)
    return fleet([host("a"), host("b", 20), host("c", cordoned=True)], guests, groups=(web,))


def document(given_fleet: Fleet) -> dict[str, t.Any]:
    return plan_document(plan_evacuation(given_fleet))
