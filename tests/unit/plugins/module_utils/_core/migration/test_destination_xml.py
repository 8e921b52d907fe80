# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.destination_changes import (
    DestinationChanges,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.destination_xml import (
    moved_disks,
    require_same_disks,
    require_same_guest,
    rewritten,
    with_metadata_of,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.differing_definition import CHANGES, GUEST


def test_names_of_the_host_are_replaced_where_they_stand_and_nothing_else() -> None:
    there = rewritten(GUEST, CHANGES)
    for text in (
        'bridge="br-vm"',
        'network="azure"',
        'dev="ens1f0"',
        'listen="10.0.0.12"',
        'address="10.0.0.12"',
        'host="10.0.0.12"',
        'file="/mnt/b/erp01.qcow2"',
        'file="/mnt/b/base.qcow2"',
        'path="/mnt/b/agent.sock"',
        ">/var/nvram.fd</nvram>",
        ">/usr/share/OVMF/C.fd</loader>",
        'passwd="secret"',
        "qemu:commandline",
    ):
        assert text in there, text
    assert "wrong" not in there
    require_same_guest(GUEST, there, "destination_changes")
    assert moved_disks(GUEST, there) == ["vda"]


def test_rules_that_fit_nothing_change_nothing() -> None:
    other = DestinationChanges(bridges={"br7": "x"}, paths={"/sr": "/x", "/srv/ab": "/x"})
    require_same_guest(GUEST, rewritten(GUEST, other), "destination_changes")
    assert moved_disks(GUEST, rewritten(GUEST, other)) == []


HARMLESS = {
    "another bridge": ("<source bridge='br0'/>", "<source bridge='br1'/>"),
    "a network for a bridge": (
        "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/>",
        "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='red'/><vlan><tag id='5'/></vlan>",
    ),
    "a tap": ("<target dev='vnet3'/>", ""),
    "a console's password and port": ("port='5901' autoport='yes'", "port='-1'"),
    "a serial device to a file": (
        "<serial type='tcp'><source mode='bind' host='10.0.0.11' service='4555'/><protocol type='raw'/>",
        "<serial type='file'><source path='/var/log/s'/>",
    ),
    "processors of the host": ("cpuset='0-3'", ""),
    "pinning": ("<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>", ""),
    "an alias": ("<alias name='virtio-disk0'/>", ""),
    "the emulator": ("/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"),
    "its number": (" id='7'", ""),
    "spaces": ("<devices>", "<devices>\n   "),
    "the metadata": ("kvm01</m:home>", "x</m:home>"),
}
SEEN = {
    "the type": ("type='kvm'", "type='qemu'"),
    "its name": ("<name>erp01", "<name>erp02"),
    "its UUID": ("0c11</uuid>", "0c12</uuid>"),
    "memory": ("1048576", "2097152"),
    "processors": (">2</vcpu>", ">4</vcpu>"),
    "a model": ("Haswell", "Skylake"),
    "the machine": ("pc-q35-9.0", "pc-q35-8.0"),
    "the loader's kind": ("type='pflash'", "type='rom'"),
    "a MAC": ("52:54:00:00:00:01", "52:54:00:00:00:09"),
    "a network card": ("<model type='virtio'/></interface>", "<model type='e1000e'/></interface>"),
    "a card that is not connected": ("<interface type='bridge'>", "<interface type='user'>"),
    "a card of the host": ("<interface type='direct'>", "<interface type='hostdev'>"),
    "a disk's bus": ("bus='virtio'", "bus='sata'"),
    "a disk's address": ("slot='0'", "slot='1'"),
    "a disk's cache": ("type='qcow2'/>", "type='qcow2' cache='unsafe'/>"),
    "a disk less": ("<disk type='network' device='disk'>", "<disk type='network' device='cdrom'>"),
    "a kind of console": ("<graphics type='vnc'", "<graphics type='spice'"),
    "a port's number": ("<target port='0'/>", "<target port='1'/>"),
    "a channel's name": ("org.qemu.guest_agent.0", "org.qemu.guest_agent.1"),
    "an argument": ("value='-x'", "value='-y'"),
    "one more device": ("</devices>", "<rng model='virtio'><backend model='random'>/dev/x</backend></rng></devices>"),
    "an alias of the user's": ("<alias name='virtio-disk0'/>", "<alias name='ua-x'/>"),
    "something else": ("<cpu mode", "<launchSecurity type='sev'/><cpu mode"),
}


def changed(case: tuple[str, str]) -> str:
    assert case[0] in GUEST
    return GUEST.replace(case[0], case[1], 1)


@pytest.mark.parametrize("case", HARMLESS.values(), ids=HARMLESS)
def test_what_belongs_to_the_host_may_differ(case: tuple[str, str]) -> None:
    require_same_guest(GUEST, changed(case), "destination_xml")


@pytest.mark.parametrize("case", SEEN.values(), ids=SEEN)
def test_what_the_guest_sees_may_not(case: tuple[str, str]) -> None:
    with pytest.raises(MigrationError) as caught:
        require_same_guest(GUEST, changed(case), "destination_xml")
    assert caught.value.reason == "GUEST_VISIBLE_CHANGE"
    assert "destination_xml changes what the guest sees: domain" in caught.value.problem
    assert caught.value.evidence["differences"]


def test_a_device_that_is_taken_away_is_named() -> None:
    begin, end = GUEST.index("<serial"), GUEST.index("<channel")
    with pytest.raises(MigrationError, match="domain/devices/serial is there 1 times and would be 0 times"):
        require_same_guest(GUEST, GUEST[:begin] + GUEST[end:], "destination_xml")


@pytest.mark.parametrize("text", ["", "<domain", "<network/>", "no XML", "<!DOCTYPE x><domain>&y;</domain>"])
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(MigrationError) as caught:
        require_same_guest(GUEST, text, "destination_xml")
    assert caught.value.reason == "BAD_DEFINITION"
    assert "destination_xml" in caught.value.problem


def test_marks_of_the_guest_are_not_lost_with_a_definition_that_was_written_before() -> None:
    older = GUEST.replace("kvm01</m:home>", "kvm09</m:home>").replace("<title>old</title>", "")
    found = with_metadata_of(older, GUEST)
    assert ("kvm09" in found, "kvm01" in found, found.count("title>")) == (False, True, 2)


def test_a_disk_at_another_path_is_another_disk_unless_the_user_says_so() -> None:
    there = rewritten(GUEST, CHANGES)
    with pytest.raises(MigrationError) as caught:
        require_same_disks(GUEST, there, [], same_storage=False)
    assert (caught.value.reason, caught.value.evidence) == ("DISK_PATH_CHANGED", {"disks": ["vda"]})
    require_same_disks(GUEST, there, ["vda"], same_storage=False)
    require_same_disks(GUEST, there, [], same_storage=True)
    for one, other in (("vm/data", "vm/x"), ("mon1", "mon2"), ("rbd", "nbd")):
        assert moved_disks(GUEST, GUEST.replace(one, other)) == ["vdb"]
    assert moved_disks(GUEST, GUEST.replace("index='1'", "index='4'")) == []
