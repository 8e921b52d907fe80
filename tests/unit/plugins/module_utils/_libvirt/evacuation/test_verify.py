# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.result import GuestResult
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import (
    Connection,
    connect_destination,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.host_guests import (
    Destinations,
    HostGuests,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.verify import (
    check_locations,
    remains,
    seen_at_the_end,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import guest_of
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    ERP01,
    ERP02,
    MIGRATED,
    PAUSED_BY_USER,
    Call,
    FakeDomain,
    FakeLibvirt,
    Guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import MIGRATING, NO_JOB

HERE, THERE = "qemu:///system", "qemu+tcp://kvm02/system"


def moved(outcome: str = "moved") -> GuestResult:
    return GuestResult("erp01", ERP01, source="kvm01", destination="kvm02", outcome=outcome, runs_on="kvm02")


def running_there(libvirt: FakeLibvirt) -> HostGuests:
    return HostGuests({ERP01: guest_of(FakeDomain(libvirt, Guest(at="kvm02")))})


def checked(
    libvirt: FakeLibvirt, row: GuestResult, seen: dict[str, HostGuests | None], here: list[Guest]
) -> GuestResult:
    libvirt.expect(Call("open", HERE), Call("listAllDomains", 1).returns(here))
    with Connection(HERE) as source:
        check_locations(source, seen, {ERP01: row})
    return row


@pytest.mark.parametrize("outcome", ["moved", "adopted", "recovered", "already_there"])
def test_what_is_there_stays_true(libvirt: FakeLibvirt, outcome: str) -> None:
    assert checked(libvirt, moved(outcome), {"kvm02": running_there(libvirt)}, []).outcome == outcome


def test_one_that_is_not_there(libvirt: FakeLibvirt) -> None:
    row = checked(libvirt, moved(), {"kvm02": HostGuests(), "kvm03": HostGuests()}, [])
    assert (row.outcome, row.reason) == ("failed", "NOT_WHERE_IT_SHOULD_BE")
    assert "no host" in row.msg


def test_one_that_nobody_saw(libvirt: FakeLibvirt) -> None:
    """A host that does not answer shows nothing, and what was not seen is not claimed."""
    row = checked(libvirt, moved(), {"kvm02": None}, [])
    assert (row.outcome, row.reason) == ("failed", "NOT_VERIFIED")
    assert row.remedy


def test_one_that_failed_is_not_looked_for_where_nobody_answers(libvirt: FakeLibvirt) -> None:
    assert checked(libvirt, moved("failed"), {"kvm02": None}, [Guest()]).reason == ""


def test_one_that_runs_twice_is_an_alarm(libvirt: FakeLibvirt) -> None:
    row = checked(libvirt, moved("failed"), {"kvm02": running_there(libvirt)}, [Guest()])
    assert (row.outcome, row.reason) == ("failed", "SPLIT_BRAIN")


def test_the_paused_half_here_is_no_second_copy(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = PAUSED_BY_USER
    assert checked(libvirt, moved(), {"kvm02": running_there(libvirt)}, [Guest()]).outcome == "moved"


def test_a_destination_is_given_time_to_answer(libvirt: FakeLibvirt) -> None:
    refused = Call("open", THERE).raises(38, "unable to connect to server: Connection refused", 7)
    libvirt.expect(refused, Call("open", THERE), Call("listAllDomains", 1).returns([Guest(at="kvm02")]))
    with Destinations({"kvm02": THERE}, connect_destination) as destinations:
        seen = seen_at_the_end(destinations, [moved()])
    assert seen["kvm02"] is not None
    assert list(seen["kvm02"].active) == [ERP01]


def test_nobody_waits_for_a_destination_that_nobody_went_to(libvirt: FakeLibvirt) -> None:
    libvirt.expect(Call("open", THERE).raises(38, "unable to connect to server: Connection refused", 7))
    with Destinations({"kvm02": THERE}, connect_destination) as destinations:
        assert seen_at_the_end(destinations, [moved("failed")]) == {"kvm02": None}


def test_a_destination_that_stays_away_is_given_up(libvirt: FakeLibvirt) -> None:
    refused = [Call("open", THERE).raises(38, "unable to connect to server: Connection refused", 7)] * 31
    libvirt.expect(*refused)
    began_s = libvirt.clock.now
    with Destinations({"kvm02": THERE}, connect_destination) as destinations:
        assert seen_at_the_end(destinations, [moved()]) == {"kvm02": None}
    assert libvirt.clock.now - began_s == 30


def test_who_remains(libvirt: FakeLibvirt) -> None:
    """One is left on purpose, one is in the way, one arrives."""
    other, coming = Guest("erp02", ERP02), Guest("erp03", "3")
    libvirt.states["erp03"] = ARRIVING
    libvirt.expect(
        Call("open", HERE),
        Call("listAllDomains", 1).returns([Guest(), other, coming]),
        Call("jobStats", guest="erp01").returns(NO_JOB),
        Call("jobStats", guest="erp02").returns(NO_JOB),
    )
    with Connection(HERE) as source:
        found = remains(source, {ERP01}, wait_for_jobs=False)
    assert [one["name"] for one in found.running] == ["erp02"]
    assert [one["name"] for one in found.jobs] == ["erp03"]
    assert not found.empty


def test_what_is_leaving_is_waited_for(libvirt: FakeLibvirt) -> None:
    leaves = Call("jobStats").returns(MIGRATING).leaves(MIGRATED)
    libvirt.expect(
        Call("open", HERE), Call("listAllDomains", 1).returns([Guest()]), leaves, Call("listAllDomains", 1).returns([])
    )
    with Connection(HERE) as source:
        assert remains(source, set(), wait_for_jobs=True).empty
