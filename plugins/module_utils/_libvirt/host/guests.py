# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests of a host as its document has them. None of them is asked anything: libvirt answers from what it knows."""

from __future__ import annotations

import functools
import time
import typing as t
from dataclasses import replace
from xml.etree import ElementTree

from ..._core.balloon.statistics import MemoryStatistics, statistics_of
from ..._core.dataclass_json import changed, uncollected
from ..._core.errors import MigrationError
from ..._core.host.guest import GuestDocument
from ..._core.host.parse.domain_xml import needs_sent, parse_domain, with_sent
from ..._core.job.domain_state import DomainState
from ..._host.status_file import running_job
from ..connection import Connection, libvirt
from ..guest import Guest, all_guests
from ..timeout import each_within, hung, within

_CALL_LIMIT_S = 5.0
_MOST_SILENT = 3
_STATISTICS_LIMIT_S = 2.0  # only these are asked of QEMU, and a document is one without them, too
_AT_ONCE = 500  # definitions in memory
_MIGRATABLE = 1 << 3  # VIR_DOMAIN_XML_MIGRATABLE

# The errors that one guest may give without hiding the others.
_TROUBLE: t.Any = (MigrationError, ValueError, KeyError, ElementTree.ParseError)


class _Answer(t.NamedTuple):
    """What libvirt says of a guest."""

    xml: str
    state: DomainState
    persistent: bool
    autostart: bool
    snapshots: t.Optional[int]
    checkpoints: t.Optional[int]


def read_guests(
    connection: Connection, guests: t.Optional[t.Sequence[Guest]] = None
) -> tuple[list[GuestDocument], list[str]]:
    """The documents of these guests, or of all; and a line for each that cannot be read."""
    found: list[GuestDocument] = []
    problems: list[str] = []
    asked = list(all_guests(connection) if guests is None else guests)
    left, silent = list(asked), 0
    with uncollected():
        while left and silent < _MOST_SILENT:
            part, left = left[:_AT_ONCE], left[_AT_ONCE:]
            calls = [functools.partial(_ask, guest) for guest in part]
            answers = each_within(calls, _CALL_LIMIT_S, _MOST_SILENT - silent)
            for number, (guest, answer) in enumerate(zip(part, answers)):
                if answer is None and silent >= _MOST_SILENT:
                    left = [*part[number:], *left]
                    break
                silent += answer is None
                _add(guest, answer, connection.local, found, problems)
    found = _with_statistics(found, {guest.uuid: guest for guest in asked})
    not_asked = f"not asked, since {silent} guests before it gave no answer."
    return found, [*problems, *(f"{guest.name}: {not_asked}" for guest in left)]


def _add(
    guest: Guest,
    answer: t.Union[_Answer, Exception, None],
    local: bool,
    found: list[GuestDocument],
    problems: list[str],
) -> None:
    if answer is None:
        problems.append(f"{guest.name}: {hung(f'reading the definition of {guest.name!r}', _CALL_LIMIT_S)}")
        return
    try:
        if isinstance(answer, Exception):
            raise answer
        found.append(_read(guest, answer, local))
    except (libvirt.libvirtError, *_TROUBLE) as exc:
        problems.append(f"{guest.name}: {exc}")


def _ask(guest: Guest) -> _Answer:
    raw, state = guest.raw, guest.state()
    xml = raw.XMLDesc(0)
    persistent = bool(raw.isPersistent())
    autostart = bool(raw.autostart()) if persistent else False
    snapshots = _count(raw.snapshotNum)
    checkpoints = _count(lambda flags: len(raw.listAllCheckpoints(flags)))
    return _Answer(xml, state, persistent, autostart, snapshots, checkpoints)


def _read(guest: Guest, answer: _Answer, local: bool) -> GuestDocument:
    return changed(
        _as_sent(guest, parse_domain(answer.xml), active=answer.state.active),
        state=answer.state.name,
        state_reason=answer.state.reason_name,
        persistent=answer.persistent,
        autostart=answer.autostart,
        snapshots=answer.snapshots,
        checkpoints=answer.checkpoints,
        job=_job(guest, local) if answer.state.active else "",
    )


def _job(guest: Guest, local: bool) -> t.Optional[str]:
    """Of a guest that runs; None where libvirt's note of it is out of reach."""
    return running_job(guest.name, guest.uuid) if local else None


def _with_statistics(found: list[GuestDocument], guests: t.Mapping[str, Guest]) -> list[GuestDocument]:
    """What guests tell of their memory, of those that tell it regularly: any other figures are those of their start."""
    telling = [one for one in found if one.active and one.balloon.period_s and one.uuid in guests]
    calls = [functools.partial(_statistics, guests[one.uuid]) for one in telling]
    told = dict(zip((one.uuid for one in telling), each_within(calls, _STATISTICS_LIMIT_S, _MOST_SILENT)))
    return [_with_figures(one, told.get(one.uuid)) for one in found]


def _statistics(guest: Guest) -> MemoryStatistics:
    return statistics_of(guest.raw.memoryStats())


def _with_figures(guest: GuestDocument, told: t.Union[MemoryStatistics, Exception, None]) -> GuestDocument:
    if not isinstance(told, MemoryStatistics) or not told.fresh(time.time()):
        return guest
    figures = replace(
        guest.balloon,
        available_bytes=told.available_bytes,
        usable_bytes=told.usable_bytes,
        unused_bytes=told.unused_bytes,
    )
    return changed(guest, balloon=figures)


def _as_sent(guest: Guest, document: GuestDocument, *, active: bool) -> GuestDocument:
    """With what libvirt would send of it, where that cannot be told from the live definition."""
    if not active or not needs_sent(document):
        return document
    try:
        xml = within(lambda: guest.raw.XMLDesc(_MIGRATABLE), "reading what is sent of a guest", _CALL_LIMIT_S)
        return with_sent(document, xml)
    except libvirt.libvirtError:
        return document  # over a connection that may only read; then it is not known


def _count(ask: t.Callable[[int], int]) -> t.Optional[int]:
    """None where the driver or an old daemon has no such thing."""
    try:
        return int(ask(0))
    except libvirt.libvirtError:
        return None
