# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest gets back the memory that a run has taken from it, whatever became of that run."""

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import ShrunkNote
from ansible_collections.virtops.live_migration.plugins.modules import migration
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    SHRUNK,
    Call,
    FakeLibvirt,
    Guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import GIB, MIGRATING, NO_JOB
from ansible_collections.virtops.live_migration.tests.unit.plugins.modules.test_migration import (
    ASKED,
    ENDS,
    MISSING,
    OVER_THERE,
    UNKNOWN,
    arrived_and_defined,
    destination_has,
    here,
    source_has,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

NOTE = ShrunkNote(ERP01, 4 * GIB, GIB, held=True)
XML = "<domain type='kvm'><memory>4194304</memory><devices><memballoon model='virtio'/></devices></domain>"
WANTED = {**ASKED, "policy_overrides": {"max_throttle_percent": 0, "shrink": "balloon"}}


def has(kib: int, guest: str) -> Call:
    return Call("memoryStats", guest=guest).returns({"actual": kib})


def gets_it_back(guest: str, *after: int) -> list[Call]:
    info = Call("info", guest=guest).returns([1, 4 * 1024 * 1024, 1024 * 1024, 2, 0])
    definition = Call("XMLDesc", 0, guest=guest).returns(XML)
    asked = [definition, has(1024 * 1024, guest), info, Call("setMemoryFlags", 4 * 1024 * 1024, 1, guest=guest)]
    return [*asked, *(has(kib, guest) for kib in after)]


def forgotten(guest: str) -> Call:
    return Call("setMetadata", 2, None, "shrunk", SHRUNK, 1, guest=guest)


def there() -> list[Call]:
    return [*ENDS, MISSING, Call("lookupByName", "erp01").returns(Guest(at="kvm02")), *destination_has()]


def test_one_that_has_arrived_meanwhile(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    arrived_and_defined(libvirt)
    libvirt.shrunk[OVER_THERE] = NOTE.xml()
    libvirt.expect(*there(), *gets_it_back(OVER_THERE, 4 * 1024 * 1024), forgotten(OVER_THERE))
    result = run(migration, **ASKED)
    assert (result["changed"], result["outcome"]) == (True, "already_there")
    given = {"given_back": True, "given_back_on": "kvm02", "former_bytes": 4 * GIB}
    assert {key: result["shrink"][key] for key in given} == given
    assert result["shrink"]["left_bytes"] is None


def test_check_mode_only_says_so(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    arrived_and_defined(libvirt)
    libvirt.shrunk[OVER_THERE] = NOTE.xml()
    libvirt.expect(*there())
    result = run(migration, check=True, **ASKED)
    assert (result["changed"], result["shrink"]) == (True, None)
    assert "was left small by a run that has ended" in str(result["warnings"])


@pytest.mark.parametrize(
    ("calls", "says"),
    [
        (gets_it_back(OVER_THERE, *[2 * 1024 * 1024] * 101), "has 2.0 GiB of them"),
        ([Call("XMLDesc", 0, guest=OVER_THERE).returns(XML), has(3 << 20, OVER_THERE)], "somebody else has changed"),
        ([Call("XMLDesc", 0, guest=OVER_THERE).raises(38, "cannot reach the monitor")], "cannot reach the monitor"),
    ],
)
def test_one_that_does_not_get_it_back_is_a_failure(
    libvirt: FakeLibvirt, run: ModuleRunner, calls: list[Call], says: str
) -> None:
    arrived_and_defined(libvirt)
    libvirt.shrunk[OVER_THERE] = NOTE.xml()
    libvirt.expect(*there(), *calls)
    if "somebody" in says:
        libvirt.expect(Call("info", guest=OVER_THERE).returns([1, 4 * 1024 * 1024, 1024 * 1024, 2, 0]))
    result = run.fails(migration, **ASKED)
    assert (result["reason"], result["runs_on"], result["outcome"]) == ("LEFT_SMALL", "kvm02", "already_there")
    assert says in result["msg"]
    assert "Run this again" in result["remedy"]


def test_one_that_is_still_here_gets_it_back_before_anything_else(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """Whatever the policy of this run is, and whatever becomes of it: here it is refused later."""
    libvirt.shrunk["erp01"] = NOTE.xml()
    libvirt.expect(*ENDS, *here(NO_JOB), UNKNOWN, *source_has())
    libvirt.expect(*gets_it_back("erp01", 4 * 1024 * 1024), forgotten("erp01"))
    libvirt.expect(Call("metadata", 2, "https://github.com/virtops/ansible-live-migration/guest/1", 1).raises(1, "no"))
    result = run.fails(migration, **ASKED)
    assert result["reason"] == "LIBVIRT_ERROR"  # and the script was gone through, with all that gives it back


def test_of_one_on_its_way_the_note_is_left_until_it_has_arrived(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.shrunk["erp01"] = NOTE.xml()
    libvirt.states[OVER_THERE] = (3, 2)
    arrives = Call("lookupByUUIDString", ERP01).returns(Guest(at="kvm02"))
    libvirt.expect(*ENDS, *here(MIGRATING), arrives, *source_has(), Call("isPersistent", guest=OVER_THERE).returns(0))
    result = run(migration, check=True, **{**WANTED, "heed_metadata": False})
    assert (result["outcome"], result["changed"]) == ("adopted", True)
    assert "left small" in str(result["warnings"])


def test_nobody_would_give_it_back_where_nobody_waits(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    plain = "<domain type='kvm'><devices></devices></domain>"
    libvirt.expect(*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), Call("XMLDesc", 0).returns(plain))
    libvirt.expect(Call("info").returns([1, 4 * 1024 * 1024, 4 * 1024 * 1024, 2, 0]))
    libvirt.expect(Call("memoryStats").returns({"rss": 1024 * 1024}))
    libvirt.expect(*[Call(name).returns(9_000_000) for name in ("getLibVersion", "getVersion") * 2])
    result = run(migration, check=True, **{**WANTED, "wait": False, "heed_metadata": False})
    assert result["forecast"]["shrink"]["reason"] == "NOT_WAITED"


@pytest.mark.parametrize(("xml", "reason"), [("", "NO_BALLOON"), ("<hostdev type='pci'/>", "HOST_DEVICES")])
def test_why_it_is_not_done_is_said_before(libvirt: FakeLibvirt, run: ModuleRunner, xml: str, reason: str) -> None:
    definition = Call("XMLDesc", 0).returns(f"<domain type='kvm'><devices>{xml}</devices></domain>")
    libvirt.expect(*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), definition, definition)
    libvirt.expect(Call("info").returns([1, 4 * 1024 * 1024, 4 * 1024 * 1024, 2, 0]))
    libvirt.expect(Call("memoryStats").returns({"rss": 1024 * 1024}))
    libvirt.expect(*[Call(name).returns(9_000_000) for name in ("getLibVersion", "getVersion") * 2])
    result = run(migration, check=True, **{**WANTED, "heed_metadata": False})
    assert result["forecast"]["shrink"]["reason"] == reason
    assert result["forecast"]["shrink"]["possible"] is False
