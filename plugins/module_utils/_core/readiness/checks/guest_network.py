# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: what the guest's own network needs on the destination."""

from __future__ import annotations

import typing as t

from ...host.document import HostDocument
from ...host.guest import Nic
from .check_types import FAIL, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned

_THEME = "guest network"
_NOTHING_NEEDED = ("user", "ethernet", "hostdev", "vdpa", "null")
# Connected by passt, which does not start without the interface that it is told to take (passt(1), --interface).
_BY_PASST = ("user", "vhostuser")


def _here(nic: Nic, host: HostDocument) -> str:
    """The bridge or device of its own host that a guest's interface is connected to."""
    own = nic.bridge if nic.type == "bridge" else nic.device if nic.type == "direct" else ""
    return own or _there_link(nic, host)


def _there_link(nic: Nic, host: HostDocument) -> str:
    """Where it would be connected on another host: a migration sends a network's name, not the bridge that it gave."""
    if nic.network:
        network = host.network(nic.network)
        return (network.bridge or network.device) if network else ""
    return nic.bridge if nic.type == "bridge" else nic.device if nic.type == "direct" else ""


def _needs_nothing(nic: Nic) -> bool:
    unmanaged = nic.type == "ethernet" and nic.managed is False
    names_one = nic.type in _BY_PASST and nic.device != ""
    return nic.type in _NOTHING_NEEDED and not nic.network and not unmanaged and not names_one


def _there(case: Case) -> Finding:
    host = case.destination
    missing: list[str] = []
    unknown: list[str] = []
    for nic in case.arriving.interfaces:
        if nic.filter and host.network_filters is None:
            unknown.append(f"the network filter {nic.filter!r}")
        elif nic.filter and nic.filter not in (host.network_filters or []):
            missing.append(f"there is no network filter {nic.filter!r}")
        if _needs_nothing(nic):
            continue
        problem = _problem(nic, host)
        if problem is None:
            unknown.append(f"the network {nic.network!r}" if nic.network else f"{nic.type} of {nic.mac}")
        elif problem:
            missing.append(problem)
    if missing:
        return failed(
            f"On {host.name} {listed(missing)}.",
            "Create or start what is missing there. Where it has another name there, say so in destination_changes.",
            missing=missing,
        )
    if unknown:
        return skipped(f"Whether the destination has what the guest's network needs is not known: {listed(unknown)}.")
    return passed("The destination has all that the guest's network needs.")


def _problem(nic: Nic, host: HostDocument) -> t.Optional[str]:
    """What is missing; an empty text for nothing, None when it is not known."""
    if nic.network:
        network = host.network(nic.network)
        if network is None:
            return None if host.networks is None else f"there is no network {nic.network!r}"
        if network.active is False:
            return f"the network {nic.network!r} is not started"
        if nic.portgroup and nic.portgroup not in network.portgroups:
            return f"the network {nic.network!r} has no port group {nic.portgroup!r}"
        return ""
    if nic.type == "ethernet":
        if host.interfaces is None or not nic.target:
            return None
        return "" if host.interface(nic.target) else f"there is no tap {nic.target!r}, which libvirt does not make"
    if nic.type in _BY_PASST and nic.device and host.interfaces is not None and host.interface(nic.device) is None:
        return f"there is no interface {nic.device!r}"
    if nic.type == "user":
        return None if host.interfaces is None else ""
    name, kind = (nic.bridge, "bridge") if nic.type == "bridge" else (nic.device, "interface")
    if nic.type not in ("bridge", "direct") or not name or host.interfaces is None:
        return None
    found = host.interface(name)
    if found is None:
        return f"there is no {kind} {name!r}"
    if kind == "bridge" and found.kind not in ("bridge", "ovs"):
        return f"{name!r} is no bridge, but of kind {found.kind}"
    if kind == "bridge" and (nic.virtualport == "openvswitch") != (found.kind == "ovs"):
        return (
            f"{name!r} is {'a bridge of Open vSwitch' if found.kind == 'ovs' else 'a bridge of Linux'}, and the guest's"
            f" interface is {'not ' if found.kind == 'ovs' else ''}for Open vSwitch"
        )
    return f"the {kind} {name!r} is down" if found.up is False and nic.type == "direct" else ""


def _mtu(case: Case) -> Finding:
    smaller: list[str] = []
    larger: list[str] = []
    compared = 0
    for nic, arriving in zip(case.guest.interfaces, case.arriving.interfaces):
        here = _mtu_of(nic, case.source, _here(nic, case.source))
        there = _mtu_of(arriving, case.destination, _there_link(arriving, case.destination))
        if here is None or there is None:
            continue
        compared += 1
        words = f"{_here(nic, case.source) or nic.mac}: {here} on the source, {there} on the destination"
        # A guest that was told an MTU of its own keeps to it, and loses what the bridge here does not carry already.
        if there < min(nic.mtu or here, here):
            smaller.append(words)
        elif there > here:
            larger.append(words)
    remedy = "Set the same MTU on the bridges of both hosts."
    if smaller:
        return failed(
            f"The guest's network has a smaller MTU on the destination: {listed(smaller)}. Its large packets would be"
            " lost.",
            remedy,
            networks=smaller,
        )
    if larger:
        summary = f"The guest's network has another MTU on the destination: {listed(larger)}."
        return warned(summary, remedy, networks=larger)
    if not compared:
        return skipped("The guest has no network whose MTU is known on both hosts.")
    return passed("The guest's networks have the same MTU on both hosts.")


def _mtu_of(nic: Nic, host: HostDocument, link: str) -> t.Optional[int]:
    found = host.interface(link) if link else None
    network = host.network(nic.network) if nic.network else None
    return found.mtu if found else network.mtu if network else None


CHECKS = (
    Check(
        "guest_networks", _THEME, "Are the guest's networks, bridges and devices there on the destination?",
        "The migration fails at its start, or the guest arrives without a network.", (FAIL,),
        of_guest=_there, needs_running=False,
    ),
    Check(
        "guest_mtu", _THEME, "Have they the same MTU on both hosts?",
        "The guest runs on, and its large packets are lost.", (WARN, FAIL), of_guest=_mtu, needs_running=False,
    ),
)  # fmt: skip
