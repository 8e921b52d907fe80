# SPDX-License-Identifier: GPL-3.0-or-later

"""Definitions of guests in all the variety of libvirt's schema, made at random: a document and findings, or an error
of ours, in linear time.

How many definitions each test gets: VIRTOPS_FUZZ_EXAMPLES (200). The counts are printed at the end (``pytest -s``).
"""

from __future__ import annotations

import collections
import os
import random
import time
import typing as t
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.dataclass_json import from_plain, to_plain
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.device_elements import (
    DEVICE_ELEMENTS,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import (
    needs_sent,
    parse_domain,
    with_sent,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import Mount, MountTable
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import Assessor
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    STATUSES,
    ReadinessOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._host.storage import DiskFile, with_storage
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import Setup

EXAMPLES = int(os.environ.get("VIRTOPS_FUZZ_EXAMPLES", "200"))
COUNTS: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
ASSESSORS: dict[str, Assessor] = {}
SEEDS = st.integers(0, 2**48)

# A part of a definition: its name, what its attributes may be, its text, and which parts it may have.
ADDRESSES = [
    "0.0.0.0",
    "::",
    "127.0.0.2",
    "localhost",
    "10.231.0.11",
    "10.231.0.12",
    "2001:DB8::1",
    "fe80::1%eth0",
    "*",
]
FILES = [
    "/srv/nfs/a.qcow2",
    "/var/lib/libvirt/images/b c.img",
    "/dev/vdb",
    "/dev/disk/by-path/ip-192.0.2.1:3260-iscsi-a",
]
NUMBERS = ["0", "1", "2", "7", "63", "64", "127"]
SETS = ["0", "0-3", "0-3,^2", "1,3", "5", "0-65", "^1,1"]
SIZES = ["2048", "1048576", "8388608", "4194304", "4"]
UNITS = ["KiB", "MiB", "GiB", "b", "bytes", "k", "T"]
NAMES = ["blue", "green", "br0", "eth1", "vnet0", "tap7", "images", "none"]
IDS = ["0x1234", "0xbeef", "0x0000", "0x1f"]
YES_NO = ["yes", "no"]
MODES = ["bind", "connect", "server", "client", "bridge", "vepa"]
CHARACTER = ["pty", "dev", "file", "pipe", "unix", "tcp", "udp", "vc", "null", "spicevmc", "nmdm", "dbus", "stdio"]
TAGS = sorted(DEVICE_ELEMENTS)

VALUES: dict[str, list[str]] = {
    "address": ADDRESSES,
    "listen": ADDRESSES,
    "host": ADDRESSES,
    "socket": FILES,
    "file": FILES,
    "dev": [*FILES, *NAMES],
    "path": FILES,
    "dir": FILES,
    "rendernode": FILES,
    "evdev": FILES,
    "port": ["-1", "5900", "0", "6789"],
    "service": ["4555", "5900", "www", ""],
    "cpuset": SETS,
    "nodeset": SETS,
    "vcpu": NUMBERS,
    "iothread": NUMBERS,
    "cellid": NUMBERS[:3],
    "id": [*NUMBERS[:3], *IDS],
    "size": SIZES,
    "unit": UNITS,
    "memory": SIZES,
    "bus": IDS,
    "slot": IDS,
    "function": ["0x0", "7"],
    "domain": IDS,
    "network": NAMES,
    "bridge": NAMES,
    "pool": NAMES,
    "volume": NAMES,
    "portgroup": ["web", "db"],
    "mode": [*MODES, "custom", "strict", "preferred", "subsystem"],
    "managed": YES_NO,
    "auto": YES_NO,
    "autoport": YES_NO,
    "startupPolicy": ["mandatory", "requisite", "optional"],
    "protocol": ["nbd", "rbd", "gluster", "iscsi", "https", "vhost"],
    "transport": ["tcp", "unix", "rdma"],
    "cache": ["none", "writeback", "unsafe"],
    "device": ["disk", "cdrom", "floppy", "lun"],
    "secret": ["u-u-i-d"],
    "model": ["virtio", "nvdimm", "dimm", "virtio-mem", "vfio-pci", "random", "egd", "e1000"],
    "placement": ["auto", "static"],
    "policy": ["require", "disable", "force"],
    "name": ["vmx", "tsc", "invtsc", "org.qemu.guest_agent.0", "mon1", "a/b"],
    "frequency": ["2600000000", "0"],
    "role": ["master", "peer"],
    "migratable": ["on", "off"],
    "state": ["on", "off"],
    "driver": ["virtiofs", "path"],
    "teaming": ["transient"],
    "job": ["copy", "active-commit", "backup"],
    "memAccess": ["shared", "private"],
    "mac": ["52:54:00:00:00:01"],
    "uuid": ["c2177883-f1bb-47f0-914d-32a22e3a8804"],
}
TYPES: dict[str, list[str]] = {
    "disk": ["file", "block", "network", "volume", "dir", "nvme", "vhostuser", "vhostvdpa"],
    "interface": [
        "bridge",
        "network",
        "direct",
        "ethernet",
        "user",
        "hostdev",
        "vdpa",
        "vhostuser",
        "udp",
        "server",
        "null",
    ],
    "hostdev": ["pci", "usb", "scsi", "scsi_host", "mdev", "storage"],
    "graphics": ["vnc", "spice", "sdl", "egl-headless"],
    "listen": ["address", "network", "socket", "none"],
    "backend": ["emulator", "passthrough", "external", "unix", "tcp"],
    "input": ["tablet", "evdev", "passthrough"],
    "nvram": ["file", "block", "network"],
    "loader": ["rom", "pflash"],
    "source": ["pci", "unix", "file", "memfd"],
    "audio": ["oss", "alsa"],
    "teaming": ["transient", "persistent"],
    "model": ["virtio", "ivshmem-plain"],
    "virtualport": ["openvswitch", "802.1Qbh"],
    "seclabel": ["static", "dynamic"],
}
PARTS: dict[str, list[str]] = {
    "domain": [
        "memory",
        "currentMemory",
        "vcpu",
        "os",
        "cpu",
        "clock",
        "devices",
        "devices",
        "memoryBacking",
        "numatune",
        "cputune",
        "metadata",
        "launchSecurity",
        "seclabel",
        "sysinfo",
        "features",
        "title",
        "on_reboot",
    ],
    "os": ["type", "loader", "nvram", "kernel", "initrd", "dtb", "acpi", "boot"],
    "acpi": ["table", "table"],
    "cpu": ["model", "vendor", "feature", "feature", "numa", "topology"],
    "numa": ["cell", "cell"],
    "clock": ["timer", "timer"],
    "memoryBacking": ["hugepages", "locked", "source", "access"],
    "hugepages": ["page", "page"],
    "numatune": ["memory", "memnode", "memnode"],
    "sysinfo": ["entry", "entry"],
    "cputune": ["vcpupin", "emulatorpin", "iothreadpin", "vcpusched"],
    "nvram": ["source"],
    "devices": [*TAGS, *TAGS, "teapot"],
    "disk": [
        "driver",
        "source",
        "target",
        "mirror",
        "backingStore",
        "readonly",
        "shareable",
        "transient",
        "auth",
        "encryption",
    ],
    "backingStore": ["source", "format", "backingStore"],
    "source": [
        "host",
        "host",
        "address",
        "vendor",
        "product",
        "adapter",
        "local",
        "path",
        "pagesize",
        "nodemask",
        "reconnect",
    ],
    "interface": ["mac", "source", "target", "model", "mtu", "virtualport", "teaming", "rom", "script", "driver"],
    "hostdev": ["source", "driver", "teaming", "rom", "address"],
    "filesystem": ["driver", "source", "target"],
    "shmem": ["model", "size"],
    "tpm": ["backend"],
    "backend": ["source", "device", "encryption"],
    "graphics": ["listen", "listen", "gl"],
    "serial": ["source", "target"],
    "parallel": ["source"],
    "console": ["source"],
    "channel": ["source", "target"],
    "smartcard": ["source", "database"],
    "redirdev": ["source"],
    "rng": ["backend"],
    "memory": ["source", "target"],
    "target": ["size", "node", "current"],
    "lease": ["lockspace", "key", "target"],
    "vsock": ["cid"],
    "pstore": ["path"],
    "video": ["model", "driver"],
    "input": ["source"],
    "audio": ["input", "output"],
    "features": ["kvm"],
    "kvm": ["dirty-ring"],
    "crypto": ["backend"],
    "panic": ["address"],
    "metadata": ["note"],
}
TEXTS: dict[str, list[str]] = {
    "vcpu": NUMBERS[1:],
    "memory": SIZES,
    "currentMemory": SIZES,
    "size": SIZES,
    "current": SIZES,
    "pagesize": SIZES,
    "node": NUMBERS[:2],
    "nodemask": SETS,
    "type": ["hvm"],
    "model": ["Skylake-Server", "qemu64"],
    "vendor": ["Intel"],
    "loader": FILES,
    "kernel": FILES,
    "initrd": FILES,
    "dtb": FILES,
    "table": FILES,
    "path": FILES,
    "database": FILES,
    "emulator": ["/usr/bin/qemu-system-x86_64"],
    "nvram": FILES,
    "backend": ["/dev/hwrng", "/dev/urandom"],
    "title": ["é"],
}
ODD = [
    "",
    " ",
    "-1",
    "0x",
    "1e9",
    "9" * 400,
    "99999999999999999999",
    "\u0661",
    "a" * 2000,
    "%s{{ x }}",
    "\u202e",
    "0-999999999",
]


_NUMBERED = (("cid", "address"), ("cell", "id"))


class Maker:
    """``odd``: how often a value is one that libvirt would not write."""

    def __init__(self, seed: int, odd: float = 0.0) -> None:
        self.random, self.odd, self.left = random.Random(seed), odd, 400

    def domain(self) -> str:
        root = ElementTree.Element("domain", {"type": self.random.choice(["kvm", "qemu"])})
        for name, text in (("name", "erp01"), ("uuid", "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11")):
            ElementTree.SubElement(root, name).text = text
        self._fill(root, "domain", 0)
        return ElementTree.tostring(root, encoding="unicode")

    def _fill(self, element: ElementTree.Element, name: str, depth: int) -> None:
        for part in PARTS.get(name, []):
            if self.left <= 0 or depth > 6 or self.random.random() < (0.2 if depth == 0 else 0.5):
                continue
            self.left -= 1
            child = ElementTree.SubElement(element, part, self._attributes(part))
            if part in TEXTS and self.random.random() < 0.8:
                child.text = self._value(TEXTS[part])
            self._fill(child, part, depth + 1)

    def _attributes(self, part: str) -> dict[str, str]:
        kinds = TYPES.get(part, CHARACTER)
        found = {"type": self._value(kinds)} if self.random.random() < 0.8 else {}
        for name in self.random.sample(sorted(VALUES), self.random.randint(0, 9)):
            found[name] = self._value(NUMBERS[:3] if (part, name) in _NUMBERED else VALUES[name])
        return found

    def _value(self, choices: t.Sequence[str]) -> str:
        return self.random.choice(ODD if self.random.random() < self.odd else choices)


@pytest.fixture(scope="module", autouse=True)
def counts() -> t.Iterator[None]:
    yield
    for name, found in sorted(COUNTS.items()):
        print(f"{name}: {', '.join(f'{what} {number}' for what, number in sorted(found.items()))}")
    assert set(COUNTS["reasons"]) <= {"BAD_DEFINITION"}


def read(xml: str) -> GuestDocument | None:
    try:
        return parse_domain(xml)
    except MigrationError as exc:
        COUNTS["reasons"][exc.reason] += 1
        return None


def assess(domain: GuestDocument, copy_storage: str, counts: collections.Counter[str]) -> None:
    if copy_storage not in ASSESSORS:
        ASSESSORS[copy_storage] = Assessor(Setup().but({"intent": ReadinessOptions(copy_storage=copy_storage)}).pair)
    found = ASSESSORS[copy_storage].assess(domain)
    for check, finding in found.findings.items():
        assert finding.status in STATUSES
        assert finding.summary.strip(), check
        assert bool(finding.remedy) or finding.status in ("pass", "skip"), check
        counts[finding.status] += 1
    assert found.summary()


def taken_in(xml: str, sent: str, copy_storage: str, counts: collections.Counter[str]) -> None:
    domain = read(xml)
    counts["read" if domain else "refused"] += 1
    if domain is None:
        return
    if needs_sent(domain):
        try:
            domain = with_sent(domain, sent)
        except MigrationError:
            counts["sent definition refused"] += 1
    mounts = [Mount("/srv/nfs", "filer:/export", "nfs4", False), Mount("/", "/dev/vda", "ext4", False)]
    domain = with_storage(domain, MountTable(mounts), {"/srv/nfs/a.qcow2": DiskFile(1 << 30, 1 << 20)})
    # A document goes through Ansible as plain data, and comes back as it was.
    assert from_plain(GuestDocument, to_plain(domain), "domain") == domain
    assess(replace(domain, state="running", state_reason="booted"), copy_storage, counts)


@settings(max_examples=EXAMPLES, database=None)
@given(SEEDS)
def test_definitions_as_libvirt_writes_them(seed: int) -> None:
    maker = Maker(seed)
    copied = maker.random.choice(["none", "all", "incremental"])
    counts = COUNTS["of the schema"]
    taken_in(maker.domain(), Maker(seed + 1).domain(), copied, counts)
    assert not counts["refused"]


@settings(max_examples=EXAMPLES, database=None)
@given(SEEDS)
def test_definitions_with_odd_values(seed: int) -> None:
    taken_in(Maker(seed, 0.1).domain(), Maker(seed + 1, 0.3).domain(), "none", COUNTS["odd values"])


@settings(max_examples=EXAMPLES, database=None)
@given(SEEDS, st.integers(0, 20_000), st.text(max_size=20))
def test_damaged_definitions(seed: int, place: int, text: str) -> None:
    xml = Maker(seed).domain()
    cut = xml[: place % len(xml)] + text + xml[(place + len(text)) % len(xml) :]
    taken_in(cut, cut, "none", COUNTS["damaged"])


@pytest.mark.parametrize(
    "text", ["", "<", "<domain/>", "text", "<a><b></a>", "<domain>" * 20_000, "\0", "<?xml version='9'?>"]
)
def test_what_is_no_definition(text: str) -> None:
    domain = read(text)
    assert domain is None or domain.name == ""


def test_the_generator_makes_every_device() -> None:
    made: collections.Counter[str] = collections.Counter()
    for seed in range(60):
        made.update(one.tag for one in ElementTree.fromstring(Maker(seed).domain()).iterfind("devices/*"))
    assert {*DEVICE_ELEMENTS, "teapot"} == set(made)


def test_every_device_is_looked_at_by_checks_that_there_are() -> None:
    known = {check.id for check in CHECKS}
    assert {check for checks in DEVICE_ELEMENTS.values() for check in checks} <= known
    assert all(DEVICE_ELEMENTS.values())


def times_s(make: t.Callable[[int], str], sizes: t.Sequence[int]) -> list[float]:
    found = []
    for size in sizes:
        xml, setup = make(size), Setup()
        began_s = time.process_time()
        domain = read(xml)
        if domain is not None:
            Assessor(setup.pair).assess(replace(domain, state="running"))
        found.append(time.process_time() - began_s)
    return found


MANY = {
    "disks": "<disk type='file'><source file='/srv/nfs/a{0}'/><target dev='vd{0}'/></disk>",
    "base images": "",
    "interfaces": "<interface type='bridge'><mac address='{0}'/><source network='blue' bridge='br0'/></interface>",
    "serial devices": "<serial type='tcp'><source mode='bind' host='10.231.0.12' service='{0}'/></serial>",
    "consoles": "<graphics type='vnc' port='{0}'><listen type='address' address='10.231.0.12'/></graphics>",
    "unknown": "<teapot{0}/>",
}


@pytest.mark.parametrize("kind", sorted(MANY))
def test_time_grows_with_the_size_only(kind: str) -> None:
    """Ten times as many take at most 25 times as long: a square would be 100 times."""

    def make(size: int) -> str:
        devices = "".join(MANY[kind].format(number % 60_000) for number in range(size))
        if kind == "base images":
            inner = "".join(f"<backingStore><source file='/b{number}'/></backingStore>" for number in range(size))
            devices = f"<disk type='file'><source file='/a'/>{inner}<target dev='vda'/></disk>"
        return f"<domain><name>a</name><uuid>u</uuid><devices>{devices}</devices></domain>"

    small, large = (min(times_s(make, [size] * 2)) for size in (200, 2000))
    COUNTS["times"][kind] = round(large * 1000)
    assert large < max(25 * small, 0.5), (small, large)


def test_memory_in_thousands_of_parts() -> None:
    def make(size: int) -> str:
        cells = "".join(f"<cell id='{number}' memory='2048' unit='KiB'/>" for number in range(size))
        nodes = "".join(f"<memnode cellid='{number}' nodeset='{number % 2}'/>" for number in range(size))
        pages = "<memoryBacking><hugepages><page size='2048' unit='KiB' nodeset='0-99'/></hugepages></memoryBacking>"
        return f"<domain>{pages}<numatune>{nodes}</numatune><cpu><numa>{cells}</numa></cpu></domain>"

    small, large = (min(times_s(make, [size] * 2)) for size in (200, 2000))
    assert large < max(25 * small, 0.5), (small, large)
