# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What a guest's definition names of its host beside disks and networks: files, sockets, devices, addresses."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from .device_elements import DEVICE_ELEMENTS
from .domain_document import Endpoint

Element = ElementTree.Element

# Elements whose "type" is that of a character device, with its source inside.
_CHARACTER = ("serial", "parallel", "channel", "console", "redirdev", "smartcard")
_LISTENING = {"tcp": "tcp", "udp": "udp"}


def boot_files(root: Element, firmware: str) -> list[str]:
    """Read by QEMU when it starts, also to receive a guest."""
    found = [root.findtext(f"os/{name}", "") for name in ("kernel", "initrd", "dtb", "shim")]
    found += [one.text or "" for one in root.iterfind("os/acpi/table")]
    found += [one.get("file", "") for one in root.iterfind("sysinfo/entry")]
    found += [one.get("file", "") for kind in ("interface", "hostdev") for one in root.iterfind(f"devices/{kind}/rom")]
    found += [one.get("dev", "") for one in root.iterfind("os/nvram[@type='block']/source")]
    loader = root.find("os/loader")
    if loader is not None and (firmware != "efi" or loader.get("type") == "rom"):
        found.append(loader.text or "")
    return sorted({path.strip() for path in found} - {""})


def host_files(root: Element) -> list[str]:
    found = {
        source.get("path", "")
        for kind in ("serial", "parallel", "channel", "console")
        for device in root.iterfind(f"devices/{kind}")
        for source in device.iterfind("source")
        if device.get("type") in ("file", "unix", "dev", "pipe")
    }
    return sorted(found - {""})


def needed_files(root: Element) -> list[str]:
    """What must be there already: libvirt and QEMU open it and do not make it."""
    found: set[str] = set()
    for _name, device, kind in _character_devices(root):
        for source in device.iterfind("source"):
            connects = kind == "unix" and source.get("mode") == "connect"
            if kind in ("dev", "pipe") or connects:
                found |= {source.get("path", "")}
    for device in root.iterfind("devices/interface"):
        found |= _of_interface(device)
    for path, name in _PLACES:
        found |= {one.get(name, "") if name else (one.text or "").strip() for one in root.iterfind(path)}
    for device in root.iterfind("devices/smartcard[@mode='host-certificates']"):
        found.add(device.findtext("database", "/etc/pki/nssdb").strip())
    for device in root.iterfind("devices/rng/backend[@model='random']"):
        found |= {(device.text or "").strip()} - {"/dev/random", "/dev/urandom"}  # every host has these
    return sorted(found - {""})


_PLACES = (
    ("devices/input[@type='passthrough']/source", "evdev"),
    ("devices/input[@type='evdev']/source", "dev"),
    ("devices/graphics/gl", "rendernode"),
    ("devices/video/model/acceleration", "rendernode"),
    ("devices/audio[@type='oss']/input", "dev"),
    ("devices/audio[@type='oss']/output", "dev"),
    ("devices/memory/source/path", ""),
    ("devices/lease/target", "path"),
    ("devices/pstore/path", ""),
)


def _of_interface(nic: Element) -> set[str]:
    """The switch's socket of vhost-user; a script that libvirt runs for the tap."""
    source = nic.find("source")
    found = {one.get("path", "") for name in ("script", "downscript") for one in nic.iterfind(name)}
    if nic.get("type") == "vhostuser" and source is not None and source.get("mode") != "server":
        found.add(source.get("path", ""))
    return found


def endpoints(root: Element) -> list[Endpoint]:
    """Where the guest's devices wait for connections, of each one once."""
    found: dict[Endpoint, None] = {}
    for name, device, kind in _character_devices(root):
        if kind not in _LISTENING:
            continue
        sources = [one for one in device.iterfind("source") if one.get("mode") == "bind" and one.get("host")]
        for source in sources:
            # A console repeats the serial device that it stands for.
            named = "serial" if name == "console" else name
            found[Endpoint(named, _LISTENING[kind], source.get("host", ""), _port(source.get("service", "")))] = None
    for nic in root.iterfind("devices/interface"):
        kind = nic.get("type", "")
        local = nic.find({"udp": "source/local", "server": "source"}.get(kind, "nothing"))
        if local is not None and local.get("address"):
            protocol = "udp" if kind == "udp" else "tcp"
            found[Endpoint("interface", protocol, local.get("address", ""), _port(local.get("port", "")))] = None
    return list(found)


def not_looked_at(root: Element) -> list[str]:
    names = {one.tag for one in root.iterfind("devices/*") if isinstance(one.tag, str)}
    return sorted(names - set(DEVICE_ELEMENTS))


def _character_devices(root: Element) -> t.Iterator[tuple[str, Element, str]]:
    """Name, the element that holds the source, and its type."""
    for name in _CHARACTER:
        for device in root.iterfind(f"devices/{name}"):
            yield name, device, device.get("type", "")
    for device in root.iterfind("devices/rng/backend[@model='egd']"):
        yield "rng", device, device.get("type", "")


def _port(text: str) -> t.Optional[int]:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None
