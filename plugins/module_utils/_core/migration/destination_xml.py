# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition that a guest has on the destination, where it differs from that on the source.

Only what belongs to the host may differ: what a device is connected to, and not the device. libvirt compares both, too
(virDomainDefCheckABIStability), but passes over much that it does not know, and only when the migration begins. So here
the two are equal but for a list of places, and what is not on the list is refused.
"""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from ..destination_changes import DestinationChanges
from ..errors import MigrationError

Element = ElementTree.Element

# libvirt finds them by their address; the prefix is for people who read it.
ElementTree.register_namespace("qemu", "http://libvirt.org/schemas/domain/qemu/1.0")

_CHARACTER_DEVICES = ("serial", "parallel", "console", "channel")
_BACK_ENDS = ("pty", "tcp", "udp", "unix", "file", "pipe", "dev", "null", "stdio")
_CONNECTED = ("bridge", "network", "direct", "ethernet")
_BOOT_FILES = ("loader", "nvram", "kernel", "initrd", "dtb")
# Of the host, whatever is in it. Metadata is taken from the source, always.
_ROOT_ONLY_HOST = frozenset(
    ("cputune", "numatune", "memtune", "blkiotune", "resource", "seclabel", "title", "description", "metadata")
)


class _HostSide(t.NamedTuple):
    """Of an element: what of it belongs to the host."""

    attributes: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    text: bool = False


def _host_side(attributes: str = "", children: str = "", *, text: bool = False) -> _HostSide:
    return _HostSide(frozenset(attributes.split()), frozenset(children.split()), text)


_ALL_ITS_OWN = _HostSide()
_MAY_DIFFER: t.Mapping[str, _HostSide] = {
    "domain": _host_side("id", " ".join(_ROOT_ONLY_HOST)),
    "domain/vcpu": _host_side("cpuset placement"),
    "domain/os/loader": _host_side(text=True),
    "domain/os/nvram": _host_side("template templateFormat type format", "source", text=True),
    "domain/os/kernel": _host_side(text=True),
    "domain/os/initrd": _host_side(text=True),
    "domain/os/dtb": _host_side(text=True),
    "domain/devices/emulator": _host_side(text=True),
    "domain/devices/disk": _host_side("type", "source backingStore"),
    "domain/devices/interface": _host_side(
        "", "source virtualport vlan bandwidth target filterref script downscript port"
    ),
    "domain/devices/graphics": _host_side(
        "port tlsPort autoport websocket listen socket passwd passwdValidTo connected", "listen"
    ),
    **{f"domain/devices/{one}": _host_side("tty", "source log protocol") for one in _CHARACTER_DEVICES},
    "domain/devices/tpm/backend": _host_side("", "source"),
    "domain/devices/rng/backend": _host_side(text=True),
}


def parsed(xml: str, whose: str) -> Element:
    """The root of a definition. Raises BAD_DEFINITION; ``whose``: of which option or definition, for the message."""
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError, RecursionError) as exc:
        raise _bad(f"{whose} cannot be read: {exc!s:.200}.") from exc
    if root.tag != "domain":
        raise _bad(f"{whose} is no definition of a guest, but begins with {root.tag!r}.")
    return root


def rewritten(xml: str, changes: DestinationChanges) -> str:
    """The definition with the names that the destination has. Raises BAD_DEFINITION."""
    root = parsed(xml, "The definition of the guest")
    for nic in root.iterfind("devices/interface"):
        _rewrite_nic(nic, changes)
    for console in root.iterfind("devices/graphics"):
        for one in (console, *console.iterfind("listen")):
            _replace(one, "listen", changes.listen_address)
            _replace(one, "address", changes.listen_address)
            _replace(one, "network", changes.network)
    for device in (one for name in _CHARACTER_DEVICES for one in root.iterfind(f"devices/{name}")):
        for source in device.iterfind("source"):
            if source.get("mode") == "bind":
                _replace(source, "host", changes.listen_address)
    for element, attribute in _paths_of(root):
        if attribute:
            _replace(element, attribute, changes.path)
        elif element.text:
            element.text = changes.path(element.text.strip())
    return ElementTree.tostring(root, encoding="unicode")


def _rewrite_nic(nic: Element, changes: DestinationChanges) -> None:
    source = nic.find("source")
    if source is None:
        return
    if source.get("network"):
        _replace(source, "network", changes.network)
    elif nic.get("type") == "bridge":
        _replace(source, "bridge", changes.bridge)
    elif nic.get("type") in ("direct", "user", "vhostuser"):
        _replace(source, "dev", changes.device)


def _paths_of(root: Element) -> t.Iterator[tuple[Element, str]]:
    """Places with a path of the host, an element's text where there is no attribute."""
    for name in _BOOT_FILES:
        for element in root.iterfind(f"os/{name}"):
            yield element, ""
            yield element, "template"
            yield from ((source, "file") for source in element.iterfind("source"))
    for disk in root.iterfind("devices/disk"):
        for source in (*disk.iterfind("source"), *disk.iterfind(".//backingStore/source")):
            yield from ((source, attribute) for attribute in ("file", "dev", "dir", "path"))
    for name in _CHARACTER_DEVICES:
        for device in root.iterfind(f"devices/{name}"):
            yield from ((source, "path") for source in device.iterfind("source"))
            yield from ((log, "file") for log in device.iterfind("log"))
    yield from ((element, "") for element in root.iterfind("devices/emulator"))
    yield from ((source, "path") for source in root.iterfind("devices/tpm/backend/source"))


def _replace(element: Element, attribute: str, change: t.Callable[[str], str]) -> None:
    value = element.get(attribute)
    if value:
        element.set(attribute, change(value))


def with_metadata_of(xml: str, current: str) -> str:
    """A definition that a user has written, with the metadata of ``current``: marks of this collection are part of
    it."""
    root, now = parsed(xml, "destination_xml"), parsed(current, "The definition of the guest")
    for tag in ("metadata", "title", "description"):
        for element in root.findall(tag):
            root.remove(element)
        root.extend(now.findall(tag))
    return ElementTree.tostring(root, encoding="unicode")


def require_same_guest(before: str, after: str, whose: str) -> None:
    """Raises GUEST_VISIBLE_CHANGE where the guest would see a difference. ``whose``: the option that has caused it."""
    found = differences(parsed(before, "The definition of the guest"), parsed(after, whose))
    if not found:
        return
    raise MigrationError(
        "GUEST_VISIBLE_CHANGE",
        f"{whose} changes what the guest sees: {'; '.join(found[:5])}{'; and more' if found[5:] else ''}.",
        state="The guest runs on the source as before. Nothing was changed.",
        remedy="Begin with 'virsh dumpxml --migratable --security-info GUEST' (for the persistent definition with"
        " --inactive, too), and change nothing but what belongs to the host: what disks, interfaces, consoles and"
        " serial devices are connected to, paths, and processors or memory of the host that it is bound to.",
        evidence={"differences": found},
    )


def differences(before: Element, after: Element, path: str = "domain") -> list[str]:
    """Where two definitions differ in what the guest sees; in the order of the first one."""
    may = _MAY_DIFFER.get(path, _ALL_ITS_OWN)
    here, there = (_attributes(one, may, path) for one in (before, after))
    found = [
        f"{path}/@{name} is {_shown(here.get(name))} and would be {_shown(there.get(name))}"
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name)
    ]
    texts = [(one.text or "").strip() for one in (before, after)]
    if not may.text and texts[0] != texts[1]:
        found.append(f"{path} is {_shown(texts[0])} and would be {_shown(texts[1])}")
    children = [_children(one, may) for one in (before, after)]
    for tag in dict.fromkeys([*children[0], *children[1]]):
        ours, theirs = (of.get(tag, []) for of in children)
        if len(ours) != len(theirs):
            found.append(f"{path}/{tag} is there {len(ours)} times and would be {len(theirs)} times")
            continue
        found += [word for pair in zip(ours, theirs) for word in differences(*pair, f"{path}/{tag}")]
    return found


def _attributes(element: Element, may: _HostSide, path: str) -> dict[str, str]:
    found = {name: value for name, value in element.attrib.items() if name not in may.attributes}
    kind, name = found.get("type"), path.rpartition("/")[2]
    # What is behind a device may be of another kind, as long as it is none that the guest sees.
    if (name == "interface" and kind in _CONNECTED) or (name in _CHARACTER_DEVICES and kind in _BACK_ENDS):
        del found["type"]
    return found


def _children(element: Element, may: _HostSide) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    for child in element:
        own_alias = child.tag == "alias" and not child.get("name", "").startswith("ua-")
        if child.tag not in may.children and not own_alias:
            found.setdefault(child.tag, []).append(child)
    return found


def _shown(value: t.Optional[str]) -> str:
    return repr(value) if value else "not there"


def moved_disks(before: str, after: str) -> list[str]:
    """Targets of disks that would be another file or device, by its name."""
    old, new = (_disk_sources(parsed(one, "The definition of the guest")) for one in (before, after))
    return sorted(target for target, source in old.items() if new.get(target) != source)


def _disk_sources(root: Element) -> dict[str, str]:
    found = {}
    for disk in root.iterfind("devices/disk"):
        target, source = disk.find("target"), disk.find("source")
        named = {} if source is None else {key: value for key, value in source.attrib.items() if key not in _NOT_A_NAME}
        hosts = [] if source is None else [sorted(host.attrib.items()) for host in source.iterfind("host")]
        found[target.get("dev", "") if target is not None else ""] = repr((sorted(named.items()), hosts))
    return found


_NOT_A_NAME = ("index", "startupPolicy")


def require_same_disks(before: str, after: str, copied: t.Collection[str], *, same_storage: bool) -> None:
    """Raises DISK_PATH_CHANGED for a disk that would be another file or device and is not copied, unless the user said
    that it is the same one (``same_storage``). ``copied``: targets."""
    moved = [target for target in moved_disks(before, after) if target not in copied]
    if not moved or same_storage:
        return
    raise MigrationError(
        "DISK_PATH_CHANGED",
        f"On the destination the disks {', '.join(moved)} would be at another path, and they are not copied. If it is"
        " not the same storage there, the guest's disks are exchanged while it runs.",
        state="The guest runs on the source as before. Nothing was changed.",
        remedy="Copy them (copy_storage, copy_disks). Where it is the same storage under another name, say so with"
        " destination_changes.same_storage.",
        evidence={"disks": moved},
    )


def _bad(problem: str) -> MigrationError:
    return MigrationError(
        "BAD_DEFINITION",
        problem,
        state="Nothing was changed.",
        remedy="Begin with what 'virsh dumpxml --migratable --security-info GUEST' prints.",
    )
