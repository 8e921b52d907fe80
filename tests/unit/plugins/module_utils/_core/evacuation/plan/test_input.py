# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import (
    SHRUNK_NAMESPACE,
    ShrunkNote,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.input import (
    PlanOptions,
    fleet_from_documents,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.input_host import (
    HostSettings,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import Memory
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument, GuestMemory

GIB = 1 << 30
OPTIONS = PlanOptions(all_hosts=HostSettings(link_mib_per_s=100))


def guest(name: str, state: str = "running", reason: str = "booted") -> GuestDocument:
    return GuestDocument(name, f"uuid of {name}", state=state, state_reason=reason, memory=GuestMemory(total_bytes=GIB))


def host(name: str, *guests: GuestDocument) -> HostDocument:
    return HostDocument(name, f"uuid of {name}", memory=Memory(available_bytes=8 * GIB), domains=list(guests))


def made(
    sources: list[HostDocument], destinations: list[HostDocument], options: PlanOptions = OPTIONS, **given: t.Any
) -> t.Any:
    return fleet_from_documents(sources, destinations, given.get("readiness"), given.get("measurements", []), options)


def test_guests_of_sources_and_of_destinations() -> None:
    fleet, warnings = made([host("a", guest("g"))], [host("b", guest("h")), host("a")])
    assert [one.name for one in fleet.hosts] == ["a", "b"]  # one that is emptied is no destination
    assert {one.name: one.host for one in fleet.guests} == {"g": "a", "h": "b"}
    assert fleet.sources == ("a",)
    assert len(warnings) == 1
    assert "Readiness was not given" in warnings[0]


def test_one_that_is_on_its_way_is_bound_for_where_it_arrives() -> None:
    fleet, _warnings = made([host("a", guest("g"))], [host("b", guest("g", "paused", "migration")), host("c")])
    (one,) = fleet.guests
    assert (one.host, one.bound_for, one.moving) == ("a", "b", True)


@pytest.mark.parametrize("half", [("paused", "migration"), ("paused", "starting up"), ("running", "post-copy")])
def test_one_that_arrives_on_a_host_to_be_emptied_counts_where_it_still_is(half: tuple[str, str]) -> None:
    there = ("paused", "post-copy") if half[1] == "post-copy" else ("running", "booted")
    fleet, warnings = made([host("a", guest("g", *half), guest("h"))], [host("b", guest("g", *there))])
    assert [(one.name, one.host) for one in fleet.guests] == [("h", "a"), ("g", "b")]
    assert any("'g' is arriving on a, which is to be emptied" in one for one in warnings)
    # From one that is to be emptied to another one.
    fleet, warnings = made([host("a", guest("g")), host("b", guest("g", "paused", "migration"))], [host("c")])
    assert [(one.name, one.host) for one in fleet.guests] == [("g", "a")]
    assert any("'g' is arriving on b" in one for one in warnings)


def test_a_half_that_is_all_there_is_of_a_guest_counts() -> None:
    fleet, _warnings = made([host("a", guest("g", "paused", "migration"))], [host("b")])
    assert [(one.name, one.host) for one in fleet.guests] == [("g", "a")]


def test_a_definition_is_passed_over_where_the_guest_runs_elsewhere() -> None:
    fleet, _warnings = made([host("a", guest("g", "shut off", ""))], [host("b", guest("g"))])
    assert [(one.host, one.running) for one in fleet.guests] == [("b", True)]


def test_a_guest_that_runs_twice_stops_everything() -> None:
    with pytest.raises(MigrationError) as caught:
        made([host("a", guest("g"))], [host("b", guest("g"))])
    assert caught.value.reason == "GUEST_TWICE"


def left_small(name: str) -> GuestDocument:
    note = ShrunkNote(f"uuid of {name}", 4 * GIB, GIB, held=True)
    metadata = {SHRUNK_NAMESPACE: note.xml()}
    return replace(guest(name), memory=GuestMemory(total_bytes=4 * GIB, current_bytes=GIB), metadata=metadata)


def test_what_guests_get_back_is_not_free_where_they_are() -> None:
    fleet, warnings = made([host("a", guest("g"))], [host("b", left_small("s"), left_small("r"))], readiness=[])
    assert {one.name: one.reserve_bytes for one in fleet.hosts} == {"a": 0, "b": 6 * GIB}
    told = "On b 6.0 GiB are kept for guests that a migration has left smaller than they were, and that get it back"
    assert warnings == [f"{told}: 'r', 's'."]


def test_a_guest_that_was_left_small_is_sent_as_large_as_it_was() -> None:
    """It gets its memory back before; and takes as much of its destination as it may have."""
    fleet, warnings = made([host("a", left_small("s"))], [host("b")], readiness=[])
    (one,) = fleet.guests
    assert (one.demand.touched_bytes, one.memory_bytes, warnings) == (4 * GIB, 4 * GIB, [])


def test_names_that_nobody_has() -> None:
    options = PlanOptions(
        all_hosts=HostSettings(link_mib_per_s=100),
        hosts={"x": HostSettings()},
        guests=[{"name": "nobody", "destinations": ["y"]}],
    )
    _fleet, warnings = made([host("a", guest("g"))], [host("b")], options, readiness=[])
    assert warnings == ["No guest is called 'nobody'.", "No host is called 'x'.", "No host is called 'y'."]


def test_settings_of_one_host_come_over_those_of_all() -> None:
    options = PlanOptions(
        all_hosts=HostSettings(link_mib_per_s=100, max_guests=9), hosts={"b": HostSettings(max_guests=3)}
    )
    fleet, _warnings = made([host("a")], [host("b")], options)
    assert [one.max_guests for one in fleet.hosts] == [9, 3]


@pytest.mark.parametrize("given", [{"readiness": [{}]}, {"measurements": [{}]}, {"measurements": [{"name": 7}]}])
def test_results_that_are_none(given: dict[str, t.Any]) -> None:
    with pytest.raises(MigrationError) as caught:
        made([host("a")], [host("b")], **given)
    assert caught.value.reason == "BAD_DOCUMENT"
