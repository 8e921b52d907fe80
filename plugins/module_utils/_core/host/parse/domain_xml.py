# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's part of a host document from its definition.

Two definitions of a running guest count: the live one says what runs now, and the one that libvirt sends to the other
host (``VIR_DOMAIN_XML_MIGRATABLE``) what is wanted there. The second has the name of a network instead of the bridge
that it gave, and no listen address that came from qemu.conf. What of it cannot be told from the first is added by
``with_sent``.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import replace
from xml.etree import ElementTree

from ...addresses import on_every_host
from ...errors import MigrationError
from ..guest import CpuFeature, Graphics, GuestCpu, GuestDocument, Nic, SecurityLabel
from .definition_cache import Alike
from .device_xml import disks, graphics, host_devices, nics, shared_directories, shared_memory, tpms, vsock_cid
from .elements import Definition, Devices, Element, below, get, inside, take_apart
from .guest_files import boot_files, character_devices, endpoints, host_files, needed_files, not_looked_at, secrets
from .guest_memory import balloon, memory, pinned_cpus
from .unmigratable import unmigratable
from .xml_values import whole_number


def parse_domain(xml: str) -> GuestDocument:
    """All that the definition tells; what only libvirt knows beside it keeps its default. BAD_DEFINITION."""
    return _alike.parse(xml)


def _parsed(xml: str) -> GuestDocument:
    return _document(_apart(xml))


def _apart(xml: str) -> Definition:
    try:
        return take_apart(xml)
    except (ElementTree.ParseError, ValueError, RecursionError) as exc:
        raise _unreadable(exc) from exc


def needs_sent(domain: GuestDocument) -> bool:
    """Whether the definition that libvirt sends may differ in what another host needs, and the live one hides how."""
    fixed = any(one.listen_type != "network" and not on_every_host(one.listen) for one in domain.graphics)
    return fixed or any(one.type == "hostdev" and not one.network for one in domain.interfaces)


def with_sent(domain: GuestDocument, xml: str) -> GuestDocument:
    """With what the definition tells that libvirt sends for a migration. BAD_DEFINITION."""
    devices = _apart(xml).devices
    try:
        consoles, interfaces = graphics(devices), {one.mac: one for one in nics(devices) if one.mac}
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


_alike = Alike(_parsed)


def _document(definition: Definition) -> GuestDocument:
    """Of the element ``domain``, live or inactive."""
    try:
        return _domain(definition)
    except (ValueError, KeyError, RecursionError) as exc:
        raise _unreadable(exc) from exc


def _domain(definition: Definition) -> GuestDocument:
    root, devices = definition.root, definition.devices
    os = root.find("os")
    tpm_devices, pins = tpms(devices), pinned_cpus(root)
    firmware, characters = _firmware(os), character_devices(devices)
    return GuestDocument(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        type=root.get("type", ""),
        **_start(os),
        emulator=next((one.text or "" for one in devices.get("emulator", ())), ""),
        firmware=firmware,
        **_vcpus(root.find("vcpu")),
        pinned=bool(pins),
        pinned_cpus=pins,
        cpu=_cpu(definition),
        memory=memory(root, definition.cpu, devices),
        balloon=balloon(devices),
        disks=disks(devices),
        interfaces=nics(devices),
        host_devices=host_devices(devices),
        shared_directories=shared_directories(devices),
        shared_memory=shared_memory(devices),
        tpm=tpm_devices[0] if tpm_devices else None,
        more_tpms=tpm_devices[1:],
        graphics=graphics(devices),
        boot_files=boot_files(root, devices, firmware),
        host_files=host_files(characters),
        needed_files=needed_files(devices, characters),
        endpoints=endpoints(devices, characters),
        secrets=secrets(devices),
        vsock_cid=vsock_cid(devices),
        not_looked_at=not_looked_at(devices),
        unmigratable=unmigratable(root, devices),
        security_labels=_security_labels(root),
        launch_security=get(root.find("launchSecurity"), "type"),
        qemu_arguments=any(_local(one) == "commandline" for one in root),
        dirty_ring=any(one.get("state") == "on" for one in inside(root, "features", "kvm", "dirty-ring")),
        guest_agent=_has_agent(devices),
        title=root.findtext("title", ""),
        description=root.findtext("description", ""),
        metadata={} if definition.metadata is None else dict(_metadata(definition.metadata)),
    )


def _vcpus(element: t.Optional[Element]) -> dict[str, t.Any]:
    """How many it may have, and has now; 0: not said."""
    maximum = whole_number(element.text or "0") if element is not None else 0
    current = whole_number(element.get("current", str(maximum))) if element is not None else 0
    return {"vcpus": maximum, "vcpus_current": current}


def _security_labels(root: Element) -> list[SecurityLabel]:
    return [
        SecurityLabel(one.get("model", ""), one.get("type", ""), one.findtext("label", ""))
        for one in root.findall("seclabel")
    ]


def _has_agent(devices: Devices) -> bool:
    return any(one.get("name") == "org.qemu.guest_agent.0" for one in below(devices, "channel", "target"))


def _start(os: t.Optional[Element]) -> dict[str, t.Any]:
    """Fields of the document: what the guest is started with."""
    if os is None:
        return {}
    os_type, nvram, store = os.find("type"), os.find("nvram"), os.find("varstore")
    return {
        "arch": get(os_type, "arch"),
        "machine": get(os_type, "machine"),
        # Since libvirt 12.1 QEMU itself may keep the variables, in a file of its own.
        "nvram": _path(nvram) or get(store, "path"),
        "nvram_type": get(nvram, "type"),
        "nvram_template": get(nvram, "template") or get(store, "template"),
        "loader": os.findtext("loader", ""),
    }


def _cpu(definition: Definition) -> GuestCpu:
    timers = inside(definition.root, "clock", "timer")
    tsc = next((one for one in timers if one.get("name") == "tsc"), None)
    frequency = whole_number(tsc.get("frequency", "0")) or None if tsc is not None else None
    shown = GuestCpu() if definition.cpu is None else _written_cpu(definition.cpu)
    return shown if frequency is None else replace(shown, tsc_frequency_hz=frequency)


@functools.lru_cache(maxsize=256)  # the guests of a host have few processors, and share the elements of equal ones
def _written_cpu(cpu: Element) -> GuestCpu:
    migratable = cpu.get("migratable")
    return GuestCpu(
        mode=cpu.get("mode", "custom" if cpu.find("model") is not None else ""),
        model=cpu.findtext("model", ""),
        vendor=cpu.findtext("vendor", ""),
        check=cpu.get("check", ""),
        migratable=migratable == "on" if migratable else None,
        features=[CpuFeature(one.get("name", ""), one.get("policy", "require")) for one in cpu.findall("feature")],
        xml=_text(cpu),
    )


def _text(element: Element) -> str:
    return ElementTree.tostring(element, encoding="unicode").strip()


def _firmware(os: t.Optional[Element]) -> str:
    if os is None:
        return ""
    return os.get("firmware", "efi" if get(os.find("loader"), "type") == "pflash" else "bios")


def _path(element: t.Optional[Element]) -> str:
    """Of an element that has a path as its text, or in newer definitions a source with one."""
    if element is None:
        return ""
    source = element.find("source")
    return source.get("file", "") if source is not None else (element.text or "").strip()


@functools.lru_cache(maxsize=64)
def _metadata(found: Element) -> dict[str, str]:
    return {_namespace(part): _text(part) for part in found if _namespace(part)}


def _namespace(element: Element) -> str:
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]
