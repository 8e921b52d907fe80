# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Flags, Plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import Record
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration import driver
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.driver import Driver
from ansible_collections.virtops.live_migration.tests.unit.plugins import fake_libvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    IN_POSTCOPY,
    MIGRATED,
    PAUSED_FOR_MIGRATION,
    POSTCOPY_FAILED,
    RUNNING,
    UNANSWERED,
    Call,
    FakeLibvirt,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    COMPLETED,
    GIB,
    MIGRATING,
    NO_JOB,
    POSTCOPY,
    later,
)

HUNG = Call("jobStats").then(lambda libvirt: libvirt.clock.sleep(20)).hangs()
GONE = Call("jobStats").raises(55, "Requested operation is not valid: domain is not running")
KEPT = Call("jobStats", 3).returns({**COMPLETED, "operation": 5})


def drive(libvirt: FakeLibvirt, *calls: Call) -> Phase:
    libvirt.expect(Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(fake_libvirt.Guest()), *calls)
    record = Record(Supervisor(Policy(max_downtime_ms=8000), Plan()))
    with Connection("qemu:///system", events=True) as connection:
        return Driver(connection, find_guest(connection, "erp01", None), record).run().phase


def test_a_long_switch_over_is_waited_for(libvirt: FakeLibvirt) -> None:
    """QEMU answers nobody meanwhile."""
    libvirt.states["erp01"] = PAUSED_FOR_MIGRATION
    libvirt.clock.after(25, lambda: libvirt.states.__setitem__("erp01", MIGRATED))
    assert drive(libvirt, HUNG, GONE, KEPT) is Phase.COMPLETED


# One look that hangs, for 20 s, is no end: the job may go on.
@pytest.mark.parametrize(
    ("before", "state", "looks"),
    [
        ([], RUNNING, 9),  # what the preparation may take
        ([POSTCOPY], IN_POSTCOPY, 6),
        ([], PAUSED_FOR_MIGRATION, 2),
    ],
)
def test_a_monitor_that_hangs(
    libvirt: FakeLibvirt, before: list[dict[str, t.Any]], state: tuple[int, int], looks: int
) -> None:
    libvirt.states["erp01"] = state
    looked = [Call("jobStats").returns(stats) for stats in before]
    with pytest.raises(MigrationError) as raised:
        drive(libvirt, *looked, *[HUNG] * looks)
    assert raised.value.reason == "MONITOR_HUNG"


def test_a_big_guest_may_be_prepared_longer_and_it_is_told(libvirt: FakeLibvirt) -> None:
    """Of 1 TiB 20 minutes, or what its policy says. QEMU holds its lock while it marks all of the guest's memory."""
    told: list[str] = []
    libvirt.expect(Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(fake_libvirt.Guest()))
    libvirt.expect(*[HUNG] * 14, Call("jobStats").returns(POSTCOPY).leaves(MIGRATED), GONE, KEPT)
    record = Record(Supervisor(Policy(), Plan(memory_bytes=1024 * GIB)))
    with Connection("qemu:///system", events=True) as connection:
        guest = find_guest(connection, "erp01", None)
        looks = Driver(connection, guest, record, on_progress=lambda one: told.append(str(one["line"])))
        assert looks.run().phase is Phase.COMPLETED
    assert told[0] == "QEMU has not answered for 20.0 s; it is asked for 20 min 4 s at most"


ODD_STATE = "internal error: unexpected migration status in postcopy-device"


@pytest.mark.parametrize("looks", [1, 20])
def test_a_state_that_libvirt_does_not_know_is_passed_through(libvirt: FakeLibvirt, looks: int) -> None:
    """QEMU 11.1 under libvirt 12.8, at the switch to post-copy."""
    libvirt.states["erp01"] = IN_POSTCOPY
    odd = [Call("jobStats").raises(1, ODD_STATE) for _look in range(looks)]
    after = [Call("jobStats").returns(POSTCOPY).leaves(MIGRATED), GONE, KEPT]
    assert drive(libvirt, Call("jobStats").returns(POSTCOPY), *odd, *after) is Phase.COMPLETED


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (1, ODD_STATE),
        (9, "operation failed: QEMU could not be asked"),
        (68, "Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatch)"),
        (38, "unable to read from monitor: Connection reset by peer"),
    ],
)
def test_an_error_of_a_look_is_not_the_end(libvirt: FakeLibvirt, code: int, message: str) -> None:
    libvirt.states["erp01"] = IN_POSTCOPY
    look = Call("jobStats").returns(POSTCOPY)
    odd = [Call("jobStats").raises(code, message)] * 3
    assert drive(libvirt, look, *odd, look.leaves(MIGRATED), GONE, KEPT) is Phase.COMPLETED


def test_errors_that_stay_are_told(libvirt: FakeLibvirt) -> None:
    """After half a minute, of a guest that still runs on the source."""
    libvirt.states["erp01"] = RUNNING
    looks = [Call("jobStats").raises(9, "operation failed: QEMU could not be asked") for _look in range(61)]
    with pytest.raises(fake_libvirt.libvirtError, match="could not be asked"):
        drive(libvirt, *looks)
    assert libvirt.clock.now == 1030


def test_a_daemon_that_is_gone_is_told_at_once(libvirt: FakeLibvirt) -> None:
    lost = Call("jobStats").raises(38, "Cannot recv data: Connection reset by peer", 7).leaves(UNANSWERED)
    with pytest.raises(fake_libvirt.libvirtError, match="reset by peer"):
        drive(libvirt, lost)
    assert libvirt.clock.now == 1000


def test_an_attempt_to_join_that_fails_late(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call comes back seconds after it was made; it is the only one that says why."""

    class Late:
        problem = MigrationError("INVALID_ARGUMENT", "It cannot be.")

        def __init__(self, *_arguments: t.Any) -> None:
            self._over_s = libvirt.clock.now + 5

        def wait(self, limit_s: float) -> bool:
            libvirt.clock.sleep(limit_s)
            return self.ended

        @property
        def ended(self) -> bool:
            return libvirt.clock.now >= self._over_s

    monkeypatch.setattr(driver, "Resume", Late)
    monkeypatch.setattr(driver, "check_both_ends", lambda *_arguments, **_options: None)
    libvirt.states["erp01"] = POSTCOPY_FAILED
    look = Call("jobStats").returns(POSTCOPY)
    found = Call("lookupByName", "erp01").returns(fake_libvirt.Guest())
    # Three until the attempt at 1 s, which is given 2 s, and then until 6 s.
    libvirt.expect(Call("open", "qemu:///system"), found, *[look] * 3, *[look] * 7)
    record = Record(Supervisor(Policy(), Plan()))
    with Connection("qemu:///system", events=True) as connection:
        guest = find_guest(connection, "erp01", None)
        Driver(connection, guest, record, "qemu+tcp://kvm02/system").run()
    assert record.supervisor.outcome == "left"
    assert "It cannot be." in record.document()["decisions"][-1]["because"]


class Throttle:
    """Notes what it is told; ``after``: what becomes of it at which look."""

    def __init__(self, *_arguments: t.Any) -> None:
        self.percent = self.most_percent = 0
        self.held_back_s, self.problems = 0.0, []  # type: float, list[str]
        self.told: list[t.Any] = []
        self.refuses: t.Optional[MigrationError] = None

    def set(self, percent: int) -> None:
        self.told.append(percent)
        if self.refuses is not None:
            raise self.refuses
        self.percent, self.most_percent = percent, max(self.most_percent, percent)

    def look(self) -> int:
        return self.percent

    def put_back(self) -> str:
        if self.percent:
            self.told.append("put back")
        self.percent = 0
        return ""


STUCK_AT = {**MIGRATING, "memory_processed": 10 * GIB}
FREED = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=60)
WITHOUT = Plan(flags=Flags(False, False), adopted=True, vcpu_quota=True)


def throttled(
    libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch, *calls: Call, policy: Policy = FREED, plan: Plan = WITHOUT
) -> tuple[Throttle, Driver, Record]:
    throttle = Throttle()
    monkeypatch.setattr(driver, "VcpuThrottle", lambda *_arguments: throttle)
    found = Call("lookupByName", "erp01").returns(fake_libvirt.Guest())
    libvirt.expect(Call("open", "qemu:///system"), found, *calls)
    record = Record(Supervisor(policy, plan))
    with Connection("qemu:///system", events=True) as connection:
        made = Driver(connection, find_guest(connection, "erp01", None), record)
        try:
            made.run()
        except (MigrationError, fake_libvirt.libvirtError):
            throttle.told.append("raised")
    return throttle, made, record


def limits_seen(limit_ms: int = 300) -> list[Call]:
    speeds = [Call("migrateGetMaxSpeed", 0).returns(0), Call("migrateGetMaxSpeed", 1).returns(0)]
    return [Call("migrateGetMaxDowntime").returns(limit_ms), *speeds]


def stuck_look(number: int = 0) -> list[Call]:
    return [Call("jobStats").returns(later(0.5 * number, STUCK_AT)), *limits_seen()]


def test_a_stuck_guest_is_slowed_down_and_has_its_time_back(
    libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it has moved; and what it is slowed down by is in the looks, so that a record has it."""
    last = [Call("jobStats").returns(later(0.5, STUCK_AT)), *limits_seen()]
    last[-1] = last[-1].leaves(MIGRATED)
    throttle, made, record = throttled(libvirt, monkeypatch, *stuck_look(), *last, GONE, KEPT)
    assert throttle.told == [20, "put back"]
    assert [(one.kind.value, one.value) for one in made.applied] == [("throttle", 20)]
    document = record.document()
    column = document["columns"].index("throttle_percent")
    assert [look[column] for look in document["looks"]][:2] == [0, 20]
    assert document["vcpu_throttle"] == {"most_percent": 20, "held_back_s": 0.0, "problems": []}


def test_a_look_that_fails_for_good_gives_it_back(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Call("jobStats").raises(38, "Cannot recv data: Connection reset by peer", 7).leaves(UNANSWERED)
    throttle, _made, record = throttled(libvirt, monkeypatch, *stuck_look(), lost)
    assert throttle.told == [20, "put back", "raised"]
    assert record.document()["vcpu_throttle"]["most_percent"] == 20


@pytest.mark.parametrize(("on_hopeless", "call"), [("leave", []), ("abort", [Call("abortJob")])])
def test_it_is_given_back_before_the_end_of_the_policy(
    libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch, on_hopeless: str, call: list[Call]
) -> None:
    """An abort may take its time, and the guest goes on here."""
    policy = replace(FREED, deadline_s=0.4, on_hopeless=on_hopeless)
    ended = [] if on_hopeless == "leave" else [Call("jobStats").returns(NO_JOB)]
    calls = [*stuck_look(), *stuck_look(1), *call, *ended]
    throttle, _made, record = throttled(libvirt, monkeypatch, *calls, policy=policy)
    assert throttle.told[:2] == [20, "put back"]
    assert record.document()["decisions"][-1]["action"] == on_hopeless


def test_what_was_not_put_back_is_told(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Throttle, "put_back", lambda self: self.problems.append("It has not") or "")
    last = [Call("jobStats").returns(later(0.5, STUCK_AT)), *limits_seen()]
    last[-1] = last[-1].leaves(MIGRATED)
    _throttle, made, record = throttled(libvirt, monkeypatch, *stuck_look(), *last, GONE, KEPT)
    assert made.notes == ["erp01: It has not."]
    assert record.document()["vcpu_throttle"]["problems"] == ["It has not"]
