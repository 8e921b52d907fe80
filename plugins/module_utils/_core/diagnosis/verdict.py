# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a diagnosis, and what it is made from and given out as."""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass, field

from ..policy import Policy
from ..postcopy_obstacles import Obstacle
from .remedies import Remedy


class Verdict(str, enum.Enum):
    """How a job is doing. ``STALLED``: nothing moves at all; ``STUCK``: it moves and never ends."""

    CONVERGING = "converging"
    STUCK = "stuck"
    STALLED = "stalled"
    FINISHING = "finishing"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    NONE = "none"


class Reason(str, enum.Enum):
    """Stable codes; users match on them."""

    NO_JOB = "NO_JOB"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    INCOMING = "INCOMING"
    NOT_A_MIGRATION = "NOT_A_MIGRATION"
    CONVERGING = "CONVERGING"
    FIRST_PASS = "FIRST_PASS"
    RATES_CLOSE = "RATES_CLOSE"
    SETUP_SLOW = "SETUP_SLOW"
    BANDWIDTH_CAP = "BANDWIDTH_CAP"
    COMPRESSION_USELESS = "COMPRESSION_USELESS"
    LINK_SHARED = "LINK_SHARED"
    LINK_SLOW = "LINK_SLOW"
    NETWORK_STALL = "NETWORK_STALL"
    DOWNTIME_LIMIT_LOW = "DOWNTIME_LIMIT_LOW"
    DIRTY_RATE = "DIRTY_RATE"
    THROTTLE_EXHAUSTED = "THROTTLE_EXHAUSTED"
    STORAGE_COPY = "STORAGE_COPY"
    SWITCHOVER_BLOCKED = "SWITCHOVER_BLOCKED"
    SUSPENDED = "SUSPENDED"
    POSTCOPY_RUNNING = "POSTCOPY_RUNNING"
    POSTCOPY_BROKEN = "POSTCOPY_BROKEN"


@dataclass(frozen=True)
class Context:
    """What is known beside the job's own statistics.

    ``link_bytes_per_s``: what the link should carry; ``postcopy_flag``, ``auto_converge_flag``: whether the job was
    started with it (None: not known); ``other_streams``: other migrations that leave the same host now.
    ``parallel_compression``: whether it is compressed on several connections, by a QEMU that counts what is sent (8.1);
    ``sending_busy``: the part of the time for which the threads run that compress and send (0 to 1; None: not known).
    ``postcopy_obstacles``: what of the guest post-copy cannot cope with, as far as it is known.
    """

    policy: Policy = field(default_factory=Policy)
    link_bytes_per_s: t.Optional[int] = None
    postcopy_flag: t.Optional[bool] = None
    other_streams: int = 0
    parallel_compression: bool = False
    sending_busy: t.Optional[float] = None
    postcopy_obstacles: t.Sequence[Obstacle] = ()
    auto_converge_flag: t.Optional[bool] = None


@dataclass(frozen=True)
class Diagnosis:
    """``summary``: one or two sentences; ``evidence``: the figures behind it, with units in their names."""

    verdict: Verdict
    reason: Reason
    summary: str
    evidence: t.Mapping[str, t.Any] = field(default_factory=dict)
    remedies: t.Sequence[Remedy] = ()

    def document(self) -> dict[str, t.Any]:
        return {
            "verdict": self.verdict.value,
            "reason": self.reason.value,
            "summary": self.summary,
            "evidence": dict(self.evidence),
            "remedies": [remedy.document() for remedy in self.remedies],
        }
