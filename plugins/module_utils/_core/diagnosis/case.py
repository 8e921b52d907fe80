# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as the rules of the diagnosis see it, and how they say what they have found."""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass

from ..job.compression import CompressionUse, compression_use
from ..job.observation import Observation
from ..units import human_ms, human_rate
from .remedies import Remedies, Remedy
from .verdict import Context, Diagnosis, Reason, Verdict


@dataclass(frozen=True)
class JobCase:
    """What a diagnosis is made from, and the remedies that it may name. ``guest``: its name, or its UUID without."""

    seen: Observation
    context: Context
    remedies: Remedies
    guest: str

    @property
    def silent_text(self) -> str:
        """How long no byte has been sent, for a sentence."""
        return human_ms(self.seen.silent_s * 1000)

    @functools.cached_property
    def compression(self) -> t.Optional[CompressionUse]:
        """What the compression of the job has come to; None where it has none, or that is not known."""
        return compression_use(self.seen.samples, parallel=self.context.parallel_compression)

    def diagnosis(
        self,
        verdict: Verdict,
        reason: Reason,
        summary: str,
        remedies: t.Sequence[Remedy],
        **evidence: t.Any,
    ) -> Diagnosis:
        """``summary``: one or two sentences; ``evidence``: added to that of the looks, where it is not None."""
        extra = {key: value for key, value in evidence.items() if value is not None}
        if self.compression is not None:
            extra = {**self.compression.evidence(), **extra}
        obstacles = self.context.postcopy_obstacles
        if obstacles:
            extra = {"postcopy_obstacles": [one.id for one in obstacles], **extra}
        return Diagnosis(
            verdict,
            reason,
            summary,
            {**self.seen.evidence(), **extra},
            remedies,
        )


class Cause(t.NamedTuple):
    """Why a job is stuck. ``remedies``: those of this cause, which come before the usual ones; ``anew``: those that
    begin again from the start, and come after what can be done in the job."""

    reason: Reason
    summary: str
    remedies: t.Sequence[Remedy] = ()
    evidence: t.Mapping[str, t.Any] = {}
    anew: t.Sequence[Remedy] = ()


def rates(case: JobCase) -> str:
    """How much is rewritten, and how much is sent, as a clause."""
    dirty, sent = case.seen.last.dirty_bytes_per_s, case.seen.bandwidth_bytes_per_s
    return f"{human_rate(dirty)} of memory is rewritten while {human_rate(sent)} is sent"


def stands_still(seen: Observation) -> str:
    """How long the guest would have to stand still, as a clause."""
    limit_ms, needed_ms = seen.last.limits.max_downtime_ms, seen.needed_downtime_ms
    limit = f" (limit {human_ms(limit_ms)})" if limit_ms is not None else ""
    if seen.left_now_ms is not None:
        return (
            f"what is left at this moment takes {human_ms(seen.left_now_ms)}{limit}; how long it would have to stand"
            " still is not known from one look at this QEMU"
        )
    needed = human_ms(needed_ms) if needed_ms is not None else "an unknown time"
    about = "at least" if seen.floor_is_too_low else "about"
    return f"it would have to stand still for {about} {needed}{limit} to finish"
