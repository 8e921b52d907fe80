# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The guests of a host as its document has them. None of them is asked anything: libvirt answers from what it knows."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from xml.etree import ElementTree

from .._core.domain_document import Domain
from .._core.domain_xml import needs_sent, parse_domain, with_sent
from .._core.errors import MigrationError
from .connection import Connection, libvirt
from .domain import Guest, all_guests
from .guard import within
from .status_file import running_job

_CALL_LIMIT_S = 5.0
_MOST_SILENT = 3
_MIGRATABLE = 1 << 3  # VIR_DOMAIN_XML_MIGRATABLE

# The errors that one guest may give without hiding the others.
_TROUBLE: t.Any = (MigrationError, ValueError, KeyError, ElementTree.ParseError)


def read_domains(
    connection: Connection, guests: t.Optional[t.Sequence[Guest]] = None
) -> tuple[list[Domain], list[str]]:
    """These guests or all; and a problem for each that cannot be read."""
    found: list[Domain] = []
    problems: list[str] = []
    silent = 0
    for guest in all_guests(connection) if guests is None else guests:
        if silent >= _MOST_SILENT:
            problems.append(f"{guest.name}: not asked, since {silent} guests before it gave no answer.")
            continue
        try:
            found.append(_read(guest, connection.local))
        except (libvirt.libvirtError, *_TROUBLE) as exc:
            silent += isinstance(exc, MigrationError) and exc.reason == "MONITOR_HUNG"
            problems.append(f"{guest.name}: {exc}")
    return found, problems


def _read(guest: Guest, local: bool) -> Domain:
    state, raw = guest.state(), guest.raw
    xml = within(lambda: raw.XMLDesc(0), f"reading the definition of {guest.name!r}", _CALL_LIMIT_S)
    persistent = bool(raw.isPersistent())
    return replace(
        _as_sent(guest, parse_domain(xml), active=state.active),
        state=state.name,
        state_reason=state.reason_name,
        persistent=persistent,
        autostart=bool(raw.autostart()) if persistent else False,
        snapshots=_count(raw.snapshotNum),
        checkpoints=_count(lambda flags: len(raw.listAllCheckpoints(flags))),
        job=running_job(guest.name, guest.uuid) if local else "",
    )


def _as_sent(guest: Guest, domain: Domain, *, active: bool) -> Domain:
    """With what libvirt would send of it, where that cannot be told from the live definition."""
    if not active or not needs_sent(domain):
        return domain
    try:
        xml = within(lambda: guest.raw.XMLDesc(_MIGRATABLE), "reading what is sent of a guest", _CALL_LIMIT_S)
        return with_sent(domain, xml)
    except libvirt.libvirtError:
        return domain  # over a connection that may only read; then it is not known


def _count(ask: t.Callable[[int], int]) -> t.Optional[int]:
    """None where the driver or an old daemon has no such thing."""
    try:
        return int(ask(0))
    except libvirt.libvirtError:
        return None
