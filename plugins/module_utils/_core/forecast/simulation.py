# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations on paper: the facts and the policy of one, and courses tried with them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..job.downtime_limit import highest_limit_ms, switch_cost_ms
from ..policy import Policy
from .dirty_curve import DirtyCurve, DirtyCurves, dirty_curves, kept_share
from .plan import default_deadline_s, patience_s, start_limit_ms
from .precopy_model import MigrationCourse, TransferPath, precopy
from .working_set import WorkingSet, scan_s


@dataclass(frozen=True)
class MigrationFacts:
    """What is known before the start. ``touched_bytes``: memory the guest uses at all (its resident size).

    ``measured``: None when it could not be. ``xbzrle_cache_bytes``: what the source can spare for it (0: none).
    ``parallel_connections``: the most that both hosts admit. ``host_devices``: devices whose state post-copy cannot
    fetch. ``memory_bytes``: all memory that the guest has (0: not known). ``vcpus_busy``: the part of the
    time for which each virtual processor runs (none: not known). ``link_bytes_per_s``: what the link carries, where
    ``bandwidth_bytes_per_s`` is a limit below that (0: not known). ``zstd_possible``: whether both hosts have it.
    ``idle_processors``: of source and destination (None: not known). ``zstd_ratio``: bytes of
    memory for each on the wire, where all pages are compressed (0: they are not).
    """

    touched_bytes: int
    bandwidth_bytes_per_s: int
    measured: t.Optional[WorkingSet] = None
    postcopy_possible: bool = True
    auto_converge_possible: bool = True
    xbzrle_cache_bytes: int = 0
    parallel_connections: int = 0
    host_devices: int = 0
    vcpus_busy: tuple[float, ...] = ()
    memory_bytes: int = 0
    link_bytes_per_s: int = 0
    zstd_possible: bool = False
    idle_processors: t.Optional[tuple[float, float]] = None
    zstd_ratio: float = 0.0

    @property
    def hardly_measured(self) -> bool:
        """Whether it is not known how the guest's writing goes on."""
        return self.measured is None or self.measured.only_lower_bounds

    @property
    def vcpus_busy_percent(self) -> list[int]:
        return [round(share * 100) for share in self.vcpus_busy]


class Simulation:
    """Tries courses by pre-copy under one policy. Raises ValueError when memory or bandwidth are not positive."""

    def __init__(self, policy: Policy, facts: MigrationFacts) -> None:
        if facts.touched_bytes <= 0 or facts.bandwidth_bytes_per_s <= 0:
            raise ValueError("A forecast needs the memory to send and a bandwidth to send it at, both more than 0.")
        self.policy, self.facts = policy, facts
        self.highest_ms = highest_limit_ms(policy.max_downtime_ms, facts.host_devices)
        start_ms = min(self.highest_ms, start_limit_ms(facts.touched_bytes))
        scanning_s = scan_s(facts.memory_bytes, facts.touched_bytes)
        self.path = TransferPath(
            facts.touched_bytes,
            facts.bandwidth_bytes_per_s,
            start_ms,
            scanning_s,
            facts.link_bytes_per_s,
            switch_cost_ms(facts.host_devices),
        )
        self.patience_s = patience_s(policy, self.path.least_s)
        self.deadline_s = policy.deadline_s or default_deadline_s(self.path.least_s)
        self.loads: t.Optional[DirtyCurves] = (
            dirty_curves(facts.measured, facts.touched_bytes) if facts.measured else None
        )

    @property
    def can_postcopy(self) -> bool:
        return self.facts.postcopy_possible and not self.facts.host_devices

    def course(
        self,
        load: DirtyCurve,
        *,
        highest_ms: int = 0,
        throttle_percent: int = 0,
        resend_cost: t.Optional[float] = None,
        path: t.Optional[TransferPath] = None,
    ) -> MigrationCourse:
        """Pre-copy by this load; ``highest_ms``: a limit higher than the policy's downtime has it. ``resend_cost``: as
        of :func:`precopy`; of pages that are all compressed it holds from the first pass on."""
        ratio = self.facts.zstd_ratio
        if ratio and resend_cost is None:
            resend_cost = 1 / ratio
        return precopy(
            load,
            path or self.path,
            max(highest_ms, self.highest_ms),
            self.patience_s,
            throttled=load.slowed(kept_share(self.facts.vcpus_busy, throttle_percent)) if throttle_percent else None,
            throttle_percent=throttle_percent,
            resend_cost=resend_cost,
            all_compressed=bool(ratio),
        )

    def keeps(self, course: MigrationCourse) -> bool:
        """Whether a course finishes within the policy's time and data."""
        data = self.policy.max_data_factor * self.facts.touched_bytes
        return course.finishes and course.total_s <= self.deadline_s and course.sent_bytes <= data
