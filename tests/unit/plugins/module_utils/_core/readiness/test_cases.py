# SPDX-License-Identifier: GPL-3.0-or-later

"""Definitions that were misread once, and their brothers, from the XML to the finding.

The guest goes between the two healthy hosts of ``pairs``: ``blue`` is a network there with the bridge br0, and the
destination has the processors 0 to 63, the NUMA nodes 0 and 1 and the addresses 10.231.0.12 and 10.231.1.12.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.dataclass_json import to_plain
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import HugePages, NumaNode
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import host_from
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import Interface
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import (
    needs_sent,
    parse_domain,
    with_sent,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import CHECKS, Assessor
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check import (
    FAIL,
    PASS,
    SKIP,
    WARN,
    Finding,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import GIB, MIB, Setup

BY_ID = {check.id: check for check in CHECKS}
HUGE = [HugePages(0, GIB, 2, 2), HugePages(0, 2 * MIB, 4096, 4096), HugePages(1, 2 * MIB, 0, 0)]


def guest(devices: str = "", parts: str = "", os_parts: str = "", cpu: str = "") -> GuestDocument:
    xml = f"""
<domain type='kvm' id='3'>
  <name>erp01</name><uuid>1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11</uuid>
  <memory unit='KiB'>8388608</memory><currentMemory unit='KiB'>8388608</currentMemory>
  <vcpu placement='static'>4</vcpu>{parts}
  <os><type arch='x86_64' machine='pc-q35-9.0'>hvm</type>{os_parts}</os>
  <cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Skylake-Server</model>{cpu}</cpu>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}</devices>
</domain>"""
    return replace(parse_domain(xml), state="running", state_reason="booted", snapshots=0, checkpoints=0)


def find(check: str, domain: GuestDocument, changes: t.Mapping[str, t.Any] | None = None) -> Finding:
    found = BY_ID[check].of_guest
    assert found is not None
    return found(Setup().but({"domain": domain, **(changes or {})}).case)


def nic(kind: str, source: str, more: str = "") -> str:
    return f"<interface type='{kind}'><mac address='52:54:00:00:00:01'/>{source}{more}</interface>"


def console(listen: str, kind: str = "vnc") -> str:
    return f"<graphics type='{kind}' port='5900' autoport='yes'>{listen}</graphics>"


def at(address: str) -> str:
    return console(f"<listen type='address' address='{address}'/>")


# --- what is sent, not what runs

ON_NETWORK = "<source network='{0}' portid='0c0ffee0-0000-4000-8000-000000000001' {1}/>"


@pytest.mark.parametrize(
    ("devices", "status", "says"),
    [
        (nic("bridge", ON_NETWORK.format("blue", "bridge='br-src'")), PASS, "has all"),
        (nic("bridge", ON_NETWORK.format("green", "bridge='br0'")), FAIL, "no network 'green'"),
        (nic("direct", ON_NETWORK.format("blue", "dev='eno7' mode='bridge'")), PASS, "has all"),
        (nic("direct", ON_NETWORK.format("green", "dev='eth0' mode='bridge'")), FAIL, "no network 'green'"),
        (nic("bridge", ON_NETWORK.format("blue", "portgroup='db' bridge='br0'")), FAIL, "no port group 'db'"),
        (nic("bridge", "<source bridge='br-src'/>"), FAIL, "no bridge 'br-src'"),
        (nic("network", "<source network='green'/>"), FAIL, "no network 'green'"),
        (nic("ethernet", "", "<target dev='tap7' managed='no'/>"), FAIL, "no tap 'tap7'"),
        (nic("ethernet", "", "<target dev='br0' managed='no'/>"), PASS, "has all"),
        (nic("ethernet", "", "<target dev='tap7' managed='yes'/>"), PASS, "has all"),
        (nic("ethernet", "", "<target dev='tap7'/>"), PASS, "has all"),
        (nic("ethernet", "", "<target managed='no'/>"), SKIP, "not known"),
    ],
)
def test_networks_as_they_are_sent(devices: str, status: str, says: str) -> None:
    finding = find("guest_networks", guest(devices))
    assert (finding.status, says in finding.summary) == (status, True), finding.summary


def test_the_mtu_is_that_of_the_bridge_that_the_network_would_give() -> None:
    domain = guest(nic("bridge", ON_NETWORK.format("blue", "bridge='br-src'")))
    here = [Interface("br-src", "bridge", mtu=9000)]
    finding = find("guest_mtu", domain, {"source.interfaces": here})
    assert (finding.status, "br-src: 9000 on the source, 1500" in finding.summary) == (FAIL, True), finding.summary


def test_a_virtual_function_that_a_network_gave_is_sent_as_the_network() -> None:
    """The live definition does not name the network; the one that is sent does."""
    address = "<source><address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/></source>"
    live = guest(nic("hostdev", address))
    assert needs_sent(live)
    network = nic("network", "<source network='green'/>")
    sent = with_sent(live, f"<domain><devices>{network}</devices></domain>")
    finding = find("guest_networks", sent)
    assert (finding.status, "no network 'green'" in finding.summary) == (FAIL, True), finding.summary
    assert find("host_devices", sent).status == WARN


def sent_with(listen: str, live: GuestDocument) -> GuestDocument:
    return with_sent(live, f"<domain><devices>{console(listen)}</devices></domain>")


@pytest.mark.parametrize(
    ("listen", "status"),
    [
        *((one, PASS) for one in ("localhost", "LOCALHOST", "localhost.localdomain", "ip6-localhost", "127.0.0.1")),
        *(
            (one, PASS)
            for one in ("127.0.0.2", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "[::1]", "::ffff:127.0.0.1")
        ),
        *((one, PASS) for one in ("0.0.0.0", "::", "0:0:0:0:0:0:0:0", "*", "", "10.231.0.12", "::ffff:10.231.0.12")),
        *(
            (one, PASS)
            for one in ("2001:db8::12", "2001:DB8:0:0:0:0:0:12", "2001:0db8::0012", "kvm02", "fe80::12%eth1")
        ),
        *((one, FAIL) for one in ("10.231.0.11", "2001:db8::11", "10.231.0.1", "fe80::12%eth0")),
        ("kvm01", SKIP),
    ],
)
def test_addresses_are_values(listen: str, status: str) -> None:
    address = at(listen)
    more = {
        "destination.interfaces": [
            Interface("eth0", addresses=["10.231.0.12/24", "2001:db8::12/64"]),
            Interface("eth1", addresses=["10.231.1.12/24", "fe80::12/64"]),
        ]
    }
    live = guest(address)
    sent = with_sent(live, f"<domain><devices>{address}</devices></domain>")
    assert find("graphics", sent, more).status == status, find("graphics", sent, more).summary
    serial = f"<serial type='tcp'><source mode='bind' host='{listen}' service='4555'/></serial>"
    expected = PASS if not listen else status
    assert find("graphics", guest(serial), more).status == expected


def test_an_address_that_came_from_qemu_conf_is_not_sent() -> None:
    live = guest(at("10.231.0.11"))
    assert needs_sent(live)
    assert find("graphics", live).status == SKIP
    for changes in ({}, {"destination.daemon.qemu_settings": {"vnc_listen": "10.231.0.12"}}):
        assert find("graphics", sent_with("", live), changes).status == PASS
    # Seen from the source's own file without asking libvirt.
    assert find("graphics", live, {"source.daemon.qemu_settings": {"vnc_listen": "10.231.0.11"}}).status == PASS
    other = {"destination.daemon.qemu_settings": {"vnc_listen": "10.231.0.11"}}
    finding = find("graphics", sent_with("", live), other)
    assert (finding.status, "qemu.conf on the destination" in finding.summary) == (FAIL, True), finding.summary


def test_an_address_that_came_from_a_network_is_looked_up_anew() -> None:
    listen = "<listen type='network' address='10.231.0.11' network='{0}'/>"
    for kind in ("vnc", "spice"):
        assert find("graphics", guest(console(listen.format("blue"), kind))).status == PASS
        missing = find("graphics", guest(console(listen.format("green"), kind)))
        assert (missing.status, "network 'green'" in missing.summary) == (FAIL, True), missing.summary
    assert not needs_sent(guest(console(listen.format("blue"))))


def test_consoles_without_an_address() -> None:
    for listen in ("<listen type='none'/>", "<listen type='socket' socket='/run/vnc.sock'/>"):
        assert find("graphics", guest(console(listen))).status == PASS
    assert find("graphics", guest("<graphics type='sdl' display=':0'/>")).status == PASS


def test_only_what_the_live_definition_hides_is_asked_for() -> None:
    for devices in (at("127.0.0.1"), at("0.0.0.0"), nic("bridge", "<source bridge='br0'/>"), ""):
        assert not needs_sent(guest(devices))


def test_ports_of_serial_devices_are_taken_too() -> None:
    serial = "<serial type='tcp'><source mode='bind' host='0.0.0.0' service='5900'/></serial>"
    repeated = serial.replace("serial", "console")
    domain = guest(serial + repeated)
    assert [(one.device, one.port) for one in domain.endpoints] == [("serial", 5900)]
    other = replace(guest(at("0.0.0.0")), uuid="other", name="crm01")
    finding = find("graphics", domain, {"destination.domains": [other]})
    assert (finding.status, "'crm01' has it" in finding.summary) == (FAIL, True), finding.summary


# --- devices

USB = (
    "<hostdev mode='subsystem' type='usb' managed='yes'>"
    "<source{0}><vendor id='0x0abc'/><product id='0x0001'/></source></hostdev>"
)
PCI = (
    "<hostdev mode='subsystem' type='pci'>"
    "<source><address domain='0' bus='0xaf' slot='0' function='0'/></source></hostdev>"
)
SECRET = "6dac5d5a-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("devices", "status", "says"),
    [
        (USB.format(" startupPolicy='optional'"), WARN, "loses it"),
        (USB.format(" startupPolicy='requisite'"), WARN, "loses it"),
        (USB.format(" startupPolicy='mandatory'"), WARN, "refuses to start it there"),
        (USB.format(""), WARN, "refuses to start it there"),
        (USB.format("") + PCI, WARN, "device's own driver"),
        (
            "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.2026:erp/1'/></hostdev>",
            WARN,
            "over the network",
        ),
        (
            "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5001'/></hostdev>",
            FAIL,
            "scsi_host",
        ),
        (
            "<hostdev mode='capabilities' type='storage'><source><block>/dev/sdf</block></source></hostdev>",
            FAIL,
            "storage",
        ),
    ],
)
def test_host_devices(devices: str, status: str, says: str) -> None:
    finding = find("host_devices", guest(devices))
    assert (finding.status, says in finding.summary) == (status, True), finding.summary


@pytest.mark.parametrize(
    ("devices", "status", "says"),
    [
        (("<tpm model='tpm-spapr'><backend type='emulator' version='2.0'/></tpm><tpm model='spapr-tpm-proxy'>"
         "<backend type='passthrough'><device path='/dev/tpmrm0'/></backend></tpm>"), FAIL, "the TPM of its host"),
        ("<tpm><backend type='emulator'/></tpm><tpm><backend type='external'/></tpm>", WARN, "somebody else"),
        (f"<tpm><backend type='emulator'><encryption secret='{SECRET}'/></backend></tpm>", WARN, "encrypted"),
        ("<tpm><backend type='emulator'><source type='dir' path='/srv/tpm'/></backend></tpm>", WARN, "/srv/tpm"),
        ("<tpm><backend type='teapot'/></tpm>", WARN, "teapot"),
        ("<tpm><backend type='emulator' version='2.0'/></tpm>", PASS, "libvirt moves"),
    ],
)  # fmt: skip
def test_tpms(devices: str, status: str, says: str) -> None:
    domain = guest(devices)
    finding = find("tpm", domain)
    assert (finding.status, says in finding.summary) == (status, True), finding.summary
    # A secret by its name only, which the destination's are compared with; its value is in no definition.
    assert domain.secrets == ([f"uuid:{SECRET}"] if SECRET in devices else [])
    assert "6dac5d5a" not in str(to_plain(replace(domain, secrets=[])))


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


def test_vsock() -> None:
    assert guest("<vsock model='virtio'><cid auto='no' address='7'/></vsock>").vsock_cid == 7
    assert guest("<vsock model='virtio'><cid auto='yes' address='7'/></vsock>").vsock_cid is None


def test_a_device_that_nobody_knows_is_named() -> None:
    finding = find("other_devices", guest("<teapot model='utah'/><hub type='usb'/>"))
    assert (finding.status, finding.summary) == (WARN, "Devices that no check looks at: teapot.")


# --- memory and processors

CELLS = (
    "<numa><cell id='0' cpus='0-1' memory='{0}' unit='KiB'/><cell id='1' cpus='2-3' memory='{1}' unit='KiB'/></numa>"
)
UNEVEN, EVEN = CELLS.format(1048576, 7340032), CELLS.format(4194304, 4194304)


def pages(*sizes: str) -> str:
    return f"<memoryBacking><hugepages>{''.join(f'<page {one}/>' for one in sizes)}</hugepages></memoryBacking>"


def tune(*cells: str, memory: str = "") -> str:
    every = f"<memory mode='strict' nodeset='{memory}'/>" if memory else ""
    return f"<numatune>{every}{''.join(f'<memnode {one}/>' for one in cells)}</numatune>"


BIG, SMALL = "size='1048576' unit='KiB'", "size='2048' unit='KiB'"


@pytest.mark.parametrize(
    ("parts", "cpu", "status", "says"),
    [
        (pages(f"{BIG} nodeset='0'", f"{SMALL} nodeset='1'"), UNEVEN, PASS, "1.0 GiB are free, and 1 are needed"),
        (pages(f"{BIG} nodeset='1'", f"{SMALL} nodeset='0'"), UNEVEN, FAIL, "needs 7 hugepages of 1.0 GiB"),
        (pages(f"{BIG} nodeset='0'", SMALL), UNEVEN, PASS, "and 3584 are needed"),
        (pages(f"{BIG} nodeset='0'"), UNEVEN, PASS, "and 1 are needed."),
        (pages(f"{BIG} nodeset='0-1'"), UNEVEN, FAIL, "needs 8 hugepages of 1.0 GiB"),
        (pages(BIG), "", FAIL, "needs 8 hugepages of 1.0 GiB"),
        (pages(SMALL), "", PASS, "and 4096 are needed"),
        (pages(f"{SMALL} nodeset='0'"), "", PASS, "and 4096 are needed"),
        (pages("size='4' unit='KiB'"), "", PASS, "needs none"),
        (pages(), "", PASS, "and 4096 are needed"),
        (pages(SMALL) + tune("cellid='0' mode='strict' nodeset='1'"), UNEVEN, FAIL, "on the nodes 1"),
        (pages(SMALL) + tune("cellid='0' mode='preferred' nodeset='1'"), UNEVEN, PASS, "4096"),
        (pages(SMALL) + "<numatune><memory mode='strict' nodeset='0-1'/></numatune>", UNEVEN, PASS, "4096"),
        ("", UNEVEN, PASS, "needs none"),
    ],
)  # fmt: skip
def test_hugepages_of_several_sizes(parts: str, cpu: str, status: str, says: str) -> None:
    finding = find("hugepages", guest(parts=parts, cpu=cpu), {"destination.memory.hugepages": HUGE})
    assert (finding.status, says in finding.summary) == (status, True), finding.summary


def test_what_is_not_in_hugepages_needs_memory() -> None:
    domain = guest(parts=pages(f"{BIG} nodeset='0'"), cpu=UNEVEN)
    finding = find("memory_available", domain, {"destination.memory.available_bytes": 7 * GIB})
    assert (finding.status, finding.evidence["needed_bytes"]) == (FAIL, 7 * GIB + 256 * MIB)


def test_a_module_with_pages_of_its_own() -> None:
    module = "<memory model='dimm'><source><pagesize unit='KiB'>1048576</pagesize><nodemask>1</nodemask></source>"
    module += "<target><size unit='KiB'>1048576</size><node>0</node></target></memory>"
    finding = find("hugepages", guest(module, cpu=EVEN), {"destination.memory.hugepages": HUGE})
    assert (
        finding.status,
        "1 hugepages of 1.0 GiB; 0 are free on the destination on the nodes 1" in finding.summary,
    ) == (
        FAIL,
        True,
    ), finding.summary


@pytest.mark.parametrize(
    ("parts", "status", "says"),
    [
        (tune("cellid='0' mode='strict' nodeset='5'"), FAIL, "does not have: 5"),
        (tune("cellid='1' mode='preferred' nodeset='0,7'"), FAIL, "does not have: 7"),
        (tune("cellid='1' mode='strict' nodeset='3'", memory="0"), FAIL, "does not have: 3"),
        (tune("cellid='0' nodeset='0'", "cellid='1' nodeset='1'", memory="9"), FAIL, "does not have: 9"),
        (tune("cellid='0' mode='strict' nodeset='0'"), PASS, "memory on them"),
        ("<numatune><memory mode='strict' placement='auto'/></numatune>", PASS, "no NUMA node"),
    ],
)  # fmt: skip
def test_nodes_of_single_cells(parts: str, status: str, says: str) -> None:
    finding = find("numa_nodes", guest(parts=parts, cpu=EVEN))
    assert (finding.status, says in finding.summary) == (status, True), finding.summary


def test_only_what_is_bound_needs_room_on_its_nodes() -> None:
    domain = guest(parts="<numatune><memnode cellid='0' mode='strict' nodeset='1'/></numatune>", cpu=EVEN)
    nodes = [NumaNode(0, 128 * GIB, GIB), NumaNode(1, 128 * GIB, 5 * GIB)]
    assert find("numa_nodes", domain, {"destination.memory.nodes": nodes}).status == PASS
    nodes = [NumaNode(0, 128 * GIB, 99 * GIB), NumaNode(1, 128 * GIB, 3 * GIB)]
    assert find("numa_nodes", domain, {"destination.memory.nodes": nodes}).status == WARN


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ("<cputune><vcpupin vcpu='0' cpuset='126-127'/></cputune>", FAIL),
        ("<cputune><vcpupin vcpu='0' cpuset='0-127'/></cputune>", FAIL),
        ("<cputune><emulatorpin cpuset='64'/></cputune>", FAIL),
        ("<iothreads>1</iothreads><cputune><iothreadpin iothread='1' cpuset='0,99'/></cputune>", FAIL),
        ("<cputune><vcpupin vcpu='0' cpuset='0-65,^64,^65'/></cputune>", WARN),
        ("<cputune><emulatorpin cpuset='63'/></cputune>", WARN),
        ("<cputune><vcpusched vcpus='0-3' scheduler='fifo' priority='1'/><shares>2048</shares></cputune>", PASS),
    ],
)
def test_processors_that_do_not_exist_there(parts: str, status: str) -> None:
    assert find("cpu_count", guest(parts=parts)).status == status


def test_processors_are_those_that_libvirt_lists() -> None:
    """On a host without hyper-threading the numbers have gaps."""
    domain = guest(parts="<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>")
    nodes = [NumaNode(0, cpus=[0, 2]), NumaNode(1, cpus=[4, 6])]
    assert find("cpu_count", domain, {"destination.memory.nodes": nodes}).evidence["missing"] == [1]


def test_a_set_of_processors_without_an_end_is_refused() -> None:
    with pytest.raises(Exception, match="more than there can be"):
        guest(parts="<cputune><vcpupin vcpu='0' cpuset='0-999999999'/></cputune>")


# --- the whole way


def test_old_documents_are_still_read() -> None:
    setup = Setup()
    plain = replace(
        setup.source, domains=[guest(nic("bridge", "<source bridge='br0'/>") + at("10.231.0.12"))]
    ).document()
    new = "listen_type network sent managed startup_policy more_tpms pinned_cpus needed_files endpoints not_looked_at"
    new += " vsock_cid nvram_type mount_root root cells"

    def older(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {key: older(one) for key, one in value.items() if key not in new.split()}
        return [older(one) for one in value] if isinstance(value, list) else value

    host = host_from(older(plain))
    readiness = Assessor(setup.pair).assess(host.domains[0])
    assert {check for check, one in readiness.findings.items() if one.status == FAIL} == set()
