# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Plan
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
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import COMPLETED, POSTCOPY

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
@pytest.mark.parametrize(("state", "looks"), [(RUNNING, 2), (PAUSED_FOR_MIGRATION, 2)])
def test_a_monitor_that_hangs(libvirt: FakeLibvirt, state: tuple[int, int], looks: int) -> None:
    libvirt.states["erp01"] = state
    with pytest.raises(MigrationError) as raised:
        drive(libvirt, *[HUNG] * looks)
    assert raised.value.reason == "MONITOR_HUNG"


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
    monkeypatch.setattr(driver, "check_both_ends", lambda *_arguments: None)
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
