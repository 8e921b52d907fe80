# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can run, from libvirt's capabilities and domain capabilities."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from ...units import KIB
from ...unreadable_text import understood
from ..capacity import Cpu, CpuProfile, Emulator, HugePages, NumaNode


@dataclass(frozen=True)
class Capabilities:
    """What ``virConnectGetCapabilities`` tells of a host."""

    uuid: str
    cpu: Cpu
    nodes: list[NumaNode]
    hugepages: list[HugePages]  # totals only
    emulators: list[Emulator]
    security_drivers: list[str]
    qemu_user: str  # as a label of libvirt's: +107, or a name
    uri_transports: list[str]


@understood("What libvirt says of its host")
def parse_capabilities(xml: str) -> Capabilities:
    """From the XML of ``virConnectGetCapabilities``. Raises ODD_TEXT."""
    root = ElementTree.fromstring(xml)
    host = root.find("host")
    if host is None:
        raise ValueError("The capabilities have no host.")
    return Capabilities(
        uuid=host.findtext("uuid", ""),
        cpu=_cpu(host),
        nodes=[_node(cell) for cell in host.iterfind("topology/cells/cell")],
        hugepages=[pages for cell in host.iterfind("topology/cells/cell") for pages in _hugepages(cell)],
        emulators=[_emulator(guest) for guest in root.iterfind("guest")],
        security_drivers=[model.text or "" for model in host.iterfind("secmodel/model")],
        qemu_user=_qemu_user(host),
        uri_transports=[one.text or "" for one in host.iterfind("migration_features/uri_transports/uri_transport")],
    )


@understood("What libvirt says of the guests that it can run")
def parse_domain_capabilities(xml: str) -> CpuProfile:
    """The processor that guests of one type can have. The features of ``model`` itself are not in ``features`` yet."""
    root = ElementTree.fromstring(xml)
    found = root.find("cpu/mode[@name='host-model']")
    custom = root.findall("cpu/mode[@name='custom']/model")
    profile = CpuProfile(
        root.findtext("domain", ""),
        usable_models=[one.text or "" for one in custom if one.get("usable") == "yes"],
        known_models=[one.text or "" for one in custom],
    )
    if found is None or found.get("supported") != "yes":
        return profile
    features = [one.get("name", "") for one in found.iterfind("feature") if one.get("policy") != "disable"]
    return replace(
        profile,
        model=found.findtext("model", ""),
        vendor=found.findtext("vendor", ""),
        features=sorted(features),
        xml=host_model_xml(xml) or "",
    )


@understood("What libvirt says of the guests that it can run")
def host_model_xml(domain_capabilities_xml: str) -> t.Optional[str]:
    """The host-model as a ``<cpu>`` of its own, to have libvirt spell out all of its features."""
    root = ElementTree.fromstring(domain_capabilities_xml)
    found = root.find("cpu/mode[@name='host-model']")
    if found is None or found.find("model") is None:
        return None
    cpu = ElementTree.Element("cpu", {"mode": "custom", "match": "exact"})
    cpu.extend([one for one in found if one.tag in ("model", "vendor", "feature")])
    return ElementTree.tostring(cpu, encoding="unicode")


@understood("What libvirt says of a processor")
def expanded(profile: CpuProfile, baseline_xml: str) -> CpuProfile:
    """The profile with all features that libvirt lists for it."""
    features = [
        one.get("name", "")
        for one in ElementTree.fromstring(baseline_xml).iterfind("feature")
        if one.get("policy") != "disable"
    ]
    return replace(profile, features=sorted(features), features_complete=True)


def _cpu(host: ElementTree.Element) -> Cpu:
    cpu = host.find("cpu")
    if cpu is None:
        return Cpu()
    topology, microcode, tsc = cpu.find("topology"), cpu.find("microcode"), cpu.find("counter[@name='tsc']")
    shape = topology.attrib if topology is not None else {}
    return Cpu(
        arch=cpu.findtext("arch", ""),
        model=cpu.findtext("model", ""),
        vendor=cpu.findtext("vendor", ""),
        microcode=microcode.get("version", "") if microcode is not None else "",
        threads=len(host.findall("topology/cells/cell/cpus/cpu")),
        sockets=int(shape.get("sockets", 0)),
        cores_per_socket=int(shape.get("cores", 0)),
        threads_per_core=int(shape.get("threads", 0)),
        features=sorted(one.get("name", "") for one in cpu.iterfind("feature")),
        tsc_frequency_hz=int(tsc.get("frequency", 0)) or None if tsc is not None else None,
        tsc_scaling=tsc.get("scaling") == "yes" if tsc is not None and tsc.get("scaling") else None,
        xml=ElementTree.tostring(cpu, encoding="unicode").strip(),
    )


def _qemu_user(host: ElementTree.Element) -> str:
    for model in host.iterfind("secmodel"):
        if model.findtext("model") == "dac":
            return model.findtext("baselabel", "").partition(":")[0]
    return ""


def _node(cell: ElementTree.Element) -> NumaNode:
    memory = cell.findtext("memory")
    return NumaNode(
        int(cell.get("id", 0)),
        total_bytes=int(memory) * KIB if memory else None,
        cpus=[int(one.get("id", 0)) for one in cell.iterfind("cpus/cpu")],
    )


def _hugepages(cell: ElementTree.Element) -> t.Iterator[HugePages]:
    """The kinds of pages but the smallest one, which is no hugepage."""
    sizes = {int(one.get("size", 0)) * KIB: int(one.text or 0) for one in cell.iterfind("pages")}
    for size in sorted(sizes)[1:]:
        yield HugePages(int(cell.get("id", 0)), size, total=sizes[size])


def _emulator(guest: ElementTree.Element) -> Emulator:
    arch = guest.find("arch")
    if arch is None:
        return Emulator("")
    names = {machine.text or "" for machine in arch.iterfind("machine")}
    names |= {machine.get("canonical", "") for machine in arch.iterfind("machine")}
    return Emulator(
        arch.get("name", ""),
        path=arch.findtext("emulator", ""),
        machines=sorted(names - {""}),
        virt_types=sorted({one.get("type", "") for one in arch.iterfind("domain")}),
    )
