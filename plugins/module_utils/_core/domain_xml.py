# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""A guest's part of a host document from its definition."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from .domain_devices import (
    boot_files,
    disks,
    graphics,
    host_devices,
    host_files,
    nics,
    shared_directories,
    shared_memory,
    tpm,
)
from .domain_document import CpuFeature, Domain, DomainCpu, DomainMemory, SecurityLabel
from .units import KIB

_UNITS = {
    "": KIB,
    "b": 1,
    "bytes": 1,
    "k": KIB,
    "kib": KIB,
    "kb": 1000,
    "m": KIB**2,
    "mib": KIB**2,
    "mb": 1000**2,
    "g": KIB**3,
    "gib": KIB**3,
    "gb": 1000**3,
    "t": KIB**4,
    "tib": KIB**4,
    "tb": 1000**4,
}


def parse_domain(xml: str) -> Domain:
    """All that the definition tells; what only libvirt knows beside it keeps its default."""
    return domain_of(ElementTree.fromstring(xml))


def domain_of(root: ElementTree.Element) -> Domain:
    os_type, vcpu, tpm_state = root.find("os/type"), root.find("vcpu"), root.find("devices/tpm")
    security, nvram = root.find("launchSecurity"), root.find("os/nvram")
    maximum = int(vcpu.text or 0) if vcpu is not None else 0
    return Domain(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        type=root.get("type", ""),
        arch=os_type.get("arch", "") if os_type is not None else "",
        machine=os_type.get("machine", "") if os_type is not None else "",
        emulator=root.findtext("devices/emulator", ""),
        firmware=_firmware(root),
        nvram=_path(root.find("os/nvram")),
        nvram_template=nvram.get("template", "") if nvram is not None else "",
        loader=root.findtext("os/loader", ""),
        vcpus=maximum,
        vcpus_current=int(vcpu.get("current", maximum)) if vcpu is not None else 0,
        pinned=root.find("cputune/vcpupin") is not None or bool(vcpu is not None and vcpu.get("cpuset")),
        cpu=_cpu(root),
        memory=_memory(root),
        disks=disks(root),
        interfaces=nics(root),
        host_devices=host_devices(root),
        shared_directories=shared_directories(root),
        shared_memory=shared_memory(root),
        tpm=tpm(tpm_state),
        graphics=graphics(root),
        boot_files=boot_files(root),
        host_files=host_files(root),
        security_labels=[
            SecurityLabel(one.get("model", ""), one.get("type", ""), one.findtext("label", ""))
            for one in root.iterfind("seclabel")
        ],
        launch_security=security.get("type", "") if security is not None else "",
        qemu_arguments=any(_local(one) == "commandline" for one in root),
        dirty_ring=root.find("features/kvm/dirty-ring[@state='on']") is not None,
        guest_agent=root.find("devices/channel/target[@name='org.qemu.guest_agent.0']") is not None,
        title=root.findtext("title", ""),
        description=root.findtext("description", ""),
        metadata=_metadata(root),
    )


def bytes_of(element: t.Optional[ElementTree.Element]) -> t.Optional[int]:
    """A size with libvirt's units; without one it is in KiB."""
    if element is None or not (element.text or "").strip():
        return None
    return int(element.text or 0) * _UNITS[element.get("unit", "").lower()]


def _cpu(root: ElementTree.Element) -> DomainCpu:
    cpu = root.find("cpu")
    tsc = root.find("clock/timer[@name='tsc']")
    frequency = int(tsc.get("frequency", 0)) or None if tsc is not None else None
    if cpu is None:
        return DomainCpu(tsc_frequency_hz=frequency)
    migratable = cpu.get("migratable")
    return DomainCpu(
        mode=cpu.get("mode", "custom" if cpu.find("model") is not None else ""),
        model=cpu.findtext("model", ""),
        vendor=cpu.findtext("vendor", ""),
        check=cpu.get("check", ""),
        migratable=migratable == "on" if migratable else None,
        features=[CpuFeature(one.get("name", ""), one.get("policy", "require")) for one in cpu.iterfind("feature")],
        tsc_frequency_hz=frequency,
        xml=ElementTree.tostring(cpu, encoding="unicode").strip(),
    )


def _memory(root: ElementTree.Element) -> DomainMemory:
    total = bytes_of(root.find("memory")) or 0
    current = bytes_of(root.find("currentMemory"))
    backing = root.find("memoryBacking")
    page, numa = root.find("memoryBacking/hugepages/page"), root.find("numatune/memory")
    source = root.find("memoryBacking/source")
    size = None
    if page is not None:
        size = int(page.get("size", 0)) * _UNITS[page.get("unit", "").lower()] or None
    access = [one.get("mode", "") for one in root.iterfind("memoryBacking/access")]
    access += [one.get("memAccess", "") for one in root.iterfind("cpu/numa/cell")]
    return DomainMemory(
        total_bytes=total,
        current_bytes=total if current is None else current,
        hugepages=root.find("memoryBacking/hugepages") is not None,
        hugepage_size_bytes=size,
        nodes=number_set(numa.get("nodeset", "")) if numa is not None else [],
        node_mode=numa.get("mode", "strict") if numa is not None else "",
        locked=backing is not None and backing.find("locked") is not None,
        shared="shared" in access,
        source=source.get("type", "") if source is not None else "",
        nvdimm=any(one.get("model") == "nvdimm" for one in root.iterfind("devices/memory")),
    )


def number_set(text: str) -> list[int]:
    """``0-2,^1,4`` as ``[0, 2, 4]``."""
    found: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, _dash, last = part.lstrip("^").partition("-")
        numbers = set(range(int(first), int(last or first) + 1))
        found = found - numbers if part.startswith("^") else found | numbers
    return sorted(found)


def _firmware(root: ElementTree.Element) -> str:
    os = root.find("os")
    if os is None:
        return ""
    loader = os.find("loader")
    efi = loader is not None and loader.get("type") == "pflash"
    return os.get("firmware", "efi" if efi else "bios")


def _path(element: t.Optional[ElementTree.Element]) -> str:
    """Of an element that has a path as its text, or in newer definitions a source with one."""
    if element is None:
        return ""
    source = element.find("source")
    return source.get("file", "") if source is not None else (element.text or "").strip()


def _metadata(root: ElementTree.Element) -> dict[str, str]:
    found = root.find("metadata")
    parts = [] if found is None else list(found)
    return {
        _namespace(part): ElementTree.tostring(part, encoding="unicode").strip() for part in parts if _namespace(part)
    }


def _namespace(element: ElementTree.Element) -> str:
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
