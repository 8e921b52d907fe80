# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration import (
    destination_monitor,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.destination_monitor import (
    DestinationMonitor,
    path_to,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Call, CallThread, FakeLibvirt

THERE = "qemu+tcp://kvm02/system"
OPENS = Call("open", THERE)
ANSWERS = Call("getLibVersion").returns(9_000_000)
LOST = Call("getLibVersion").raises(1, "internal error: connection closed due to keepalive timeout", 7)


@pytest.fixture(autouse=True)
def at_once(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks until it is not answered any more, and only then goes on."""
    started = SimpleNamespace(Thread=lambda target, **_options: CallThread(libvirt, target))
    monkeypatch.setattr(destination_monitor, "threading", started)


def test_answered_and_lost(libvirt: FakeLibvirt) -> None:
    libvirt.expect(OPENS, ANSWERS, ANSWERS, LOST)
    there = DestinationMonitor(THERE)
    assert (there.ok, there.lost) == (False, True)


def test_never_answered(libvirt: FakeLibvirt) -> None:
    """Nothing is known then, and nothing rests on it."""
    libvirt.expect(OPENS.raises(38, "unable to connect to server at 'kvm02:16509': Connection refused", 7))
    there = DestinationMonitor(THERE)
    assert (there.ok, there.lost) == (None, True)


def test_one_for_all_guests(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        destination_monitor, "threading", SimpleNamespace(Thread=lambda **_o: SimpleNamespace(start=lambda: None))
    )
    assert path_to(THERE) is path_to(THERE)


def test_one_that_is_lost_is_replaced(libvirt: FakeLibvirt) -> None:
    libvirt.expect(Call("open", THERE), LOST, Call("open", THERE), ANSWERS, LOST)
    assert path_to(THERE).ok is None
    assert path_to(THERE).ok is False
