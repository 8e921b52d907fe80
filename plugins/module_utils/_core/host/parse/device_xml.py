# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's devices from its definition."""

from __future__ import annotations

import typing as t

from ...addresses import host_port
from ..guest import BASE, DATA, Disk, DiskImage, Graphics, HostDevice, Nic, SharedDirectory, SharedMemory, Tpm
from .elements import Devices, Element, below, get
from .xml_values import whole_number


def disks(devices: Devices) -> list[Disk]:
    """Of the elements ``disk``, in their order."""
    return [_disk(one) for one in devices.get("disk", ())]


def _disk(disk: Element) -> Disk:
    driver, source, target = (disk.find(name) for name in ("driver", "source", "target"))
    mirror = disk.find("mirror")
    return Disk(
        target=get(target, "dev"),
        device=disk.get("device", "disk"),
        type=disk.get("type", "") if source is not None else "",
        source=_source(source),
        hosts=[] if source is None else _hosts(source),
        format=get(driver, "type"),
        cache=get(driver, "cache"),
        bus=get(target, "bus"),
        readonly=disk.find("readonly") is not None,
        shareable=disk.find("shareable") is not None,
        transient=disk.find("transient") is not None,
        mirror=mirror is not None and mirror.get("job", "copy") in ("copy", "active-commit"),
        backing_chain=[_source(one) for image in disk.iter("backingStore") for one in image.findall("source")],
        images=[
            *(one for one in _images(disk, "backingStore", BASE) if one.type != "file"),
            *_images(disk, "dataStore", DATA),
        ],
        by_descriptor=any(one.get("fdgroup") for one in disk.iter("source")),
    )


def _images(disk: Element, name: str, purpose: str) -> t.Iterator[DiskImage]:
    for image in disk.iter(name):
        for source in image.findall("source"):
            yield DiskImage(purpose, image.get("type", ""), _source(source), _hosts(source))


def _source(source: t.Optional[Element]) -> str:
    if source is None:
        return ""
    if source.get("pool"):
        return f"{source.get('pool')}/{source.get('volume', '')}"
    if source.get("protocol"):
        return f"{source.get('protocol')}:{source.get('name', '')}"
    if source.get("type") == "pci":
        return _pci(source.find("address"))
    return source.get("file") or source.get("dev") or source.get("dir") or source.get("path") or ""


def _hosts(source: Element) -> list[str]:
    return [_network_host(host) for host in source.findall("host")]


def _network_host(host: Element) -> str:
    if host.get("transport") == "unix":
        return f"unix:{host.get('socket', '')}"
    return host_port(host.get("name", ""), host.get("port", ""))


def nics(devices: Devices) -> list[Nic]:
    """Of the elements ``interface``, in their order."""
    return [_nic(one) for one in devices.get("interface", ())]


def _nic(nic: Element) -> Nic:
    source, mtu, teaming = nic.find("source"), nic.find("mtu"), nic.find("teaming")
    managed = get(nic.find("target"), "managed")
    return Nic(
        mac=get(nic.find("mac"), "address"),
        type=nic.get("type", ""),
        network=get(source, "network"),
        portgroup=get(source, "portgroup"),
        bridge=get(source, "bridge"),
        device=get(source, "dev"),
        target=get(nic.find("target"), "dev"),
        model=get(nic.find("model"), "type"),
        mtu=whole_number(get(mtu, "size") or "0") or None,
        virtualport=get(nic.find("virtualport"), "type"),
        filter=get(nic.find("filterref"), "filter"),
        teaming=get(teaming, "type"),
        managed=None if not managed else managed == "yes",
    )


def host_devices(devices: Devices) -> list[HostDevice]:
    """All that is passed through: as a device, as a network interface, or as a disk."""
    found = [_host_device(one) for one in devices.get("hostdev", ())]
    for nic in devices.get("interface", ()):
        if nic.get("type") in ("hostdev", "vdpa"):
            source, kind = nic.find("source"), "net" if nic.get("type") == "hostdev" else "vdpa"
            address = _pci(source.find("address")) if source is not None else ""
            found.append(
                HostDevice(
                    kind,
                    address or get(source, "dev"),
                    managed=nic.get("managed") == "yes",
                    teaming=get(nic.find("teaming"), "type") == "transient",
                )
            )
    return found


def _host_device(device: Element) -> HostDevice:
    source = device.find("source")
    kind = device.get("type", "")
    address, vgpu_model = "", ""
    if kind == "mdev":
        vgpu_model = device.get("model", "")
        address = get(source.find("address"), "uuid") if source is not None else ""
    elif kind == "pci" and source is not None:
        address = _pci(source.find("address"))
    elif source is not None:
        vendor, product = get(source.find("vendor"), "id"), get(source.find("product"), "id")
        adapter, place = get(source.find("adapter"), "name"), source.find("address")
        address = f"{vendor}:{product}" if vendor else adapter or _numbers(place) or source.get("name", "")
        address = address or source.get("wwpn", "")
    return HostDevice(
        kind,
        address,
        vgpu_model,
        managed=device.get("managed") == "yes",
        teaming=get(device.find("teaming"), "type") == "transient",
        driver=get(device.find("driver"), "model") or get(device.find("driver"), "name"),
        startup_policy=get(source, "startupPolicy"),
        protocol=get(source, "protocol") if kind == "scsi" else "",
    )


def shared_directories(devices: Devices) -> list[SharedDirectory]:
    """Of the elements ``filesystem``."""
    return [
        SharedDirectory(
            get(one.find("driver"), "type") or "path",
            get(one.find("source"), "dir") or get(one.find("source"), "socket"),
            get(one.find("target"), "dir"),
        )
        for one in devices.get("filesystem", ())
    ]


def shared_memory(devices: Devices) -> list[SharedMemory]:
    """Of the elements ``shmem``."""
    return [
        SharedMemory(one.get("name", ""), get(one.find("model"), "type"), one.get("role", ""))
        for one in devices.get("shmem", ())
    ]


def tpms(devices: Devices) -> list[Tpm]:
    """Of the elements ``tpm``; libvirt allows more than one."""
    return [_tpm(one) for one in devices.get("tpm", ())]


def _tpm(device: Element) -> Tpm:
    backend = device.find("backend")
    source = backend.find("source") if backend is not None else None
    return Tpm(
        get(backend, "version"),
        get(backend, "type"),
        # Of a passed-through one "path" is the device, which says nothing about a state.
        get(source, "path") if get(backend, "type") != "passthrough" else "",
        backend is not None and backend.find("encryption") is not None,
    )


def graphics(devices: Devices) -> list[Graphics]:
    """Of the elements ``graphics``, with the addresses that they listen on."""
    return [_graphics(one) for one in devices.get("graphics", ())]


def _graphics(console: Element) -> Graphics:
    """Of several listens libvirt uses the first one."""
    listen = console.find("listen")
    return Graphics(
        console.get("type", ""),
        console.get("listen", "") or get(listen, "address"),
        whole_number(console.get("port") or "0") or None,
        console.get("autoport", "no") == "yes",
        listen_type=get(listen, "type"),
        network=get(listen, "network"),
    )


def vsock_cid(devices: Devices) -> t.Optional[int]:
    """The number of the guest on vsock, None without one or where the host assigns it."""
    cid = next(below(devices, "vsock", "cid"), None)
    fixed = cid is not None and cid.get("auto", "no") == "no" and cid.get("address")
    return whole_number(fixed) if fixed else None


def _pci(address: t.Optional[Element]) -> str:
    if address is None or not address.get("bus"):
        return ""
    domain, bus, slot, function = (
        whole_number(address.get(name, "0"), 0) for name in ("domain", "bus", "slot", "function")
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _numbers(address: t.Optional[Element]) -> str:
    """A USB or SCSI address: whatever numbers it has."""
    return ":".join(value for _key, value in sorted(address.attrib.items())) if address is not None else ""
