# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    PASS,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.definitions import (
    find,
    guest,
    nic,
)

PCI = (
    "<hostdev mode='subsystem' type='pci'>"
    "<source><address domain='0' bus='0xaf' slot='0' function='0'/></source></hostdev>"
)


@pytest.mark.parametrize(
    ("os_parts", "parts", "devices", "path"),
    [
        ("<acpi><table type='slic'>/etc/kvm/slic.bin</table></acpi>", "", "", "/etc/kvm/slic.bin"),
        ("<acpi><table type='raw'>/a</table><table type='msdm'>/b</table></acpi>", "", "", "/a and /b"),
        ("<kernel>/boot/vmlinuz</kernel><initrd>/boot/initrd</initrd>", "", "", "/boot/initrd and /boot/vmlinuz"),
        ("<dtb>/boot/board.dtb</dtb>", "", "", "/boot/board.dtb"),
        ("<loader readonly='yes' type='rom'>/opt/bios.bin</loader>", "", "", "/opt/bios.bin"),
        ("<loader>/opt/bios.bin</loader>", "", "", "/opt/bios.bin"),
        ("", "<sysinfo type='fwcfg'><entry name='opt/com.example/x' file='/etc/kvm/ignition.json'/></sysinfo>", "",
         "/etc/kvm/ignition.json"),
        ("", "", nic("bridge", "<source bridge='br0'/>", "<rom file='/opt/pxe.rom'/>"), "/opt/pxe.rom"),
        ("", "", PCI.replace("</hostdev>", "<rom file='/opt/gpu.rom'/></hostdev>"), "/opt/gpu.rom"),
    ],
)  # fmt: skip
def test_files_that_qemu_reads(os_parts: str, parts: str, devices: str, path: str) -> None:
    finding = find("boot_files", guest(devices, parts, os_parts))
    assert (finding.status, path in finding.summary) == (WARN, True), finding.summary


def test_firmware_of_packages_is_looked_at_elsewhere() -> None:
    pflash = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader><nvram>/var/one_VARS.fd</nvram>"
    assert find("boot_files", guest(os_parts=pflash)).status == PASS
    assert (
        find("boot_files", guest(parts="<sysinfo type='fwcfg'><entry name='a'>text</entry></sysinfo>")).status == PASS
    )


@pytest.mark.parametrize(
    ("devices", "path"),
    [
        ("<serial type='dev'><source path='/dev/ttyS0'/></serial>", "/dev/ttyS0"),
        ("<parallel type='dev'><source path='/dev/parport0'/></parallel>", "/dev/parport0"),
        ("<channel type='unix'><source mode='connect' path='/run/broker.sock'/></channel>", "/run/broker.sock"),
        ("<serial type='tcp'><source mode='connect' host='127.0.0.2' service='2'/></serial>", "tcp:127.0.0.2:2"),
        ("<redirdev type='tcp'><source mode='connect' host='localhost' service='4'/></redirdev>", "tcp:localhost:4"),
        ("<channel type='pipe'><source path='/run/pipe'/></channel>", "/run/pipe"),
        ("<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>", "/dev/hwrng"),
        (
            "<rng><backend model='egd' type='unix'><source mode='connect' path='/run/egd'/></backend></rng>",
            "/run/egd",
        ),
        ("<input type='passthrough' bus='virtio'><source evdev='/dev/input/event3'/></input>", "/dev/input/event3"),
        ("<input type='evdev'><source dev='/dev/input/event1'/></input>", "/dev/input/event1"),
        ("<graphics type='egl-headless'><gl rendernode='/dev/dri/renderD128'/></graphics>", "/dev/dri/renderD128"),
        (
            "<memory model='nvdimm'><source><path>/dev/pmem0</path></source><target><size>1</size></target></memory>",
            "/dev/pmem0",
        ),
        ("<lease><lockspace>a</lockspace><key>b</key><target path='/var/lib/locks/b'/></lease>", "/var/lib/locks/b"),
        ("<pstore backend='acpi-erst'><path>/var/erst</path></pstore>", "/var/erst"),
        ("<smartcard mode='host-certificates'><database>/etc/pki/own</database></smartcard>", "/etc/pki/own"),
        (nic("vhostuser", "<source type='unix' path='/run/vhost1' mode='client'/>"), "/run/vhost1"),
        (nic("ethernet", "<script path='/etc/qemu-ifup'/>"), "/etc/qemu-ifup"),
    ],
)
def test_files_that_devices_use(devices: str, path: str) -> None:
    finding = find("device_files", guest(devices))
    assert (finding.status, path in finding.summary) == (WARN, True), finding.summary


@pytest.mark.parametrize(
    "devices",
    [
        "<serial type='pty'><source path='/dev/pts/3'/></serial>",
        "<serial type='file'><source path='/var/log/one.log'/></serial>",
        "<serial type='tcp'><source mode='connect' host='192.0.2.9' service='4555'/></serial>",
        "<channel type='unix'><source mode='bind' path='/run/libvirt/qemu/channel/one'/></channel>",
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
        nic("vhostuser", "<source type='unix' path='/run/vhost1' mode='server'/>"),
        "<input type='tablet' bus='usb'/><controller type='usb'/><memballoon model='virtio'/>",
    ],
)
def test_what_libvirt_and_qemu_make_themselves(devices: str) -> None:
    assert find("device_files", guest(devices)).status == PASS


def test_variables_of_the_firmware_on_a_block_device() -> None:
    nvram = "<nvram type='block'><source dev='/dev/mapper/nvram1'/></nvram>"
    finding = find("boot_files", guest(os_parts=nvram))
    assert (finding.status, "/dev/mapper/nvram1" in finding.summary) == (WARN, True)
    assert guest(os_parts=nvram).nvram_type == "block"


def test_a_rom_that_the_destination_has_from_its_packages() -> None:
    rom = "<loader type='rom'>/usr/share/OVMF/OVMF_CODE.fd</loader>"
    assert find("boot_files", guest(os_parts=rom)).status == PASS
