# SPDX-License-Identifier: GPL-3.0-or-later
"""How several migrations share one link.

Equal parts make busy guests hopeless: each then rewrites more than its part carries. So a guest that is stuck, and
would finish with more, gets that first, the one that needs least before the others; what is left is shared equally.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..dataclass_json import Amount, from_plain
from ..errors import MigrationError
from ..units import MIB

_MARGIN = 1.1  # times what it needs by a forecast, which may be a little low; a choice
_ROUNDING = 1e-6  # MiB/s; sums of many parts are as far off at most
_LEAST_PART = 0.25  # of an equal one, a choice: a migration that gets nothing sends its pages in vain
_SENDING = ("", "setup", "precopy", "switchover")
_IN_POSTCOPY = ("postcopy", "postcopy_failed")


@dataclass(frozen=True)
class Stream:
    """One migration. ``need_mib_per_s``: with so much it finishes, where more than an equal part is called for.

    ``limited``: whether its limit can be set; one in post-copy takes what it needs, and its part is kept free.
    """

    name: str
    uuid: str
    need_mib_per_s: t.Optional[float] = None
    limited: bool = True


@dataclass(frozen=True)
class _Evidence:
    needed_bandwidth_bytes_per_s: t.Optional[Amount] = None


@dataclass(frozen=True)
class _Diagnosis:
    verdict: t.Optional[str] = None
    evidence: t.Optional[_Evidence] = None


@dataclass(frozen=True)
class _Document:
    """What is looked at of a job document, or of a guest."""

    name: t.Optional[str] = None
    uuid: t.Optional[str] = None
    phase: t.Optional[str] = None
    operation: t.Optional[str] = "outgoing"
    least_bandwidth_mib_per_s: t.Optional[Amount] = None
    diagnosis: t.Optional[_Diagnosis] = None


def stream_from(document: t.Any, where: str = "job") -> t.Optional[Stream]:
    """From a job document, or from a guest with ``name``, ``uuid`` and perhaps ``least_bandwidth_mib_per_s``.

    None for a job that sends nothing any more, or that another host sends. Raises NOT_A_MIGRATION.
    """
    remedy = "Give the jobs that migration_job_info returns, or guests, each with name and uuid."
    found = from_plain(_Document, document, where, reason="NOT_A_MIGRATION", remedy=remedy)
    phase = found.phase or ""
    if found.operation != "outgoing" or phase not in (*_SENDING, *_IN_POSTCOPY):
        return None
    if found.name is None or not found.uuid:
        raise MigrationError(
            "NOT_A_MIGRATION",
            f"Expected a job document or a guest, with name and uuid, but {where} has the name {found.name!r:.80} and"
            f" the UUID {found.uuid!r:.80}.",
            remedy=remedy,
        )
    return Stream(found.name, found.uuid, _need(found), phase not in _IN_POSTCOPY)


def _need(found: _Document) -> t.Optional[float]:
    if found.least_bandwidth_mib_per_s is not None and found.least_bandwidth_mib_per_s > 0:
        return float(found.least_bandwidth_mib_per_s)
    diagnosis = found.diagnosis or _Diagnosis()
    needed = (diagnosis.evidence or _Evidence()).needed_bandwidth_bytes_per_s
    return float(needed) / MIB if diagnosis.verdict == "stuck" and needed is not None and needed > 0 else None


def shares(link_mib_per_s: float, streams: t.Sequence[Stream]) -> dict[str, int]:
    """The limit of each stream that has one, by UUID, in whole MiB/s from 1 up.

    Together they are never more than the link, unless there are more streams than MiB/s.
    """
    if link_mib_per_s < 1:
        raise MigrationError(
            "OUT_OF_RANGE",
            f"The link carries {link_mib_per_s:g} MiB/s, but must carry 1 at least.",
            state="Nothing was changed.",
            remedy="Say what the link carries in MiB/s; one of 10 Gb/s carries about 1100.",
        )
    limited = [one for one in streams if one.limited]
    if not limited:
        return {}
    equal = link_mib_per_s / len(streams)
    left = link_mib_per_s - equal * (len(streams) - len(limited))
    floors = {one.uuid: _LEAST_PART * equal for one in limited}
    taken = sum(floors.values())
    # Less than what it needs would not help it, so it is all of that or no more than the others have.
    for one in sorted(limited, key=lambda each: (each.need_mib_per_s or 0, each.uuid)):
        wanted = (one.need_mib_per_s or 0) * _MARGIN
        floor = floors[one.uuid]
        if floor < wanted <= left - taken + floor + _ROUNDING:
            floors[one.uuid] = wanted
            taken += wanted - floor
    level = _level(left, list(floors.values()))
    return {uuid: max(1, int(max(floor, level))) for uuid, floor in floors.items()}


def _level(left: float, floors: list[float]) -> float:
    """What each gets at least, when those above it keep what they have."""
    others = len(floors)
    for floor in sorted(floors, reverse=True):
        if others == 1 or floor <= left / others:
            break
        left, others = left - floor, others - 1
    return left / others
