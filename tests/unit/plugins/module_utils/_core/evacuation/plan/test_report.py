# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json

from hypothesis import given

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import Fleet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.report import plan_lines
from ansible_collections.virtops.live_migration.plugins.module_utils._core.text import WIDTH
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import (
    document,
    fleet,
    fleets,
    guest,
    host,
    patch_night,
)


def test_the_report_is_for_people() -> None:
    text = "\n".join(plan_lines(document(patch_night())))
    for part in (
        "2 of 6 running guests move off 1 host",
        "busy: gets at least 80.0 MiB/s",
        "test01 on a: to be shut down, as asked for",
        "HOST_DEVICE (b, c): gpu01 uses 1 device of its host",
        "It could move with this change:\n      - uncordon c",
    ):
        assert part in text
    assert "\x1b" not in text
    assert "evil\\n\\x1b[31m" in text


def test_a_long_list_can_be_cut() -> None:
    guests = [guest(f"g{number}") for number in range(9)]
    found = document(fleet([host("a"), host("b")], guests))
    assert len(plan_lines(found)) - len(plan_lines(found, most_guests=4)) == 4
    assert any(line.strip() == "and 5 more" for line in plan_lines(found, most_guests=4))


@given(fleets())
def test_every_plan_can_be_told(given_fleet: Fleet) -> None:
    found = document(given_fleet)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    lines = plan_lines(found)
    assert max(map(len, lines)) <= WIDTH
    assert all(line.isprintable() for line in lines)
    names = {guest.name for guest in given_fleet.guests if guest.host in given_fleet.sources}
    told = [one["name"] for key in ("guests", "shutdown", "left", "unplaceable") for one in found[key]]
    assert sorted(told) == sorted(names)
