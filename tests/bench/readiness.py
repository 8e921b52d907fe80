# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to parse guests' definitions and to check them against destinations, without a host.

    python3 tests/bench/readiness.py [--guests 200] [--destinations 10]

Definitions of four disks and three interfaces each. Documents go through JSON, as they do between modules.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import types
import typing as t
from pathlib import Path

CORE = Path(__file__).resolve().parents[2] / "plugins" / "module_utils" / "_core"
GIB = 1 << 30
DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/>
<source file='/srv/nfs/{guest}-{number}.qcow2'/><backingStore/><target dev='vd{letter}' bus='virtio'/>
<alias name='virtio-disk{number}'/><address type='pci' domain='0x0000' bus='0x0{number}' slot='0x00' function='0x0'/>
</disk>"""
NIC = """<interface type='bridge'><mac address='52:54:00:00:00:0{number}'/><source bridge='br{number}'/>
<target dev='vnet{number}'/><model type='virtio'/><alias name='net{number}'/></interface>"""
GUEST = """<domain type='kvm' id='1'><name>{guest}</name><uuid>00000000-0000-4000-8000-{index:012d}</uuid>
<memory unit='GiB'>8</memory><vcpu>4</vcpu><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Skylake-Server</model>{features}</cpu>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}</devices></domain>"""


def core(name: str) -> t.Any:
    package = types.ModuleType("virtops_core")
    package.__path__ = [str(CORE)]
    sys.modules.setdefault("virtops_core", package)
    return importlib.import_module(f"virtops_core.{name}")


def definition(index: int) -> str:
    guest = f"guest{index:03d}"
    disks = "".join(DISK.format(guest=guest, number=number, letter="abcd"[number]) for number in range(4))
    nics = "".join(NIC.format(number=number) for number in range(3))
    features = "".join(f"<feature policy='require' name='feature{number}'/>" for number in range(30))
    return GUEST.format(guest=guest, index=index, features=features, devices=disks + nics)


def host(number: int, domains: list[t.Any]) -> dict[str, t.Any]:
    """A document of usual size: 20 interfaces, 100 features of the processor, 60 machine types."""
    interfaces = [{"name": f"br{index}", "kind": "bridge", "mtu": 1500} for index in range(20)]
    profile = {
        "virt_type": "kvm",
        "model": "Skylake-Server",
        "features": [f"feature{index}" for index in range(100)],
        "features_complete": True,
        "usable_models": ["Skylake-Server"],
        "known_models": ["Skylake-Server"],
    }
    machines = [f"pc-q35-{index}.0" for index in range(60)] + ["pc-q35-7.2"]
    filesystem = {"mount_point": "/srv/nfs", "source": "filer:/export", "fs_type": "nfs4", "shared": True}
    return {
        "name": f"kvm{number:02d}",
        "uuid": f"4c0ffee0-0000-4000-8000-{number:012d}",
        "versions": {"libvirt": "9.0.0", "qemu": "7.2.22", "kernel": "6.1"},
        "cpu": {"arch": "x86_64", "threads": 64, "profiles": [profile]},
        "memory": {"total_bytes": 512 * GIB, "available_bytes": 256 * GIB},
        "emulators": [{"arch": "x86_64", "machines": machines, "virt_types": ["kvm"]}],
        "interfaces": interfaces,
        "storage": {"filesystems": [filesystem]},
        "domains": domains,
    }


def now() -> tuple[float, float]:
    """By the clock on the wall, and of the processor, which says more on a busy machine."""
    return time.perf_counter(), time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guests", type=int, default=200)
    parser.add_argument("--destinations", type=int, default=10)
    options = parser.parse_args()
    names = ("dataclass_json", "host.document", "host.parse.domain_xml", "readiness.assessor")
    codec, documents, parser_, checks = (core(name) for name in names)
    pair = core("readiness.checks.check_types").Pair

    definitions = [definition(index) for index in range(options.guests)]
    marks = [("start", now())]
    guests = [codec.to_plain(parser_.parse_domain(one)) for one in definitions]
    marks.append((f"{options.guests} definitions parsed", now()))
    for one in guests:
        one["state"] = "running"
    text = json.dumps([host(0, guests), *(host(number + 1, guests) for number in range(options.destinations))])
    marks.append(("documents written as JSON", now()))
    source, *destinations = [documents.host_from(one) for one in json.loads(text)]
    marks.append((f"{options.destinations + 1} documents read, with all guests in each", now()))
    found = [
        assessor.assess(guest)
        for assessor in (checks.Assessor(pair(source, one)) for one in destinations)
        for guest in source.domains
    ]
    marks.append((f"{len(found)} times {len(checks.CHECKS)} checks", now()))
    size = len(json.dumps([one.document() for one in found]))
    marks.append((f"result of {size / 1e6:.1f} MB written as JSON", now()))
    print("  wall    processor")
    for (_name, before), (name, after) in [*zip(marks, marks[1:]), (marks[0], ("together", marks[-1][1]))]:
        print(f"{after[0] - before[0]:6.2f} s {after[1] - before[1]:6.2f} s  {name}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
