# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the compression of a stuck job is of no use: what is sent does not get less by it, or slower than without."""

from __future__ import annotations

import typing as t

from ..job.compression import CompressionUse
from ..units import human_bytes, human_rate
from .case import Cause, JobCase, rates, stands_still
from .remedies import Remedy
from .verdict import Reason

_SAVES_NOTHING = 0.9  # bytes on the wire per byte of a page: comparing or compressing costs more than that is worth
_MISSED = 0.5  # of the pages looked up, from where on it is the cache that is too small, and not what is written
_BUSY = 0.9  # of the time of the threads that compress: then they are the limit, and not the link
_SLOWED_SHARE = 0.9  # of what it sent before
_WATCHED_S = 3.0  # for less nothing is said of a rate that has fallen


def compression_useless(case: JobCase) -> t.Optional[Cause]:
    """The cause, when what is sent does not get less, or when the processors that compress hold the job up."""
    use = case.compression
    if use is None:
        return None
    if use.wire_share > _SAVES_NOTHING:
        return _saves_nothing(case, use)
    return _holds_it_up(case, use)


def _saves_nothing(case: JobCase, use: CompressionUse) -> Cause:
    seen = case.seen
    before = seen.average_before_bytes_per_s
    fell = seen.observed_s >= _WATCHED_S and seen.bandwidth_bytes_per_s < _SLOWED_SHARE * before
    missed = use.missed_share is not None and use.missed_share >= _MISSED
    if missed:
        why = f"{use.missed_share:.1%} of the pages are not in its cache of {human_bytes(use.cache_bytes or 0)}"
    elif use.missed_share is not None:
        why = "pages are found in its cache, but what is written to them is no shorter encoded"
    else:
        why = "what is in its memory does not get shorter (encrypted, compressed already, or random)"
    slower = f", and comparing takes time: {human_rate(before)} were sent before" if fell and missed else ""
    larger = _larger_cache(case, use) if missed else None
    return Cause(
        Reason.COMPRESSION_USELESS,
        f"The compression of {case.guest} saves nothing: a page takes {use.wire_share:.0%} of its size on the wire, as"
        f" {why}{slower}. {_does_not_finish(case)}",
        evidence={"bandwidth_before_bytes_per_s": before if fell else None},
        anew=[*([larger] if larger else []), case.remedies.without_compression()],
    )


def _holds_it_up(case: JobCase, use: CompressionUse) -> t.Optional[Cause]:
    """Where processors are the limit, and more memory would go over the link as it is."""
    busy, link = case.context.sending_busy, case.context.link_bytes_per_s
    memory_per_s = int(case.seen.bandwidth_bytes_per_s / use.wire_share) if use.wire_share > 0 else 0
    if busy is None or busy < _BUSY or (link and memory_per_s >= link):
        return None
    without = f", where the link carries {human_rate(link)} of it as it is" if link else ""
    return Cause(
        Reason.COMPRESSION_USELESS,
        f"The processors that compress {case.guest} are the limit, and not the link: their threads run for {busy:.0%}"
        f" of the time and get through {human_rate(memory_per_s)} of memory{without}. {_does_not_finish(case)}",
        evidence={"sending_busy_percent": round(busy * 100), "compressed_memory_bytes_per_s": memory_per_s},
        anew=[case.remedies.without_compression()],
    )


def _does_not_finish(case: JobCase) -> str:
    return f"It never finishes on its own: {rates(case)}, and {stands_still(case.seen)}."


def _larger_cache(case: JobCase, use: CompressionUse) -> t.Optional[Remedy]:
    """A cache that holds what a pass rewrites; None where that is not known, or it has one already."""
    rewritten = 0 if case.seen.floor_is_unknown or case.seen.floor_is_too_low else case.seen.floor_bytes
    size = 1 << max(0, rewritten - 1).bit_length()
    if rewritten <= 0 or size <= (use.cache_bytes or 0):
        return None
    return case.remedies.larger_cache(rewritten, size)
