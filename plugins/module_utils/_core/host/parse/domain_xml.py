# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's part of a host document from its definition.

Two definitions of a running guest count: the live one says what runs now, and the one that libvirt sends to the other
host (``VIR_DOMAIN_XML_MIGRATABLE``) what is wanted there. The second has the name of a network instead of the bridge
that it gave, and no listen address that came from qemu.conf. What of it cannot be told from the first is added by
``with_sent``.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace
from xml.etree import ElementTree

from ...addresses import on_every_host
from ...errors import MigrationError
from ..guest import CpuFeature, Graphics, GuestCpu, GuestDocument, Nic, SecurityLabel
from .device_xml import disks, graphics, host_devices, nics, shared_directories, shared_memory, tpms, vsock_cid
from .guest_files import boot_files, devices_of, endpoints, host_files, needed_files, not_looked_at
from .guest_memory import memory, pinned_cpus
from .xml_values import whole_number


def parse_domain(xml: str) -> GuestDocument:
    """All that the definition tells; what only libvirt knows beside it keeps its default. BAD_DEFINITION."""
    return domain_of(_root(xml))


def _root(xml: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError, RecursionError) as exc:
        raise _unreadable(exc) from exc


def needs_sent(domain: GuestDocument) -> bool:
    """Whether the definition that libvirt sends may differ in what another host needs, and the live one hides how."""
    fixed = any(one.listen_type != "network" and not on_every_host(one.listen) for one in domain.graphics)
    return fixed or any(one.type == "hostdev" and not one.network for one in domain.interfaces)


def with_sent(domain: GuestDocument, xml: str) -> GuestDocument:
    """With what the definition tells that libvirt sends for a migration. BAD_DEFINITION."""
    root = _root(xml)
    try:
        consoles, interfaces = graphics(root), {one.mac: one for one in nics(root) if one.mac}
    except (ValueError, KeyError) as exc:
        raise _unreadable(exc) from exc
    if len(consoles) == len(domain.graphics):
        consoles = [_console_sent(one, sent) for one, sent in zip(domain.graphics, consoles)]
    else:
        consoles = domain.graphics
    return replace(
        domain,
        graphics=consoles,
        interfaces=[_nic_sent(one, interfaces.get(one.mac)) for one in domain.interfaces],
    )


def _console_sent(now: Graphics, sent: Graphics) -> Graphics:
    return replace(now, sent=sent.listen_type not in ("network", "socket") and sent.listen != "")


def _nic_sent(now: Nic, sent: t.Optional[Nic]) -> Nic:
    if sent is None or sent.type != "network":
        return now
    return replace(now, network=sent.network, portgroup=sent.portgroup)


def _unreadable(cause: Exception) -> MigrationError:
    return MigrationError(
        "BAD_DEFINITION",
        f"The definition of the guest cannot be read: {type(cause).__name__}: {cause!s:.200}.",
        state="Nothing was changed.",
        remedy="Look at it with 'virsh dumpxml'. If libvirt wrote it itself, report a bug.",
    )


def domain_of(root: ElementTree.Element) -> GuestDocument:
    """Of the element ``domain``, live or inactive."""
    try:
        return _domain(root)
    except (ValueError, KeyError, RecursionError) as exc:
        raise _unreadable(exc) from exc


def _domain(root: ElementTree.Element) -> GuestDocument:
    os_type, vcpu = root.find("os/type"), root.find("vcpu")
    security, nvram = root.find("launchSecurity"), root.find("os/nvram")
    maximum = whole_number(vcpu.text or "0") if vcpu is not None else 0
    devices = devices_of(root)
    firmware, tpm_devices, pins = _firmware(root), tpms(root), pinned_cpus(root)
    return GuestDocument(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        type=root.get("type", ""),
        arch=os_type.get("arch", "") if os_type is not None else "",
        machine=os_type.get("machine", "") if os_type is not None else "",
        emulator=root.findtext("devices/emulator", ""),
        firmware=firmware,
        nvram=_path(nvram),
        nvram_type=nvram.get("type", "") if nvram is not None else "",
        nvram_template=nvram.get("template", "") if nvram is not None else "",
        loader=root.findtext("os/loader", ""),
        vcpus=maximum,
        vcpus_current=whole_number(vcpu.get("current", str(maximum))) if vcpu is not None else 0,
        pinned=bool(pins),
        pinned_cpus=pins,
        cpu=_cpu(root),
        memory=memory(root),
        disks=disks(root),
        interfaces=nics(root),
        host_devices=host_devices(root),
        shared_directories=shared_directories(root),
        shared_memory=shared_memory(root),
        tpm=tpm_devices[0] if tpm_devices else None,
        more_tpms=tpm_devices[1:],
        graphics=graphics(root),
        boot_files=boot_files(root, devices, firmware),
        host_files=host_files(devices),
        needed_files=needed_files(devices),
        endpoints=endpoints(devices),
        vsock_cid=vsock_cid(root),
        not_looked_at=not_looked_at(devices),
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


def _cpu(root: ElementTree.Element) -> GuestCpu:
    cpu = root.find("cpu")
    tsc = root.find("clock/timer[@name='tsc']")
    frequency = whole_number(tsc.get("frequency", "0")) or None if tsc is not None else None
    if cpu is None:
        return GuestCpu(tsc_frequency_hz=frequency)
    migratable = cpu.get("migratable")
    return GuestCpu(
        mode=cpu.get("mode", "custom" if cpu.find("model") is not None else ""),
        model=cpu.findtext("model", ""),
        vendor=cpu.findtext("vendor", ""),
        check=cpu.get("check", ""),
        migratable=migratable == "on" if migratable else None,
        features=[CpuFeature(one.get("name", ""), one.get("policy", "require")) for one in cpu.iterfind("feature")],
        tsc_frequency_hz=frequency,
        xml=ElementTree.tostring(cpu, encoding="unicode").strip(),
    )


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
