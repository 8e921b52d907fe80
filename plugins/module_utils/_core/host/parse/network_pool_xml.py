# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's virtual networks and storage pools from their definitions."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from ...unreadable_text import understood
from ..document import StoragePool
from ..network import VirtualNetwork
from .xml_values import bytes_of


@understood("The definition of a network")
def parse_network(xml: str, *, active: t.Optional[bool], autostart: t.Optional[bool]) -> VirtualNetwork:
    """From the XML of ``virNetworkGetXMLDesc``."""
    root = ElementTree.fromstring(xml)
    forward, bridge, mtu = root.find("forward"), root.find("bridge"), root.find("mtu")
    device = "" if forward is None else forward.get("dev", "")
    if forward is not None and not device:
        first = forward.find("interface")
        device = first.get("dev", "") if first is not None else ""
    return VirtualNetwork(
        root.findtext("name", ""),
        root.findtext("uuid", ""),
        active,
        autostart,
        forward="" if forward is None else forward.get("mode", "nat"),
        bridge=bridge.get("name", "") if bridge is not None else "",
        device=device,
        mtu=int(mtu.get("size", 0)) or None if mtu is not None else None,
        portgroups=[one.get("name", "") for one in root.iterfind("portgroup")],
    )


@understood("The definition of a storage pool")
def parse_pool(xml: str, *, active: t.Optional[bool], autostart: t.Optional[bool]) -> StoragePool:
    """From the XML of ``virStoragePoolGetXMLDesc``."""
    root = ElementTree.fromstring(xml)
    return StoragePool(
        root.findtext("name", ""),
        root.findtext("uuid", ""),
        root.get("type", ""),
        active,
        autostart,
        path=root.findtext("target/path", ""),
        source=_source(root.find("source")),
        # Of an inactive pool libvirt says 0, which is not what it has.
        size_bytes=bytes_of(root.find("capacity")) if active else None,
        free_bytes=bytes_of(root.find("available")) if active else None,
    )


def _source(source: t.Optional[ElementTree.Element]) -> str:
    """Where it comes from, in a form that is the same on each host that has it."""
    if source is None:
        return ""
    hosts = ",".join(one.get("name", "") for one in source.iterfind("host"))
    directory, device, adapter = source.find("dir"), source.find("device"), source.find("adapter")
    place = source.findtext("name", "")
    for element, name in ((directory, "path"), (device, "path"), (adapter, "name")):
        if element is not None:
            place = element.get(name, "")
            break
    return f"{hosts}:{place}" if hosts else place
