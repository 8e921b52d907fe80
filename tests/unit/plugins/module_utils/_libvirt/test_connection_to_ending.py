# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import (
    Connection,
    require_version,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.events import Events
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest, find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job import end as ending
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job.end import SETTLE_S, ended
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job.sampling import glance, look
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job.wait import until, wait_for_end
from ansible_collections.virtops.live_migration.tests.unit.plugins import fake_libvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    CANCELLED,
    ERP01,
    ERP02,
    GONE,
    JOB_COMPLETED,
    MIGRATED,
    MIGRATION_ITERATION,
    PAUSED_BY_USER,
    RUNNING,
    SHUT_DOWN,
    UNANSWERED,
    Call,
    FakeLibvirt,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    COMPLETED,
    MIGRATING,
    NO_JOB,
    later,
)

OTHER = fake_libvirt.Guest("erp02", ERP02)
IDLE = Call("jobStats").returns(NO_JOB)
KEPT = Call("jobStats", 3).returns(COMPLETED)
NONE_KEPT = Call("jobStats", 3).returns(NO_JOB)
EVENT = {key: value for key, value in COMPLETED.items() if key != "type"}


@pytest.fixture
def connection(libvirt: FakeLibvirt) -> t.Iterator[Connection]:
    libvirt.expect(Call("open", "qemu:///system"))
    with Connection("qemu:///system", events=True) as connection:
        yield connection


@pytest.fixture
def guest(libvirt: FakeLibvirt, connection: Connection) -> Guest:
    libvirt.expect(Call("lookupByName", "erp01").returns(fake_libvirt.Guest()))
    return find_guest(connection, "erp01", None)


@pytest.fixture
def events(connection: Connection) -> t.Iterator[Events]:
    with Events(connection) as events:
        yield events


# --- the connection


@pytest.mark.parametrize(
    ("uri", "local"),
    [
        ("qemu:///system", True),
        ("qemu:///session", True),
        ("qemu+unix:///system", False),
        ("qemu+ssh://root@kvm01/system", False),
        ("qemu+ssh:///system", False),
        ("qemu+tls://kvm01/system", False),
        ("qemu://kvm01/system", False),
        ("system", False),
    ],
)
def test_local(libvirt: FakeLibvirt, uri: str, local: bool) -> None:
    libvirt.expect(Call("open", uri))
    with Connection(uri) as connection:
        assert connection.local is local


@pytest.mark.parametrize(
    ("have", "enough"), [(8_005_000, True), (8_004_999, False), (12_005_000, True), (7_010_003, False)]
)
def test_version(libvirt: FakeLibvirt, connection: Connection, have: int, enough: bool) -> None:
    libvirt.expect(Call("getLibVersion").returns(have))
    if enough:
        require_version(connection, (8, 5, 0), "This")
        return
    with pytest.raises(MigrationError, match=r"needs libvirt 8\.5\.0 or newer") as caught:
        require_version(connection, (8, 5, 0), "This")
    assert caught.value.reason == "LIBVIRT_TOO_OLD"


# --- events


def test_events_come_in_their_order(libvirt: FakeLibvirt, events: Events) -> None:
    libvirt.happens(MIGRATION_ITERATION, 2)
    libvirt.happens(MIGRATION_ITERATION, 3, OTHER)
    libvirt.happens(JOB_COMPLETED, EVENT)
    found = [events.next(1), events.next(1), events.next(1)]
    assert [one.uuid for one in found if one] == [ERP01, ERP02, ERP01]
    assert events.next(0) is None


def test_waiting_for_an_event_ends(libvirt: FakeLibvirt, events: Events) -> None:
    begin_s = libvirt.clock.now
    libvirt.clock.after(5, lambda: libvirt.happens(MIGRATION_ITERATION, 2))
    assert events.next(4) is None
    assert libvirt.clock.now == begin_s + 4
    assert events.next(4) is not None
    assert libvirt.clock.now == begin_s + 5
    assert events.next(-1) is None


def test_completions_are_kept(libvirt: FakeLibvirt, events: Events) -> None:
    libvirt.happens(JOB_COMPLETED, EVENT)
    assert events.completion(ERP01) == EVENT
    assert events.completion(ERP02) is None


def test_the_end_of_a_backup_is_no_completion(libvirt: FakeLibvirt, events: Events) -> None:
    libvirt.happens(JOB_COMPLETED, {**EVENT, "operation": 9})
    assert (events.completion(ERP01), events.next(0)) == (None, None)


# --- what a job that is gone came to


def test_ended_by_its_event(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.states["erp01"] = GONE
    libvirt.happens(JOB_COMPLETED, EVENT)
    sample = ended(guest, events)
    assert (sample.phase, sample.downtime_ms, sample.name, sample.uuid) == (Phase.COMPLETED, 351, "erp01", ERP01)


def test_ended_by_an_event_that_comes_late(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.states["erp01"] = GONE
    libvirt.clock.after(SETTLE_S / 2, lambda: libvirt.happens(JOB_COMPLETED, EVENT))
    assert ended(guest, events).phase is Phase.COMPLETED


def test_ended_by_what_libvirt_keeps(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.states["erp01"] = MIGRATED
    libvirt.expect(KEPT)
    sample = ended(guest, events)
    assert (sample.phase, sample.downtime_ms) == (Phase.COMPLETED, 351)


def test_ended_without_statistics(
    libvirt: FakeLibvirt, guest: Guest, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "_POLL_S", 0.5)
    monkeypatch.setattr(ending, "SETTLE_S", 1.0)
    libvirt.states["erp01"] = MIGRATED
    libvirt.expect(*[NONE_KEPT] * 3)
    sample = ended(guest, events)
    assert (sample.phase, sample.downtime_ms) == (Phase.COMPLETED, None)


@pytest.mark.parametrize("state", [RUNNING, CANCELLED, PAUSED_BY_USER, SHUT_DOWN])
def test_a_guest_that_is_still_here_has_not_left(
    libvirt: FakeLibvirt, guest: Guest, events: Events, state: tuple[int, int]
) -> None:
    """It is not even asked for statistics, because those that libvirt keeps may be of an earlier migration."""
    libvirt.states["erp01"] = state
    assert ended(guest, events).phase is Phase.FAILED


def test_statistics_of_the_arrival_say_nothing_of_the_departure(
    libvirt: FakeLibvirt, guest: Guest, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "SETTLE_S", 0)
    libvirt.states["erp01"] = MIGRATED
    libvirt.expect(Call("jobStats", 3).returns({**COMPLETED, "operation": 4}))
    sample = ended(guest, events)
    assert (sample.phase, sample.downtime_ms) == (Phase.COMPLETED, None)


def test_a_guest_that_is_gone_without_a_word(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.states["erp01"] = GONE
    assert ended(guest, events).phase is Phase.NONE


def test_a_daemon_that_is_gone_is_no_end(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.states["erp01"] = UNANSWERED
    with pytest.raises(fake_libvirt.libvirtError, match="client socket is closed"):
        ended(guest, events)


def test_what_is_told_of_a_guest(libvirt: FakeLibvirt, guest: Guest) -> None:
    assert guest.state_text() == "running (booted)"
    libvirt.states["erp01"] = GONE
    assert guest.state_text() == "no longer defined"
    libvirt.states["erp01"] = UNANSWERED
    assert guest.state_text() == "in a state that is not known, as libvirt does not answer"


# --- waiting


def test_until_it_is_reached(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.expect(*[Call("jobStats").returns(later(second)) for second in (0, 1, 2)])
    seen: list[int] = []

    def third(sample: t.Any) -> bool:
        seen.append(sample.elapsed_ms)
        return len(seen) == 3

    outcome = until(guest, events, 30, third, "", "")
    assert (outcome.changed, outcome.phase, seen) == (True, Phase.PRECOPY, [60_000, 61_000, 62_000])
    assert outcome.sample is not None


def test_until_the_limit_looks_at_least_once(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.expect(Call("jobStats").returns(MIGRATING))
    with pytest.raises(MigrationError, match="'erp01' did not get there within 0 ms") as caught:
        until(guest, events, 0, lambda _sample: False, "{guest} did not get there", "Look again.")
    assert caught.value.reason == "NOT_REACHED"
    assert caught.value.state == "The guest is running (booted) here, its job is in phase precopy."


def test_waiting_for_the_end_at_the_deadline(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.expect(Call("jobStats").returns(MIGRATING))
    assert wait_for_end(guest, events, libvirt.clock.now) is None


def test_waiting_for_the_end(libvirt: FakeLibvirt, guest: Guest, events: Events) -> None:
    libvirt.expect(Call("jobStats").returns(MIGRATING), Call("jobStats").returns(NO_JOB).leaves(MIGRATED), KEPT)
    outcome = wait_for_end(guest, events, libvirt.clock.now + 10)
    assert outcome is not None
    assert outcome.document() == {"changed": True, "phase": "completed", "downtime_ms": 351, "elapsed_ms": 70_000}


# --- looking


def test_look_at_several(libvirt: FakeLibvirt, connection: Connection, guest: Guest) -> None:
    other = Guest(guest.raw, "erp02", ERP02)
    limits = [
        Call("migrateGetMaxDowntime").returns(300),
        Call("migrateGetMaxSpeed", 0).returns(64),
        Call("migrateGetMaxSpeed", 1).returns(0),
    ]
    libvirt.expect(Call("jobStats").returns(MIGRATING), IDLE, *limits)
    watched, problems = look(connection, [guest, other])
    assert problems == []
    (one,) = watched
    assert one.guest is guest
    assert one.samples[-1].limits.document() == {
        "max_downtime_ms": 300,
        "bandwidth_mib_per_s": 64,
        "postcopy_bandwidth_mib_per_s": 0,
    }


def test_look_without_a_job_does_not_wait(libvirt: FakeLibvirt, connection: Connection, guest: Guest) -> None:
    libvirt.expect(IDLE)
    begin_s = libvirt.clock.now
    assert look(connection, [guest], observe_s=60) == ([], [])
    assert libvirt.clock.now == begin_s


def test_look_ends_with_the_last_job(libvirt: FakeLibvirt, connection: Connection, guest: Guest) -> None:
    begin_s = libvirt.clock.now
    libvirt.expect(Call("jobStats").returns(MIGRATING), Call("jobStats").returns(NO_JOB).leaves(MIGRATED), KEPT)
    watched, problems = look(connection, [guest], observe_s=60)
    assert ([sample.phase for sample in watched[0].samples], problems) == ([Phase.PRECOPY, Phase.COMPLETED], [])
    assert libvirt.clock.now == begin_s + 0.5


def test_a_guest_that_leaves_while_it_is_looked_at_has_no_job(libvirt: FakeLibvirt, guest: Guest) -> None:
    """Its statistics are still read, and then it is undefined here."""
    libvirt.expect(Call("jobStats").returns(MIGRATING).leaves(GONE))
    assert glance(guest) is None
