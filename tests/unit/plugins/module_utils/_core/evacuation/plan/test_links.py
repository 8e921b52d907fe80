# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import Uplink
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import LINK, fleet, guest, host


def test_a_shared_link_is_the_bottleneck_of_those_behind_it() -> None:
    hosts = [host(name, uplinks=("rack",)) for name in "ab"] + [host("c"), host("d"), host("e", uplinks=("rack",))]
    guests = [guest("g0", on="a", allowed=frozenset("c")), guest("g1", on="b", allowed=frozenset("d"))]
    links = (Uplink("rack", LINK),)
    across = plan_evacuation(fleet(hosts, guests, "ab", uplinks=links))
    assert across.schedule.end_s == pytest.approx(1 + 8 * GIB / LINK, rel=0.01)
    near = [guest("g0", on="a", allowed=frozenset("e")), guest("g1", on="b", allowed=frozenset("d"))]
    assert plan_evacuation(fleet(hosts, near, "ab", uplinks=links)).schedule.end_s == pytest.approx(
        1 + 4 * GIB / LINK, rel=0.01
    )


def test_what_one_stream_cannot_fill_several_do() -> None:
    hosts = [host("a", rate=4 * LINK), host("b", rate=4 * LINK, max_incoming=4)]
    guests = [guest(f"g{number}") for number in range(4)]
    plan = plan_evacuation(fleet(hosts, guests, most_bytes_per_s=LINK))
    assert plan.schedule.end_s == pytest.approx(1 + 4 * GIB / LINK, rel=0.01)
