# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest's definition names of its host beside disks and networks: files, sockets, devices, addresses."""

from __future__ import annotations

import typing as t

from ...addresses import host_port, is_loopback
from ..device_elements import DEVICE_ELEMENTS
from ..guest import Endpoint
from .elements import Devices, Element, below, inside

# Of each character device its name, the element that holds its source, and its type.
Characters = t.Sequence[tuple[str, Element, str]]

# Elements whose "type" is that of a character device, with its source inside.
_CHARACTER = ("serial", "parallel", "channel", "console", "redirdev", "smartcard")
_LISTENING = ("tcp", "udp")
# Element, a condition on its type, the way to what names a path, and the attribute; "" for its text.
_PLACES = (
    ("input", "passthrough", ("source",), "evdev"),
    ("input", "evdev", ("source",), "dev"),
    ("graphics", "", ("gl",), "rendernode"),
    ("video", "", ("model", "acceleration"), "rendernode"),
    ("audio", "oss", ("input",), "dev"),
    ("audio", "oss", ("output",), "dev"),
    ("memory", "", ("source", "path"), ""),
    ("lease", "", ("target",), "path"),
    ("pstore", "", ("path",), ""),
    ("interface", "", ("script",), "path"),
    ("interface", "", ("downscript",), "path"),
)
_PLACES_OF = {kind: [place for place in _PLACES if place[0] == kind] for kind in {place[0] for place in _PLACES}}
_DISK_FILES = (("identity", "keyfile"), ("identity", "agentsock"), ("knownHosts", "path"), ("config", "file"))
_EVERY_HOST = ("/dev/random", "/dev/urandom")


def boot_files(root: Element, devices: Devices, firmware: str) -> list[str]:
    """Read by QEMU when it starts, also to receive a guest."""
    found = [one.get("file", "") for one in inside(root, "sysinfo", "entry")]
    found += [one.get("file", "") for kind in ("interface", "hostdev") for one in below(devices, kind, "rom")]
    for os in root.findall("os"):
        found += [os.findtext(name, "") for name in ("kernel", "initrd", "dtb", "shim")]
        found += [one.text or "" for one in inside(os, "acpi", "table")]
        blocks = [one for one in os.findall("nvram") if one.get("type") == "block"]
        found += [one.get("dev", "") for block in blocks for one in block.findall("source")]
        found += [one.text or "" for one in os.findall("loader") if firmware != "efi" or one.get("type") == "rom"]
    return sorted({path.strip() for path in found} - {""})


def secrets(devices: Devices) -> list[str]:
    """By which disks and SCSI devices log in to storage, disks are encrypted, and a TPM keeps its state: beside
    the source of a disk, within it, or within that of a base image."""
    found: set[str] = set()
    for kind in ("disk", "hostdev"):
        for one in (secret for device in devices.get(kind, ()) for secret in device.iter("secret")):
            found |= {f"uuid:{one.get('uuid', '').lower()}" if one.get("uuid") else f"usage:{one.get('usage', '')}"}
    for encryption in below(devices, "tpm", "backend", "encryption"):
        found |= {f"uuid:{encryption.get('secret', '').lower()}"}
    return sorted(found - {"uuid:", "usage:"})


def character_devices(devices: Devices) -> Characters:
    found = [(name, one, one.get("type", "")) for name in _CHARACTER for one in devices.get(name, ())]
    backends = [one for one in below(devices, "rng", "backend") if one.get("model") == "egd"]
    return found + [("rng", one, one.get("type", "")) for one in backends]


def host_files(characters: Characters) -> list[str]:
    """Paths on the host that character devices and the like use, sorted."""
    found = {
        source.get("path", "")
        for name, device, kind in characters
        if kind in ("file", "unix", "dev", "pipe") and name in ("serial", "parallel", "channel", "console")
        for source in device.findall("source")
    }
    return sorted(found - {""})


def needed_files(devices: Devices, characters: Characters) -> list[str]:
    """What must be there already: libvirt and QEMU open it and do not make it."""
    found: set[str] = set()
    for _name, device, kind in characters:
        if kind in ("dev", "pipe", "unix"):
            sources = [one for one in device.findall("source") if kind != "unix" or one.get("mode") == "connect"]
            found |= {one.get("path", "") for one in sources}
        elif kind in _LISTENING:
            found |= {_server_of_host(one, kind) for one in device.findall("source")}
    for element, wanted, way, name in (place for one in devices for place in _PLACES_OF.get(one, ())):
        places = below(devices, element, *way, wanted=wanted)
        found |= {one.get(name, "") if name else (one.text or "").strip() for one in places}
    for source in below(devices, "interface", "source", wanted="vhostuser"):  # the switch's own socket
        found |= {source.get("path", "")} if source.get("mode") != "server" else set()
    found |= {path for disk in devices.get("disk", ()) for path in _files_of_disk(disk)}
    for card in devices.get("smartcard", ()):
        if card.get("mode") == "host-certificates":
            found.add(card.findtext("database", "/etc/pki/nssdb").strip())
    for backend in below(devices, "rng", "backend"):
        text = (backend.text or "").strip()
        found |= {text} if backend.get("model") == "random" and text not in _EVERY_HOST else set()
    return sorted(found - {""})


def _files_of_disk(disk: Element) -> t.Iterator[str]:
    """By which QEMU reaches a disk: keys of SSH, the configuration of Ceph, a helper for reservations."""
    for source in disk.iter("source"):
        for name, attribute in _DISK_FILES:
            yield from (one.get(attribute, "") for one in source.findall(name))
        for helper in inside(source, "reservations", "source"):
            yield helper.get("path", "")


def endpoints(devices: Devices, characters: Characters) -> list[Endpoint]:
    """Where the guest's devices wait for connections, of each one once."""
    found: dict[Endpoint, None] = {}
    for name, device, kind in characters:
        for source in device.findall("source") if kind in _LISTENING else ():
            if source.get("mode") == "bind" and source.get("host"):
                # A console repeats the serial device that it stands for.
                named = "serial" if name == "console" else name
                found[Endpoint(named, kind, source.get("host", ""), _port(source.get("service", "")))] = None
    for kind, way, protocol in (("server", ("source",), "tcp"), ("udp", ("source", "local"), "udp")):
        for local in below(devices, "interface", *way, wanted=kind):
            if local.get("address"):
                found[Endpoint("interface", protocol, local.get("address", ""), _port(local.get("port", "")))] = None
    return list(found)


def _server_of_host(source: Element, kind: str) -> str:
    """What listens on the host itself and is connected to: tcp:localhost:4555."""
    host = source.get("host", "")
    if source.get("mode") != "connect" or not is_loopback(host):
        return ""
    return f"{kind}:{host_port(host, source.get('service', ''))}"


def not_looked_at(devices: Devices) -> list[str]:
    """Tags of devices that no check of readiness knows."""
    return sorted(set(devices) - set(DEVICE_ELEMENTS))


def _port(text: str) -> t.Optional[int]:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None
