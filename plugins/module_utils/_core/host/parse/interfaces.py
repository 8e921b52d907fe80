# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces of a host from ``ip -j -d addr`` and /sys, and what stands on what."""

from __future__ import annotations

import collections
import typing as t

from ...addresses import among
from ...json_text import is_whole
from ...unreadable_text import odd
from ..network import Interface

Plain = t.Mapping[str, t.Any]

_KINDS = {"bridge": "bridge", "bond": "bond", "vlan": "vlan", "veth": "veth", "tun": "tun", "macvlan": "macvlan"}
_KINDS.update({"macvtap": "macvlan", "openvswitch": "ovs", "team": "bond", "ipvlan": "macvlan", "vxlan": "other"})
_STATES = {"UP": True, "DOWN": False, "LOWERLAYERDOWN": False}
_ON_TOP = ("tun", "macvlan")  # of guests: what has such a port does not stand on it
_OVS_DATAPATH = "ovs-system"


class LinkFacts(t.NamedTuple):
    """What /sys/class/net says of an interface."""

    physical: bool = False
    speed_mbit_per_s: t.Optional[int] = None
    duplex: str = ""
    driver: str = ""


def interfaces(links: t.Any, facts: t.Mapping[str, LinkFacts]) -> list[Interface]:
    """``links``: what ``ip -j -d addr`` printed. What is odd in one link is not known; ODD_TEXT where it is no list of
    links at all. ip prints an empty link for each one that it leaves out."""
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise odd("What ip says of the interfaces")
    known = {name: link for link in links for name in [_text(link, "ifname")] if name}
    ports: dict[str, list[str]] = {}
    for name, link in known.items():
        if _text(link, "master"):
            ports.setdefault(_text(link, "master"), []).append(name)
    return [_interface(name, link, facts.get(name, LinkFacts()), ports.get(name, [])) for name, link in known.items()]


def _interface(name: str, link: Plain, facts: LinkFacts, ports: list[str]) -> Interface:
    info = _dictionary(link, "linkinfo")
    info_kind, flags = _text(info, "info_kind"), link.get("flags")
    kind = _KINDS.get(info_kind, "other" if info_kind else "ethernet")
    if isinstance(flags, list) and "LOOPBACK" in flags:
        kind = "loopback"
    # A veth's "link" is its other end, which it does not stand on.
    parent = [_text(link, "link")] if kind in ("vlan", "macvlan", "other") and _text(link, "link") else []
    carrier = "LOWER_UP" in flags if isinstance(flags, list) else None
    return Interface(
        name,
        kind=kind,
        physical=facts.physical,
        up=_STATES.get(_text(link, "operstate").upper(), carrier),
        speed_mbit_per_s=facts.speed_mbit_per_s,
        duplex=facts.duplex,
        mtu=_positive(link, "mtu"),
        driver=facts.driver,
        master=_text(link, "master"),
        lower=sorted([*parent, *ports]),
        vlan_id=_positive(_dictionary(info, "info_data"), "id") if kind == "vlan" else None,
        addresses=_addresses(link.get("addr_info")),
    )


def _addresses(value: t.Any) -> list[str]:
    entries = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    return [_text(one, "local") + _prefix(one.get("prefixlen")) for one in entries if _text(one, "local")]


def _prefix(length: t.Any) -> str:
    return f"/{length}" if is_whole(length) and 0 <= length <= 128 else ""


def devices_of_routes(routes: t.Any) -> set[str]:
    """The devices that ``ip -j route`` names: of several ways to one place one level deeper. Raises ODD_TEXT."""
    if not isinstance(routes, list):
        raise odd("What ip says of the routes")
    found: set[str] = set()
    for route in routes:
        hops = route.get("nexthops", []) if isinstance(route, dict) else None
        if not isinstance(hops, list) or not all(isinstance(hop, dict) for hop in hops):
            raise odd("What ip says of the routes")
        found |= {_text(one, "dev") for one in (route, *hops)}
    return found - {""}


def _text(plain: Plain, key: str) -> str:
    value = plain.get(key)
    return value if isinstance(value, str) else ""


def _positive(plain: Plain, key: str) -> t.Optional[int]:
    value = plain.get(key)
    return value if value is not None and is_whole(value) and 0 < value < 2**32 else None


def _dictionary(plain: Plain, key: str) -> Plain:
    value = plain.get(key)
    return value if isinstance(value, dict) else {}


def stack_of(name: str, known: t.Mapping[str, Interface]) -> list[str]:
    """The interface, and all that it stands on, down to the hardware; guests' taps on a bridge are not below it."""
    found: dict[str, None] = {}
    waiting = collections.deque([name])
    while waiting:
        one = waiting.popleft()
        if one in found or one not in known:
            continue
        found[one] = None
        waiting += [lower for lower in known[one].lower if lower in known and known[lower].kind not in _ON_TOP]
    return list(found)


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
    return sorted(set(guest_links) & standing_on(stack, known))


def standing_on(names: t.Iterable[str], known: t.Mapping[str, Interface]) -> set[str]:
    """These, and all interfaces with one of them in their stack."""
    uppers: dict[str, list[str]] = {}
    for one in known.values():
        for lower in one.lower:
            uppers.setdefault(lower, []).append(one.name)
    waiting = [name for name in names if name in known]
    found: set[str] = set()
    while waiting:
        one_name = waiting.pop()
        if one_name not in found:
            found.add(one_name)
            waiting += uppers.get(one_name, []) if known[one_name].kind not in _ON_TOP else []
    return found


def switched_by_ovs(stack: t.Iterable[str], known: t.Mapping[str, Interface]) -> bool:
    """Whether Open vSwitch is in the way, whose ports the kernel does not tell apart."""
    return any(known[one].kind == "ovs" or known[one].master == _OVS_DATAPATH for one in stack if one in known)
