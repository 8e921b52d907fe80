# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    MigrationBlocker,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.host.preflight import objections
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    ERP01,
    IN_POSTCOPY,
    PAUSED_BY_USER,
    POSTCOPY_FAILED,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
)

URI = "qemu:///system"
LOOK_UP = Call("lookupByUUIDString", ERP01).returns(Guest())
NO_JOB = Call("jobStats", guest="erp01").returns({"type": 0})
# LIVE, PEER2PEER and UNSAFE; nothing that would change a definition.
ATTEMPT = ("migrateToURI3", "qemu+unix:///system?socket=/dev/null/nobody", {}, 1 | 2 | 512)
# As libvirt 9.0 says it.
AS_FAR_AS_THE_ADDRESS = "Failed to connect socket to '/dev/null/nobody': Not a directory"
BLOCKED = "cannot migrate domain: Migration is disabled when using feature 'peer mode' in device 'ivshmem'"
NO_VIRTIOFS = "migration with virtiofs device is not supported"
LOCKED = "Timed out during operation: cannot acquire state change lock"


def asked(libvirt: FakeLibvirt, *calls: Call, uuids: t.Sequence[str] = (ERP01,)) -> list[MigrationBlocker]:
    libvirt.expect(Call("open", URI), *calls)
    with Connection(URI) as connection:
        return list(objections(connection, uuids).values())


def attempt(code: int, message: str) -> Call:
    return Call(*ATTEMPT, guest="erp01").raises(code, message)


@pytest.mark.parametrize(
    ("code", "message", "objection"),
    [
        (38, AS_FAR_AS_THE_ADDRESS, MigrationBlocker(True)),
        (55, BLOCKED, MigrationBlocker(True, BLOCKED)),
        (84, NO_VIRTIOFS, MigrationBlocker(True, NO_VIRTIOFS)),
        (68, LOCKED, MigrationBlocker(False, LOCKED)),
        (1, "internal error.", MigrationBlocker(False, "internal error")),
    ],
)
def test_what_libvirt_answers(libvirt: FakeLibvirt, code: int, message: str, objection: MigrationBlocker) -> None:
    assert asked(libvirt, LOOK_UP, NO_JOB, attempt(code, message)) == [objection]


@pytest.mark.parametrize("state", [PAUSED_BY_USER, ARRIVING, IN_POSTCOPY, POSTCOPY_FAILED, SHUT_DOWN])
def test_no_guest_is_touched_that_does_not_run(libvirt: FakeLibvirt, state: tuple[int, int]) -> None:
    libvirt.states["erp01"] = state
    assert asked(libvirt, LOOK_UP) == [MigrationBlocker(False, "it does not run")]


def test_none_on_which_a_job_runs(libvirt: FakeLibvirt) -> None:
    job = Call("jobStats", guest="erp01").returns({"type": 2, "operation": 6})
    assert asked(libvirt, LOOK_UP, job) == [MigrationBlocker(False, "a job runs on it")]


def test_none_that_arrives(libvirt: FakeLibvirt) -> None:
    (found,) = asked(libvirt, LOOK_UP, Call("jobStats", guest="erp01").raises(84, "migration job is not supported"))
    assert not found.asked
    assert "arriving" in found.text


def test_one_that_is_gone_does_not_stop_the_rest(libvirt: FakeLibvirt) -> None:
    gone = Call("lookupByUUIDString", "0-0").raises(42, "Domain not found")
    first, second = asked(libvirt, gone, LOOK_UP, NO_JOB, attempt(55, BLOCKED), uuids=("0-0", ERP01))
    assert (first.asked, second.text) == (False, BLOCKED)


def test_silent_ones_are_not_waited_for_without_end(libvirt: FakeLibvirt) -> None:
    uuids = [f"{number}-0" for number in range(4)]
    looks = [Call("lookupByUUIDString", uuid).returns(Guest(uuid=uuid)) for uuid in uuids[:3]]
    calls = [call for look in looks for call in (look, Call("jobStats", guest="erp01").hangs())]
    found = asked(libvirt, *calls, uuids=uuids)
    assert [one.asked for one in found] == [False] * 4
    assert found[3].text == "3 guests before it gave no answer"
