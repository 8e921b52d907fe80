# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of calls by which memory is taken from a guest: what it had is noted before anything is taken."""

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import ShrunkNote
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.reclaim import Obstacle, Reclaim
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.steps import Stop
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.balloon.taking import Taking
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    PAUSED_BY_USER,
    SHRUNK,
    Call,
    FakeDomain,
    FakeLibvirt,
    libvirtError,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Guest as Known

MIB, GIB = 1 << 20, 1 << 30
XML = "<domain type='kvm'><devices><memballoon model='virtio'>{}</memballoon>{}</devices></domain>"


def told(actual_mib: int, at_s: int, usable_mib: int = 700, rss_mib: int = 1000) -> Call:
    """1 GiB, of which 300 MiB are used, and all the rest is free."""
    sizes = {"actual": actual_mib, "available": usable_mib + 300, "usable": usable_mib, "unused": usable_mib}
    kib = {name: size * 1024 for name, size in {**sizes, "rss": rss_mib}.items()}
    return Call("memoryStats").returns({**kib, "swap_out": 0, "last_update": at_s})


def note(set_mib: int, held: bool, period_s: int = 0) -> Call:
    text = ShrunkNote(ERP01, 1024 * MIB, set_mib * MIB, held=held, period_s=period_s).xml()
    return Call("setMetadata", 2, text, "shrunk", SHRUNK, 1)


@pytest.fixture
def taking(libvirt: FakeLibvirt) -> Taking:
    return Taking(Guest(FakeDomain(libvirt, Known()), "erp01", ERP01), 100 * MIB)


ASKED = [Call("XMLDesc", 0).returns(XML.format("", "")), told(1024, 5), Call("setMemoryStatsPeriod", 1, 1)]


def test_it_is_noted_taken_and_noted_again(libvirt: FakeLibvirt, taking: Taking) -> None:
    libvirt.expect(*ASKED, told(1024, 5), told(1024, 6))
    assert taking.begin() is None
    found = taking.look(900 * MIB, 50 * MIB)
    assert isinstance(found, Reclaim)
    assert (found.from_bytes, found.floor_bytes, found.saved_bytes) == (1024 * MIB, 424 * MIB, 500 * MIB)
    libvirt.expect(told(1024, 6), note(424, held=False), told(1024, 6), Call("setMemoryFlags", 424 * 1024, 1))
    libvirt.expect(told(700, 6), told(424, 7), note(424, held=True), told(424, 7, 100, 420))
    done = taking.take(persistent=True)
    assert (done.left_bytes, done.resident_bytes, done.stop) == (424 * MIB, 580 * MIB, Stop.DONE)
    taking.end()  # what is noted is undone by whoever gives it back


def test_a_period_of_its_own_is_noted_and_put_back(libvirt: FakeLibvirt, taking: Taking) -> None:
    own = [Call("XMLDesc", 0).returns(XML.format("<stats period='10'/>", "")), told(1024, 5)]
    libvirt.expect(*own, Call("setMemoryStatsPeriod", 1, 1), told(1024, 6))
    assert taking.begin() is None
    assert isinstance(taking.look(320 * MIB, 0), Obstacle)
    libvirt.expect(Call("setMemoryStatsPeriod", 10, 1))
    taking.end()
    taking.end()


def test_a_guest_that_tells_nothing(libvirt: FakeLibvirt, taking: Taking) -> None:
    libvirt.expect(*ASKED, *[told(1024, 5)] * 41)
    assert taking.begin() is None
    found = taking.look(900 * MIB, 50 * MIB)
    assert isinstance(found, Obstacle)
    assert found.reason == "NO_STATISTICS"


def test_one_whose_balloon_is_on_its_way(libvirt: FakeLibvirt, taking: Taking) -> None:
    libvirt.expect(*ASKED, told(900, 6))
    taking.begin()
    found = taking.look(900 * MIB, 50 * MIB)
    assert isinstance(found, Obstacle)
    assert found.reason == "CHANGED"


def test_who_is_left_alone_is_not_even_asked(libvirt: FakeLibvirt, taking: Taking) -> None:
    libvirt.expect(Call("XMLDesc", 0).returns(XML.format("", "<hostdev type='pci'/>")))
    assert taking.begin() == Obstacle(
        "HOST_DEVICES", "it has devices of the host, which reach its memory past the balloon"
    )
    libvirt.states["erp01"] = PAUSED_BY_USER
    libvirt.expect(Call("XMLDesc", 0).returns(XML.format("", "")))
    found = taking.begin()
    assert found is not None
    assert found.reason == "STANDS_STILL"


def test_without_a_note_nothing_is_taken(libvirt: FakeLibvirt, taking: Taking) -> None:
    libvirt.expect(*ASKED, told(1024, 6))
    taking.begin()
    taking.look(900 * MIB, 50 * MIB)
    libvirt.expect(told(1024, 6), note(424, held=False).raises(55, "no metadata for you"))
    with pytest.raises(libvirtError):
        taking.take(persistent=True)


def test_somebody_else_sets_the_balloon_meanwhile(libvirt: FakeLibvirt, taking: Taking) -> None:
    """Noted is what we told it, so that what it has then is seen to be another's."""
    libvirt.expect(*ASKED, told(1024, 6))
    taking.begin()
    taking.look(900 * MIB, 50 * MIB)
    libvirt.expect(told(1024, 6), note(424, held=False), told(1024, 6), Call("setMemoryFlags", 424 * 1024, 1))
    libvirt.expect(told(300, 6), note(424, held=True), told(300, 6))
    assert taking.take(persistent=True).stop is Stop.CHANGED
