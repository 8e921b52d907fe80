# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.retry import (
    RetryDecision,
    decide_retry,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.host_guests import HostGuests
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.memory_check import (
    coming_from_others,
    lack_of_room,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import guest_of
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    ERP02,
    Call,
    FakeDomain,
    FakeLibvirt,
    Guest,
)

THERE = "qemu+tcp://kvm02/system"
GIB = 1 << 30
KIB_OF_4_GIB = 4 << 20
INFO = Call("info", guest="erp01").returns([1, KIB_OF_4_GIB, KIB_OF_4_GIB // 2, 1, 0])
XML = Call("XMLDesc", guest="erp01").returns("<domain/>")


def free(gib: int) -> Call:
    """A third of each kind: what the kernel would give up counts."""
    kib = gib * (1 << 20) // 3
    return Call("getMemoryStats", -1).returns({"total": kib * 9, "free": kib, "buffers": kib, "cached": kib})


def lacking(libvirt: FakeLibvirt, *script: Call, coming_bytes: int = 0) -> MigrationError | None:
    libvirt.expect(Call("open", THERE), *script)
    guest = guest_of(FakeDomain(libvirt, Guest()))
    with Connection(THERE) as destination:
        return lack_of_room("kvm02", destination, HostGuests(), guest, coming_bytes)


@pytest.mark.parametrize(("gib", "coming", "fits"), [(5, 0, True), (4, 0, False), (9, 4, True), (9, 5, False)])
def test_all_that_it_may_ever_have_must_fit(libvirt: FakeLibvirt, gib: int, coming: int, fits: bool) -> None:
    found = lacking(libvirt, XML, INFO, free(gib), coming_bytes=coming * GIB)
    assert (found is None) is fits
    if found is not None:
        assert found.reason == "DESTINATION_FULL"
        assert found.evidence["needed_bytes"] > 4 * GIB


def test_huge_pages_are_for_qemu_to_judge(libvirt: FakeLibvirt) -> None:
    xml = "<domain><memoryBacking><hugepages/></memoryBacking></domain>"
    assert lacking(libvirt, Call("XMLDesc").returns(xml)) is None


@pytest.mark.parametrize(
    "script",
    [
        [Call("XMLDesc").raises(42, "Domain not found")],
        [XML, INFO, Call("getMemoryStats", -1).raises(3, "not supported")],
        [XML, INFO, Call("getMemoryStats", -1).returns({})],
    ],
)
def test_what_is_not_known_keeps_nobody_here(libvirt: FakeLibvirt, script: list[Call]) -> None:
    assert lacking(libvirt, *script) is None


def test_a_destination_that_does_not_answer_is_sent_nobody(libvirt: FakeLibvirt) -> None:
    """Another attempt asks it again."""
    found = lack_of_room("kvm02", None, None, guest_of(FakeDomain(libvirt, Guest())), 0)
    assert found is not None
    assert (found.reason, decide_retry(found.reason)) == ("CONNECTION_LOST", RetryDecision.AGAIN)


@pytest.mark.parametrize(
    "script",
    [
        [Call("XMLDesc").raises(38, "Cannot recv data: Connection reset by peer")],
        [XML, INFO, Call("getMemoryStats", -1).raises(38, "Cannot recv data: Connection reset by peer")],
        [XML, INFO, Call("getMemoryStats", -1).raises(1, "internal error: client socket is closed")],
        [XML, INFO, Call("getMemoryStats", -1).hangs()],
    ],
)
def test_a_look_that_failed_finds_no_room(libvirt: FakeLibvirt, script: list[Call]) -> None:
    found = lacking(libvirt, *script)
    assert found is not None
    assert decide_retry(found.reason) is RetryDecision.AGAIN, found.reason


def test_who_comes_from_others_counts_in_full(libvirt: FakeLibvirt) -> None:
    ours, theirs = (guest_of(FakeDomain(libvirt, Guest(name, uuid))) for name, uuid in (("a", ERP01), ("b", ERP02)))
    libvirt.expect(Call("info", guest="b").returns([1, KIB_OF_4_GIB, 0, 1, 0]))
    assert coming_from_others(HostGuests({}, {ERP01: ours, ERP02: theirs}), {ERP01}) == 4 * GIB
