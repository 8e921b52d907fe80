# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: are they two hosts and is it one guest, and what names lead to."""

from __future__ import annotations

from ...addresses import is_loopback
from .check_types import FAIL, WARN, Case, Check, Finding, Pair, failed, passed, skipped, warned

_THEME = "identity"


def _same_host(pair: Pair) -> Finding:
    source, destination = pair.source, pair.destination
    if not source.uuid or not destination.uuid:
        return skipped("The UUID of one of the hosts is not known.")
    if source.uuid != destination.uuid:
        return passed("They are two hosts.")
    if source.name == destination.name:
        return failed(
            f"The destination is the host that the guest is on, {source.name}.",
            "Name another host.",
            host_uuid=source.uuid,
        )
    return failed(
        f"{source.name} and {destination.name} have the same host UUID, so that libvirt takes them for one host.",
        "Give one of them another one: host_uuid (or host_uuid_source = 'machine-id') in libvirtd.conf or"
        " virtqemud.conf, then restart the daemon.",
        host_uuid=source.uuid,
    )


def _uuid_free(case: Case) -> Finding:
    guest, other = case.guest, case.residents.of_uuid(case.guest.uuid)
    if other is None:
        return passed("No guest of the destination has its UUID.")
    if other.active:
        return failed(
            f"A guest with this UUID is {other.state} on the destination already ({other.name!r}).",
            "Find out which of the two is the real one before anything else. Two that run on one disk destroy it.",
            uuid=guest.uuid,
            destination_state=other.state,
        )
    if other.name == guest.name:
        return passed("The destination has its definition, and it does not run there.")
    return failed(
        f"The destination has another guest with this UUID, {other.name!r}.",
        "Undefine it there, or define it again with a UUID of its own.",
        uuid=guest.uuid,
        destination_name=other.name,
    )


def _name_free(case: Case) -> Finding:
    other = case.residents.other_of_name(case.guest)
    if other is None:
        return passed("No other guest of the destination has its name.")
    return failed(
        f"The destination has another guest of this name ({other.state or 'state not known'}).",
        "Rename one of them, or give the migration another name for it (--dname).",
        destination_uuid=other.uuid,
    )


def _destination_name(pair: Pair) -> Finding:
    """Without an address of its own in qemu.conf the destination announces its name, and the source resolves that."""
    destination, seen = pair.destination, pair.probe.name_addresses
    if destination.migration.address_from.startswith("qemu.conf migration_host"):
        return passed("The destination announces an address of its own for migrations.")
    remedy = (
        "Set migration_host in qemu.conf on the destination to its address in the migration network, or correct its"
        " name and /etc/hosts on both hosts. Never set it to a loopback address: the daemon would not start."
    )
    if destination.hostname.startswith("localhost"):
        return failed(f"The destination calls itself {destination.hostname}.", remedy, hostname=destination.hostname)
    if seen is not None and (not seen or all(is_loopback(one) for one in seen)):
        return failed(
            f"On the source the destination's name {destination.hostname} leads to"
            f" {'the source itself' if seen else 'nowhere'}.",
            remedy,
            hostname=destination.hostname,
            addresses=list(seen),
        )
    own = destination.hostname_addresses
    if own and all(is_loopback(one) for one in own):
        return warned(
            f"On the destination its own name {destination.hostname} leads to a loopback address only.",
            remedy,
            hostname=destination.hostname,
            addresses=own,
        )
    if seen is None and own is None:
        return skipped("What the destination's name leads to is not known.")
    return passed("The destination's name leads to it.", addresses=list(seen or own or []))


def _cordon(pair: Pair) -> Finding:
    cordoned = pair.destination.cordoned
    if cordoned is None:
        return skipped("Whether the destination takes guests is not known.")
    if not cordoned:
        return passed("The destination takes guests.")
    return failed(
        "The destination takes no guests: it is being emptied, or somebody has cordoned it.",
        "Choose another one, or let it take guests again with host_cordon or return_home.",
    )


CHECKS = (
    Check(
        "same_host", _THEME, "Are source and destination two hosts to libvirt?",
        "libvirt refuses: attempt to migrate guest to the same host.", (FAIL,), of_hosts=_same_host,
    ),
    Check(
        "uuid_free", _THEME, "Is the guest's UUID free on the destination, or taken by its own definition only?",
        "libvirt refuses; or the guest runs twice already.", (FAIL,), of_guest=_uuid_free, needs_running=False,
    ),
    Check(
        "name_free", _THEME, "Is the guest's name free on the destination?",
        "libvirt refuses: the name is taken.", (FAIL,), of_guest=_name_free, needs_running=False,
    ),
    Check(
        "destination_name", _THEME, "Does the name that the destination announces lead to it?",
        "The stream goes to the source itself, or nowhere.", (WARN, FAIL), of_hosts=_destination_name,
    ),
    Check(
        "cordon", _THEME, "Does the destination take guests?",
        "It is being emptied, and a guest that comes has to go again.", (FAIL,), of_hosts=_cordon,
    ),
)  # fmt: skip
