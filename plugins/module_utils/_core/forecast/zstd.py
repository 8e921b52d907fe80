# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a guest's pages are compressed by zstd on several connections, and what comes of it.

It pays where the link carries less than idle processors compress. Of what a guest has in its memory nothing is known
beforehand; a mixed corpus stands for it (`transfer_costs.py`), and the worst course has pages that get no shorter.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace

from ..policy import Policy
from .simulation import MigrationFacts
from .transfer_costs import COMPRESSORS, ZSTD_RESTORES_BYTES_PER_S

DEFAULT_LEVEL = 1  # QEMU's own, and the one whose rate is known
_RATIO, _PER_THREAD = COMPRESSORS["zstd"].ratio, COMPRESSORS["zstd"].bytes_per_s or 0.0
_MOST_CONNECTIONS = 8  # a choice: each takes a thread of QEMU on either host
_LEAST_CONNECTIONS = 2  # QEMU's own
_PAYS = 1.3  # times what the link carries of pages as they are: for less it is not worth the processors; a choice
_LEAST_IDLE = 1.0  # processors on the source, so that compressing takes none from its guests; a choice


class ZstdChoice(t.NamedTuple):
    """``connections``: how many; ``ratio``: bytes of memory for each that the link carries, as is to be expected."""

    connections: int
    ratio: float


def zstd_by_wish(facts: MigrationFacts, connections: t.Optional[int]) -> ZstdChoice:
    """As the user wants it, on so many connections (None: as many as the link needs)."""
    bandwidth = facts.bandwidth_bytes_per_s
    wanted = connections or _connections(math.ceil(_RATIO * bandwidth / _PER_THREAD))
    return ZstdChoice(wanted, min(_RATIO, wanted * _PER_THREAD / bandwidth) if bandwidth else 1.0)


def zstd_that_pays(policy: Policy, facts: MigrationFacts, connections: t.Optional[int]) -> t.Optional[ZstdChoice]:
    """Where both hosts have it, no post-copy is allowed (it excludes that), and idle processors outdo the link.

    ``connections``: the user's word; 0 is the ordinary single one, which has no zstd.
    """
    bandwidth, idle = facts.bandwidth_bytes_per_s, facts.idle_processors
    if not facts.zstd_possible or connections == 0 or not bandwidth or idle is None:
        return None
    if policy.postcopy != "never" and facts.postcopy_possible and not facts.host_devices:
        return None
    source, destination = idle
    most = connections or _MOST_CONNECTIONS
    ratio = min(_RATIO, min(source, most) * _PER_THREAD / bandwidth)
    if source < _LEAST_IDLE or ratio < _PAYS or destination * ZSTD_RESTORES_BYTES_PER_S < ratio * bandwidth:
        return None
    return ZstdChoice(connections or _connections(math.ceil(ratio * bandwidth / _PER_THREAD)), ratio)


def with_zstd(facts: MigrationFacts, choice: ZstdChoice) -> MigrationFacts:
    """The facts of a migration by it: no xbzrle and no post-copy beside, and no connections to be planned.

    QEMU 11.1 takes a job with zstd and post-copy, and then its stream breaks and an abort of it does not end.
    """
    return replace(
        facts,
        zstd_ratio=choice.ratio,
        xbzrle_cache_bytes=0,
        parallel_connections=0,
        postcopy_possible=False,
    )


def _connections(threads: int) -> int:
    return min(_MOST_CONNECTIONS, max(_LEAST_CONNECTIONS, threads))
