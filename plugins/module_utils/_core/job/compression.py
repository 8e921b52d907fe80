# SPDX-License-Identifier: GPL-3.0-or-later
"""What the compression of a job has come to: bytes on the wire for each byte of the pages that went through it.

xbzrle has counters of its own. Of what is compressed on several connections the statistics only have how many pages
went (``memory_normal``) and how many bytes that made, which QEMU counts as they are sent from 8.1 on.
"""

from __future__ import annotations

import typing as t

from .sample import JobSample, XbzrleCounters

_FIRST_OF_USE = 3  # the second pass fills the cache of xbzrle, the third finds its pages there
_TELLS_PAGES = 1024  # compressed or looked up: fewer say nothing; a choice


class CompressionUse(t.NamedTuple):
    """``wire_share``: bytes on the wire for each byte of these ``pages``. ``missed_share``: the part of them that was
    not in the cache, where there is one. ``cache_bytes``: its size."""

    pages: int
    wire_share: float
    missed_share: t.Optional[float] = None
    cache_bytes: t.Optional[int] = None

    def evidence(self) -> dict[str, t.Any]:
        figures: dict[str, t.Any] = {
            "compressed_to_percent": round(self.wire_share * 100, 1),
            "compression_pages": self.pages,
            "compression_cache_bytes": self.cache_bytes,
        }
        if self.missed_share is not None:
            figures["cache_misses_percent"] = round(self.missed_share * 100, 1)
        return {key: value for key, value in figures.items() if value is not None}


def compression_use(looks: t.Sequence[JobSample], *, parallel: bool = False) -> t.Optional[CompressionUse]:
    """What looks at one job (oldest first, at least one) say of its compression; None: nothing, or nothing yet.

    ``parallel``: whether it is known to be compressed on several connections, by a QEMU that counts what is sent.
    """
    last = looks[-1]
    if last.xbzrle is not None:
        return _xbzrle_use(looks, last.xbzrle, last.page_size_bytes)
    if not parallel or last.normal_pages is None:
        return None
    for before_pages, before_bytes in ((looks[0].normal_pages or 0, looks[0].memory.processed_bytes), (0, 0)):
        pages = last.normal_pages - before_pages
        if pages >= _TELLS_PAGES:
            return CompressionUse(pages, (last.memory.processed_bytes - before_bytes) / (pages * last.page_size_bytes))
    return None


def _xbzrle_use(looks: t.Sequence[JobSample], now: XbzrleCounters, page_bytes: int) -> t.Optional[CompressionUse]:
    """While it was watched, or since the start once two passes have had the cache to look into."""
    passes = [look.pass_number or 0 for look in looks]
    first = next(
        (look.xbzrle for look, number in zip(looks, passes) if number >= _FIRST_OF_USE and look.xbzrle is not None),
        None,
    )
    counted = [now.since(first)] if first is not None else []
    if passes[-1] > _FIRST_OF_USE:
        counted.append(now)
    for one in counted:
        found = max(one.pages, one.overflows)
        pages = found + one.cache_misses
        if pages >= _TELLS_PAGES:
            wire = max(one.encoded_bytes, one.overflows * page_bytes) + one.cache_misses * page_bytes
            return CompressionUse(pages, wire / (pages * page_bytes), one.cache_misses / pages, now.cache_bytes)
    return None
