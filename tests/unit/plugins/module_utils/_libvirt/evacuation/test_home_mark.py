# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.home_mark_xml import HomeMark
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.home_mark import (
    NAMESPACE,
    mark,
    marked,
    unmark,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest, find_guest
from ansible_collections.virtops.live_migration.tests.unit.plugins import fake_libvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    ERP02,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
)

KVM01 = HomeMark("kvm01", "uuid-1", "2026-11-25T15:00:00Z", "migrate", "kvm02", guest_uuid=ERP01)
LIVE, CONFIG = 1, 2


def found(connection: Connection, libvirt: FakeLibvirt) -> Guest:
    libvirt.expect(Call("lookupByUUIDString", ERP01).returns(fake_libvirt.Guest()))
    return find_guest(connection, None, ERP01)


def carries(text: str | None) -> list[Call]:
    if text is not None:
        return [Call("metadata", 2, NAMESPACE, LIVE).returns(text)]
    return [Call("metadata", 2, NAMESPACE, flag).raises(80, "metadata not found") for flag in (LIVE, CONFIG)]


def written(text: str | None, flags: int) -> Call:
    return Call("setMetadata", 2, text, "home", NAMESPACE, flags)


@pytest.mark.parametrize(
    ("off", "persistent", "flags"),
    [(False, True, LIVE | CONFIG), (False, False, LIVE), (True, True, CONFIG)],
    ids=["running", "transient", "off"],
)
def test_the_mark_is_written_where_it_can_be(libvirt: FakeLibvirt, off: bool, persistent: bool, flags: int) -> None:
    if off:
        libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(Call("open", "qemu:///system"))
    with Connection("qemu:///system") as connection:
        guest = found(connection, libvirt)
        asked = Call("isPersistent").returns(int(persistent))
        libvirt.expect(*carries(None), asked, written(KVM01.xml(), flags))
        assert mark(guest, KVM01)


def test_a_home_elsewhere_is_kept(libvirt: FakeLibvirt) -> None:
    libvirt.expect(Call("open", "qemu:///system"))
    with Connection("qemu:///system") as connection:
        guest = found(connection, libvirt)
        libvirt.expect(*carries(KVM01.xml()))
        assert not mark(guest, HomeMark("kvm02", "uuid-2", "later"))


def test_a_mark_of_another_guest_makes_way_and_is_not_taken_away(libvirt: FakeLibvirt) -> None:
    """A clone is made with the metadata of the guest."""
    libvirt.expect(Call("open", "qemu:///system"))
    with Connection("qemu:///system") as connection:
        guest = found(connection, libvirt)
        copied = replace(KVM01, host="kvm09", host_uuid="uuid-9", guest_uuid=ERP02)
        libvirt.expect(*carries(copied.xml()), Call("isPersistent").returns(1), written(KVM01.xml(), LIVE | CONFIG))
        assert mark(guest, KVM01)
        libvirt.expect(*carries(copied.xml()))
        assert not unmark(guest)


def test_one_that_is_shut_down_away_from_home_is_noted_with_the_host(libvirt: FakeLibvirt) -> None:
    libvirt.expect(Call("open", "qemu:///system"))
    with Connection("qemu:///system") as connection:
        guest = found(connection, libvirt)
        noted = replace(KVM01, strategy="shutdown", shut_down_on="kvm02", shut_down_on_uuid="uuid-2")
        libvirt.expect(*carries(KVM01.xml()), Call("isPersistent").returns(1), written(noted.xml(), LIVE | CONFIG))
        assert mark(guest, HomeMark("kvm02", "uuid-2", "later", "shutdown"))


def test_what_is_listed_and_what_is_passed_over(libvirt: FakeLibvirt) -> None:
    """One bad mark hides nobody."""
    marks = {
        "a": replace(KVM01, guest_uuid="").xml(),
        "b": KVM01.xml(),
        "c": KVM01.xml().replace('"none"', '"bogus"').replace(ERP01, ERP02),
        "d": replace(KVM01, strategy="shutdown", shut_down_on="kvm01", shut_down_on_uuid="own", guest_uuid=ERP02).xml(),
    }
    names = {"a": ERP02, "b": ERP02, "c": ERP02, "d": ERP02}
    libvirt.states["d"] = SHUT_DOWN
    guests = [fake_libvirt.Guest(name, uuid) for name, uuid in names.items()]
    libvirt.expect(
        Call("open", "qemu:///system"),
        Call("getCapabilities").returns("<capabilities><host><uuid>own</uuid></host></capabilities>"),
        Call("listAllDomains", 0).returns(guests),
        *(Call("metadata", 2, NAMESPACE, LIVE, guest=name).returns(text) for name, text in marks.items()),
    )
    with Connection("qemu:///system") as connection:
        listed = marked(connection)
    assert [(one["name"], one["off_since_evacuation"]) for one in listed["guests"]] == [("a", False), ("d", True)]
    assert [(one["name"], one["reason"]) for one in listed["passed_over"]] == [
        ("b", "MARK_OF_ANOTHER"),
        ("c", "BAD_MARK"),
    ]
    assert "bogus" in listed["passed_over"][1]["msg"]


def test_it_is_taken_away_once(libvirt: FakeLibvirt) -> None:
    libvirt.expect(Call("open", "qemu:///system"))
    with Connection("qemu:///system") as connection:
        guest = found(connection, libvirt)
        libvirt.expect(*carries(KVM01.xml()), Call("isPersistent").returns(1), written(None, LIVE | CONFIG))
        assert unmark(guest)
        libvirt.expect(*carries(None))
        assert not unmark(guest)
