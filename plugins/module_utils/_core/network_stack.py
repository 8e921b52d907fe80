# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The interfaces of a host from ``ip -j -d addr`` and /sys, and what stands on what."""

from __future__ import annotations

import typing as t

from .addresses import among
from .host_network import Interface

Plain = t.Mapping[str, t.Any]

_KINDS = {"bridge": "bridge", "bond": "bond", "vlan": "vlan", "veth": "veth", "tun": "tun", "macvlan": "macvlan"}
_KINDS.update({"macvtap": "macvlan", "openvswitch": "ovs", "team": "bond", "ipvlan": "macvlan", "vxlan": "other"})
_OVS_DATAPATH = "ovs-system"


class LinkFacts(t.NamedTuple):
    """What /sys/class/net says of an interface."""

    physical: bool = False
    speed_mbit_per_s: t.Optional[int] = None
    duplex: str = ""
    driver: str = ""


def interfaces(links: t.Iterable[Plain], facts: t.Mapping[str, LinkFacts]) -> list[Interface]:
    links = [link for link in links if link.get("ifname")]
    ports: dict[str, list[str]] = {}
    for link in links:
        if link.get("master"):
            ports.setdefault(link["master"], []).append(link["ifname"])
    return [_interface(link, facts.get(link["ifname"], LinkFacts()), ports.get(link["ifname"], [])) for link in links]


def _interface(link: Plain, facts: LinkFacts, ports: list[str]) -> Interface:
    info = link.get("linkinfo") or {}
    kind = _KINDS.get(info.get("info_kind", ""), "other" if info.get("info_kind") else "ethernet")
    if "LOOPBACK" in link.get("flags", []):
        kind = "loopback"
    # A veth's "link" is its other end, which it does not stand on.
    parent = [link["link"]] if kind in ("vlan", "macvlan", "other") and isinstance(link.get("link"), str) else []
    state = str(link.get("operstate", "")).upper()
    return Interface(
        link["ifname"],
        kind=kind,
        physical=facts.physical,
        up={"UP": True, "DOWN": False, "LOWERLAYERDOWN": False}.get(state, "LOWER_UP" in link.get("flags", [])),
        speed_mbit_per_s=facts.speed_mbit_per_s,
        duplex=facts.duplex,
        mtu=link.get("mtu"),
        driver=facts.driver,
        master=link.get("master", ""),
        lower=sorted([*parent, *ports]),
        vlan_id=(info.get("info_data") or {}).get("id") if kind == "vlan" else None,
        addresses=[
            f"{one['local']}/{one.get('prefixlen', 0)}" for one in link.get("addr_info", []) if one.get("local")
        ],
    )


def stack_of(name: str, known: t.Mapping[str, Interface]) -> list[str]:
    """The interface, and all that it stands on, down to the hardware; guests' taps on a bridge are not below it."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        one = waiting.pop(0)
        if one in found or one not in known:
            continue
        found.append(one)
        waiting += [
            lower for lower in known[one].lower if lower in known and known[lower].kind not in ("tun", "macvlan")
        ]
    return found


def speed_of(name: str, known: t.Mapping[str, Interface]) -> tuple[t.Optional[int], bool]:
    """The speed to expect of an interface, and whether it is that of real hardware.

    A bridge or VLAN is as fast as what is below it. A bond reports a speed of its own, which one migration, being one
    connection, cannot exceed its fastest port for.
    """
    real = [known[one] for one in stack_of(name, known) if known[one].physical]
    speeds = [one.speed_mbit_per_s for one in real if one.speed_mbit_per_s]
    if real:
        return (max(speeds) if speeds else None), True
    return (known[name].speed_mbit_per_s if name in known else None), False


def with_address(address: str, known: t.Iterable[Interface]) -> t.Optional[Interface]:
    """The interface that holds an address."""
    for one in known:
        if among(address, one.addresses):
            return one
    return None


def shared_with_guests(
    stack: t.Sequence[str], guest_links: t.Iterable[str], known: t.Mapping[str, Interface]
) -> list[str]:
    """Those of the guests' bridges and devices that stand on the same hardware as the migration interface."""
    hardware = set(stack)
    return sorted({link for link in guest_links if link in known and hardware & set(stack_of(link, known))})


def switched_by_ovs(stack: t.Iterable[str], known: t.Mapping[str, Interface]) -> bool:
    """Whether Open vSwitch is in the way, whose ports the kernel does not tell apart."""
    return any(known[one].kind == "ovs" or known[one].master == _OVS_DATAPATH for one in stack if one in known)
