# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of calls by which a guest gets its memory back."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import ShrunkNote
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.balloon.giving import give_back
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    PAUSED_BY_USER,
    SHRUNK,
    Call,
    FakeDomain,
    FakeLibvirt,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Guest as Known

MIB, GIB = 1 << 20, 1 << 30
NOTE = ShrunkNote(ERP01, 4 * GIB, GIB, held=True)
XML = (
    "<domain type='kvm'><memory>4194304</memory><devices><memballoon model='virtio'>{}</memballoon></devices></domain>"
)
PLAIN = XML.format("<stats period='1'/>")
FORGOTTEN = Call("setMetadata", 2, None, "shrunk", SHRUNK, 1)
NO_PERIOD = Call("setMemoryStatsPeriod", 0, 1)


def has(mib: int) -> Call:
    return Call("memoryStats").returns({"actual": mib * 1024})


def info(maximum_mib: int = 4096) -> Call:
    return Call("info").returns([1, maximum_mib * 1024, 1024 * 1024, 1, 0])


@pytest.fixture
def guest(libvirt: FakeLibvirt) -> Guest:
    return Guest(FakeDomain(libvirt, Known()), "erp01", ERP01)


def test_it_is_given_and_seen_before_the_note_goes(libvirt: FakeLibvirt, guest: Guest) -> None:
    given = [Call("setMemoryFlags", 4 * GIB // 1024, 1), has(2000), has(3000), has(4096)]
    libvirt.expect(Call("XMLDesc", 0).returns(PLAIN), has(1024), info(), *given, NO_PERIOD, FORGOTTEN)
    found = give_back(guest, NOTE)
    assert (found.has_bytes, found.former_bytes, found.problem) == (4 * GIB, 4 * GIB, "")


def test_the_period_of_its_statistics_was_its_own(libvirt: FakeLibvirt, guest: Guest) -> None:
    libvirt.expect(Call("XMLDesc", 0).returns(PLAIN), has(4096), info(), Call("setMemoryStatsPeriod", 10, 1), FORGOTTEN)
    assert give_back(guest, replace(NOTE, period_s=10)).problem == ""


def test_a_guest_that_has_it_already_is_given_nothing(libvirt: FakeLibvirt, guest: Guest) -> None:
    libvirt.expect(Call("XMLDesc", 0).returns(XML.format("")), has(4096), info(), FORGOTTEN)
    assert give_back(guest, NOTE).problem == ""


def test_what_somebody_else_has_set_stays(libvirt: FakeLibvirt, guest: Guest) -> None:
    libvirt.expect(Call("XMLDesc", 0).returns(PLAIN), has(2048), info())
    found = give_back(guest, NOTE)
    assert "somebody else has changed its balloon" in found.problem
    assert "left with 1.0 GiB for its migration and has 2.0 GiB now" in found.problem


@pytest.mark.parametrize(("state", "why"), [(None, "does not answer"), (PAUSED_BY_USER, "stands still")])
def test_one_that_does_not_get_it_keeps_the_note(libvirt: FakeLibvirt, guest: Guest, state: t.Any, why: str) -> None:
    if state:
        libvirt.states["erp01"] = state
    libvirt.expect(Call("XMLDesc", 0).returns(PLAIN), has(1024), info(), Call("setMemoryFlags", 4 * GIB // 1024, 1))
    libvirt.expect(*[has(1100)] * 101)
    found = give_back(guest, NOTE)
    assert found.has_bytes == 1100 * MIB
    assert why in found.problem


def test_a_definition_made_on_the_way_has_all_of_it_too(libvirt: FakeLibvirt, guest: Guest) -> None:
    small = "<domain><memory>4194304</memory><currentMemory>1048576</currentMemory><devices/></domain>"
    libvirt.expect(
        *[Call("XMLDesc", 0).returns(PLAIN), has(1024), info(), Call("setMemoryFlags", 4 * GIB // 1024, 1), has(4096)],
        *[Call("isPersistent").returns(1), Call("XMLDesc", 2).returns(small)],
        *[Call("setMemoryFlags", 4 * GIB // 1024, 2), NO_PERIOD, Call("setMetadata", 2, None, "shrunk", SHRUNK, 3)],
    )
    assert give_back(guest, replace(NOTE, transient=True)).problem == ""
