# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Blocker,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import fleet, guest, host


def changes(plan: EvacuationPlan) -> dict[str, list[tuple[str, str]]]:
    return {entry.guest.name: [(one.reason, one.host) for one in entry.changes] for entry in plan.unplaced}


@pytest.mark.parametrize(
    ("there", "how", "expected"),
    [
        ({"cordoned": True}, {}, ("CORDONED", "b")),
        ({"max_guests": 0}, {}, ("GUEST_LIMIT", "b")),
        ({"max_vcpus": 3}, {"vcpus": 4}, ("VCPU_LIMIT", "b")),
        ({"free_gib": 3}, {}, ("MEMORY", "b")),
        ({}, {"pinned": True}, ("PINNED", "")),
        ({}, {"host_devices": 2}, ("HOST_DEVICE", "")),
        ({}, {"allowed": frozenset("c")}, ("NOT_ALLOWED", "b")),
        ({}, {"blocked": {"b": (Blocker("cpu.model", "no", "buy one"),)}}, ("CHECK", "b")),
        ({}, {"dirty_mib_per_s": 300, "set_mib": 3000}, ("CONTRACT", "b")),
    ],
)
def test_each_reason(there: dict[str, t.Any], how: dict[str, t.Any], expected: tuple[str, str]) -> None:
    plan = plan_evacuation(fleet([host("a"), host("b", **there)], [guest("g", **how)]))
    (entry,) = plan.unplaced
    (change,) = entry.changes
    assert (change.reason, change.host) == (expected[0], expected[1] or change.host)
    assert change.why
    assert change.change
    assert not plan.empties("a")


def test_no_destination_at_all() -> None:
    for sources in ("a", "ab"):
        plan = plan_evacuation(fleet([host(name) for name in sources], [guest("g")], sources))
        assert changes(plan) == {"g": [("NO_DESTINATION", "")]}
