# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transfer costs beside its bytes, each figure with where it is known from. Sizes in bytes, rates in bytes/s."""

from __future__ import annotations

import typing as t

from ..units import GIB

PAGE = 4096
# QEMU's stream, migration/ram.c: eight bytes of flags and offset before each page, and one more in place of a page of
# zeros. 8192 MiB of which 1808.6 MiB were used were 1826.6 MiB on the wire (LordWicked/live-migration-thesis-code).
PAGE_HEADER_BYTES, ZERO_PAGE_BYTES = 8, 9

# In post-copy the destination places each page of zeros by a call to the kernel: 1.9 s and 2.1 s for 1.8 and 2.6 GiB of
# 8 GiB, over a loopback that carried 20 Gbit/s; both make 6.6 GiB/s (LordWicked/live-migration-thesis-code).
ZEROS_PLACED_BYTES_PER_S = 6.6 * GIB

# One connection and the thread that feeds it, where nothing else is the limit: 20 Gbit/s (the same). 2.9 to 3.3 GB/s
# were seen as well (free page hint v9, qemu-devel 2018), and 0.25 GB/s on a host of 2013.
ONE_CONNECTION_BYTES_PER_S = 2.5e9

# QEMU asks whether the rest fits after each round of sending. A round is what its own limit allows in 100 ms, or 50 ms
# where the link is the limit (migration/migration.h: XFER_LIMIT_RATIO; migration/ram.c: MAX_WAIT).
ROUND_LIMITED_MS, ROUND_MS = 100, 50


class Compressor(t.NamedTuple):
    """``ratio``: bytes of memory for one on the wire; ``bytes_per_s``: memory that one thread gets through (None: it
    is done by a device)."""

    ratio: float
    bytes_per_s: t.Optional[float]


# The lowest level of each on the Silesia corpus, by the table in the README of facebook/zstd. What a guest has in its
# memory may compress better (much of it is nearly empty) or not at all (encrypted, media).
COMPRESSORS: t.Mapping[str, Compressor] = {
    "zstd": Compressor(2.887, 510e6),
    "zlib": Compressor(2.743, 95e6),
    "qatzip": Compressor(2.743, None),
}


ZSTD_RESTORES_BYTES_PER_S = 1580e6  # of memory, by one thread on the destination; the same table


def on_the_wire(page_bytes: float, zero_bytes: float = 0.0) -> float:
    """Bytes that so much memory takes, of which ``zero_bytes`` are pages of zeros."""
    return page_bytes * (1 + PAGE_HEADER_BYTES / PAGE) + zero_bytes * ZERO_PAGE_BYTES / PAGE


def sending_s(wire_bytes: float, bandwidth: float, link: float, scanning_s: float = 0.0) -> float:
    """How long a pass takes that looks at pages of zeros for ``scanning_s`` beside.

    A stream that is kept below what its link carries waits most of the time, and pages of zeros are looked at
    meanwhile. A stream that fills its link stands while they are.
    """
    return max(wire_bytes / bandwidth, wire_bytes / max(link, bandwidth) + scanning_s)
