# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import (
    Connection,
    connect_destination,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.discovery import (
    Discovery,
    discover,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.host_guests import (
    Destinations,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    ERP01,
    GONE,
    SHUT_DOWN,
    UNANSWERED,
    Call,
    FakeLibvirt,
    Guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import MIGRATING, NO_JOB

THERE = "qemu+tcp://kvm02/system"
AWAY = "qemu+tcp://kvm03/system"
KIB_OF_1_GIB = 1 << 20


def discovered(libvirt: FakeLibvirt, *script: Call, guests: t.Sequence[dict[str, t.Any]]) -> Discovery:
    libvirt.expect(Call("open", "qemu:///system"), *script)
    uris = {"kvm02": THERE, "kvm03": AWAY}
    with Connection("qemu:///system", events=True) as source, Destinations(uris, connect_destination) as destinations:
        return discover(source, destinations, guests)


def asked(strategy: str = "migrate", **more: t.Any) -> dict[str, t.Any]:
    words = {"name": None, "uuid": ERP01, "destination": "kvm03", "alternatives": ["kvm02"], "strategy": strategy}
    return {**words, **more}


def seen(*there: Guest, away: t.Sequence[Guest] = (), here: t.Sequence[Guest] = (Guest(),)) -> list[Call]:
    """Who runs where, in the order of asking; kvm01 is asked last."""
    return [
        Call("open", THERE),
        Call("listAllDomains", 1).returns(list(there)),
        Call("open", AWAY),
        Call("listAllDomains", 1).returns(list(away)),
        Call("listAllDomains", 1).returns(list(here)),
    ]


SIZE = Call("info", guest="erp01").returns([1, KIB_OF_1_GIB, KIB_OF_1_GIB, 1, 0])
UNKNOWN = Call("lookupByUUIDString", ERP01).raises(42, "Domain not found")


def test_one_that_runs_here_is_to_move(libvirt: FakeLibvirt) -> None:
    found = discovered(libvirt, *seen(), Call("jobStats").returns(NO_JOB), SIZE, guests=[asked()])
    (one,) = found.moving
    assert (one.destinations, one.size_bytes) == (("kvm03", "kvm02"), 1 << 30)
    assert (one.moving, one.there) == (False, False)
    assert (found.rows[ERP01].name, found.rows[ERP01].destination) == ("erp01", "kvm03")
    assert found.here[ERP01].name == "erp01"
    assert found.entries[ERP01]["alternatives"] == ["kvm02"]


def test_one_that_is_arriving_elsewhere_belongs_there(libvirt: FakeLibvirt) -> None:
    """Whoever sent it there, it is not turned round."""
    libvirt.states["erp01@kvm02"] = ARRIVING
    found = discovered(libvirt, *seen(Guest(at="kvm02")), Call("jobStats").returns(MIGRATING), SIZE, guests=[asked()])
    (one,) = found.moving
    assert (one.destinations, one.moving, one.there) == (("kvm02",), True, False)


def test_one_that_is_there_needs_nothing_but_a_look(libvirt: FakeLibvirt) -> None:
    script = [*seen(Guest(at="kvm02"), here=()), UNKNOWN]
    found = discovered(libvirt, *script, guests=[asked()])
    (one,) = found.moving
    assert (one.destinations, one.size_bytes, one.moving, one.there) == (("kvm02",), 0, False, True)
    assert found.here == {}


def test_one_that_nobody_knows_is_a_failure_of_its_own(libvirt: FakeLibvirt) -> None:
    found = discovered(libvirt, *seen(here=()), UNKNOWN, guests=[asked()])
    row = found.rows[ERP01]
    assert (row.outcome, row.reason, found.moving) == ("failed", "GUEST_NOT_FOUND", [])
    assert row.remedy


def test_one_that_is_off_stays_off(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    known = Call("lookupByUUIDString", ERP01).returns(Guest())
    found = discovered(libvirt, *seen(here=()), known, guests=[asked()])
    assert (found.rows[ERP01].outcome, found.moving) == ("already_off", [])


def test_what_is_left_is_not_looked_into(libvirt: FakeLibvirt) -> None:
    found = discovered(libvirt, *seen(), guests=[asked("leave")])
    assert (found.rows[ERP01].outcome, found.rows[ERP01].runs_on, found.left) == ("left", "kvm01", {ERP01})


@pytest.mark.parametrize(("strategy", "place"), [("shutdown", "stopping"), ("start", "starting")])
def test_who_is_switched(libvirt: FakeLibvirt, strategy: str, place: str) -> None:
    found = discovered(libvirt, *seen(), guests=[asked(strategy)])
    assert getattr(found, place) == [ERP01]
    assert found.moving == []


def test_a_guest_that_runs_elsewhere_is_not_started_here(libvirt: FakeLibvirt) -> None:
    """It would be a second copy."""
    libvirt.states["erp01"] = SHUT_DOWN
    known = Call("lookupByUUIDString", ERP01).returns(Guest())
    found = discovered(libvirt, *seen(away=[Guest(at="kvm03")], here=()), known, guests=[asked("start")])
    assert (found.rows[ERP01].reason, found.rows[ERP01].runs_on, found.starting) == ("RUNS_ELSEWHERE", "kvm03", [])


def test_a_destination_that_is_away_is_passed_over(libvirt: FakeLibvirt) -> None:
    script = [
        Call("open", THERE).raises(38, "unable to connect to server: Connection refused", 7),
        Call("open", AWAY),
        Call("listAllDomains", 1).returns([]),
        Call("listAllDomains", 1).returns([Guest()]),
        Call("jobStats").returns(NO_JOB),
        SIZE,
    ]
    found = discovered(libvirt, *script, guests=[asked()])
    assert list(found.seen) == ["kvm03"]
    assert not found.moving[0].moving


@pytest.mark.parametrize(
    ("answer", "moving"),
    [
        (Call("jobStats").returns(MIGRATING), True),
        (Call("jobStats").returns(NO_JOB), False),
        # It cannot be asked, so that it may be on its way: its thread looks once more before anything is begun.
        (Call("jobStats").raises(38, "cannot acquire state change lock"), True),
        (Call("jobStats").raises(42, "Domain not found"), False),
    ],
)
def test_whether_it_is_on_its_way_already(libvirt: FakeLibvirt, answer: Call, moving: bool) -> None:
    script = [
        Call("open", THERE).raises(38, "unable to connect to server: Connection refused", 7),
        Call("open", AWAY),
        Call("listAllDomains", 1).returns([]),
        Call("listAllDomains", 1).returns([Guest()]),
        answer,
        SIZE,
    ]
    assert discovered(libvirt, *script, guests=[asked()]).moving[0].moving is moving


KNOWN_AND_OFF = Call("lookupByUUIDString", ERP01).returns(Guest())


def silent(host: str) -> list[Call]:
    """One of the two does not answer, and nobody runs anywhere."""
    refused = (38, "unable to connect to server: Connection refused", 7)
    found: list[Call] = []
    for name, uri in (("kvm02", THERE), ("kvm03", AWAY)):
        if name == host:
            found.append(Call("open", uri).raises(*refused))
        else:
            found += [Call("open", uri), Call("listAllDomains", 1).returns([])]
    return [*found, Call("listAllDomains", 1).returns([])]


@pytest.mark.parametrize("host", ["kvm02", "kvm03"])
@pytest.mark.parametrize("strategy", ["start", "migrate", "shutdown"])
def test_nothing_is_done_while_it_may_run_on_a_host_that_did_not_answer(
    libvirt: FakeLibvirt, strategy: str, host: str
) -> None:
    """Not seen is not the same as not there: started here it could run twice."""
    libvirt.states["erp01"] = SHUT_DOWN
    found = discovered(libvirt, *silent(host), KNOWN_AND_OFF, guests=[asked(strategy)])
    row = found.rows[ERP01]
    assert (row.outcome, row.reason) == ("failed", "HOSTS_NOT_ASKED")
    assert host in row.msg
    assert (found.starting, found.stopping, found.moving) == ([], [], [])


def test_one_that_no_host_knows_may_be_on_the_silent_one(libvirt: FakeLibvirt) -> None:
    found = discovered(libvirt, *silent("kvm02"), UNKNOWN, guests=[asked()])
    assert found.rows[ERP01].reason == "HOSTS_NOT_ASKED"


def test_what_runs_here_goes_on_although_a_host_is_silent(libvirt: FakeLibvirt) -> None:
    script = silent("kvm02")
    script[-1].returns([Guest()])
    found = discovered(libvirt, *script, guests=[asked("start")])
    assert (found.starting, found.rows[ERP01].reason) == ([ERP01], "")


def test_a_guest_whose_state_cannot_be_read_makes_its_host_a_silent_one(libvirt: FakeLibvirt) -> None:
    """It may be this one that runs there."""
    libvirt.states.update({"erp01": SHUT_DOWN, "erp01@kvm02": UNANSWERED})
    script = seen(Guest(at="kvm02"), here=())
    found = discovered(libvirt, *script, KNOWN_AND_OFF, guests=[asked("start")])
    assert (found.silent, found.rows[ERP01].reason, found.starting) == (["kvm02"], "HOSTS_NOT_ASKED", [])


def test_it_is_started_where_all_were_asked(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    found = discovered(libvirt, *seen(here=()), KNOWN_AND_OFF, guests=[asked("start")])
    assert found.starting == [ERP01]


def test_without_other_hosts_nobody_was_asked(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(Call("open", "qemu:///system"), Call("listAllDomains", 1).returns([]), KNOWN_AND_OFF)
    with Connection("qemu:///system", events=True) as source, Destinations({}, connect_destination) as destinations:
        found = discover(source, destinations, [asked("start")])
    assert (found.rows[ERP01].reason, found.starting) == ("HOSTS_NOT_ASKED", [])


@pytest.mark.parametrize("uri", [THERE, "qemu+tcp://kvm01/system"], ids=["another's", "its own"])
def test_two_names_of_one_host_are_not_two_hosts(libvirt: FakeLibvirt, uri: str) -> None:
    """A URI without the host's name in it leads all names to one of them."""
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(
        Call("open", "qemu:///system"),
        *[Call("open", THERE), Call("listAllDomains", 1).returns([])],
        *[Call("open", uri), Call("listAllDomains", 1).returns([])],
        *[Call("listAllDomains", 1).returns([]), KNOWN_AND_OFF],
    )
    uris = {"kvm02": THERE, "kvm03": uri}
    with Connection("qemu:///system", events=True) as source, Destinations(uris, connect_destination) as destinations:
        found = discover(source, destinations, [asked("start")])
    assert (found.rows[ERP01].reason, found.starting) == ("HOSTS_NOT_ASKED", [])
    assert "kvm03" in found.rows[ERP01].msg


def test_one_that_is_named_twice_is_refused(libvirt: FakeLibvirt) -> None:
    with pytest.raises(MigrationError) as caught:
        discovered(libvirt, *seen(), guests=[asked("leave"), asked("leave", uuid=None, name="erp01")])
    assert caught.value.reason == "GUEST_TWICE"


def test_one_that_leaves_while_it_is_looked_for(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = GONE
    found = discovered(libvirt, *seen(), UNKNOWN, guests=[asked()])
    assert found.rows[ERP01].reason == "GUEST_NOT_FOUND"
