# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: the ports that migrations arrive at."""

from __future__ import annotations

from .check_types import FAIL, WARN, Check, Finding, Pair, counted, failed, listed, passed, skipped, warned

_THEME = "network"
_FEW_PORTS = 4  # a choice: twice the transfers that a destination takes at a time


def _free(pair: Pair) -> Finding:
    path = pair.destination.migration
    if path.ports_used is None:
        return skipped("Which ports are in use on the destination is not known.")
    if path.port_max < path.port_min:
        return failed(
            f"The range of migration ports is empty: {path.port_min} to {path.port_max}.",
            "Correct migration_port_min and migration_port_max in qemu.conf on the destination.",
            port_min=path.port_min,
            port_max=path.port_max,
        )
    free, needed = len(path.ports) - len(path.ports_used), 1 if pair.options.copy_storage == "none" else 2
    by = [f"{one.process} ({one.pid})" for one in path.ports_used_by]
    evidence = {
        "port_min": path.port_min,
        "port_max": path.port_max,
        "free": free,
        "used": path.ports_used[:10],
        "used_by": by,
    }
    held = f" {listed(by)} {'has' if len(by) == 1 else 'have'} the others." if by else ""
    if free < needed:
        return failed(
            f"{free} of the ports {path.port_min} to {path.port_max} are free on the destination, and a migration needs"
            f" {needed}.{held}",
            "Find out who listens on them ('ss -ltnp'), or widen the range in qemu.conf on the destination.",
            **evidence,
        )
    if free < _FEW_PORTS * needed and len(path.ports) >= _FEW_PORTS * needed:
        return warned(
            f"Only {free} of the ports {path.port_min} to {path.port_max} are free on the destination.{held}",
            "Find out who listens on them ('ss -ltnp'), or widen the range in qemu.conf on the destination.",
            **evidence,
        )
    return passed(f"{counted(free, 'port')} free on the destination.", **evidence)


def _open(pair: Pair) -> Finding:
    """What a connection shows counts more than what rules say."""
    tried, path = pair.probe.port, pair.destination.migration
    opening = pair.destination.firewall.opening("migration")
    remedy = f"Let the source through to TCP ports {path.port_min} to {path.port_max} in the destination's firewall."
    if tried is not None:
        evidence = {"address": tried.address, "port": tried.port, "answer": tried.answer}
        if not tried.reached:
            return failed(
                f"Port {tried.port} of {tried.address} cannot be reached from the source: {tried.answer}.",
                remedy,
                **evidence,
            )
        if opening is None or opening.verdict in ("open", "unknown"):
            return passed("The migration ports can be reached from the source.", **evidence)
        return warned(
            f"Port {tried.port} can be reached from the source, but by its rules the firewall of the destination does"
            f" not let all of the migration ports in ({opening.reason}).",
            remedy,
            **evidence,
        )
    if opening is None or opening.verdict == "unknown":
        reason = f": {opening.reason}" if opening and opening.reason else ""
        return skipped(f"Whether the destination's firewall lets migrations in is not known{reason}.")
    evidence = {"firewall": pair.destination.firewall.kind, "verdict": opening.verdict}
    if opening.verdict == "open":
        return passed("The destination's firewall lets migrations in.", **evidence)
    if opening.verdict == "closed":
        return failed(f"The destination's firewall does not let migrations in: {opening.reason}.", remedy, **evidence)
    return warned(
        f"The destination's firewall lets migrations in under conditions: {opening.reason}.", remedy, **evidence
    )


def _listener(pair: Pair) -> Finding:
    """Which way the source's daemon could take, by what listens on the destination."""
    listeners = pair.destination.daemon.listeners
    if listeners is None:
        return skipped("What the destination's daemon listens on is not known.")
    found = sorted({one.transport for one in listeners})
    if not found:
        return failed(
            "Nothing on the destination listens for other hosts: neither libvirt by TCP or TLS nor SSH.",
            "Start one of libvirtd-tls.socket, virtproxyd-tls.socket, libvirtd-tcp.socket, virtproxyd-tcp.socket or"
            " sshd.",
        )
    if "tcp" in found and pair.destination.daemon.settings.get("auth_tcp") == "none":
        return warned(
            "The destination's libvirt takes connections by TCP without any login: whoever reaches it is root there.",
            "Use SSH or TLS, or restrict it to a network of the hosts.",
            transports=found,
        )
    return passed(f"The destination can be asked by {listed(found)}.", transports=found)


CHECKS = (
    Check(
        "daemon_listens", _THEME, "Does the destination listen for the source's daemon, and not for everybody?",
        "The migration does not start; or anybody could start one.", (WARN, FAIL), of_hosts=_listener,
    ),
    Check(
        "ports_free", _THEME, "Are ports free for the stream on the destination?",
        "libvirt refuses: unable to find an unused port in range 'migration'.", (WARN, FAIL), of_hosts=_free,
    ),
    Check(
        "ports_open", _THEME, "Does the destination's firewall let the stream in?",
        "The migration hangs at its start or is refused.", (WARN, FAIL), of_hosts=_open,
    ),
)  # fmt: skip
