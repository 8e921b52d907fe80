# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the start: will it finish under the policy, by which way, in what time, and if not, what would be needed."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field, replace

from ..job.downtime_limit import highest_limit_ms
from ..policy import MAX_THROTTLE_PERCENT, Policy
from ..units import human_bytes, human_ms
from .dirty_curve import DirtyCurve, DirtyCurves
from .plan import NO_WAY, PAUSE, POSTCOPY, PRECOPY, THROTTLE, UNKNOWN, Flags, Plan
from .precopy_model import MigrationCourse, latest_share, postcopy
from .requirements import needs, requirements_text
from .simulation import MigrationFacts, Simulation

_QUICK = 1.2  # so little over the least possible time that post-copy is not worth its risk
_COMPRESS = 1.4  # so much over it that compressing what is sent again may pay
_COMPRESS_OVER_MS = 300  # and so much downtime, which is what QEMU does unasked
_SLOW = 2.0  # so much over it that slowing the guest down is less of a burden than going on
_RESENT_AT_MOST = 0.12  # of the memory, by a switch to post-copy within the first pass; a choice
_THROTTLE_STEP = 5  # percent between those that are tried
_THROTTLE_LEAST = 20  # a guest that waits between its writes makes up for less
_THROTTLE_FIRST = 20  # QEMU's own
_THROTTLE_STEPS_LEFT = 6  # between the first throttle and the cap, for QEMU to climb; a choice
_THROTTLE_TO_SPARE = 1.35  # times the shortest time: for that much the guest is slowed down less; a choice
_XBZRLE_PAYS_BELOW = 300e6  # bytes/s: comparing pages is the work of one processor
# Bytes on the wire per byte of a page that is sent again. Choices: how well it goes is seen in the third pass.
_XBZRLE_COST = 0.3
_XBZRLE_AT_BEST = 0.1
_PER_CONNECTION = 1.2e9  # bytes/s that one connection and one thread carry
MOST_CONNECTIONS = 8  # a choice: each takes a thread of QEMU on either host
_UNKNOWN_BANDWIDTH = int(1e9)  # the plan of a guest that was not measured does not depend on it


@dataclass(frozen=True)
class Forecast:
    """``expected`` and ``worst``: the course by the chosen way (None: not measured); ``needs``: one of these would do.

    ``sure``: it finishes even if the guest writes half as much again as was measured.
    """

    plan: Plan
    expected: t.Optional[MigrationCourse]
    worst: t.Optional[MigrationCourse]
    sure: bool
    summary: str
    needs: t.Mapping[str, t.Any] = field(default_factory=dict)

    def document(self) -> dict[str, t.Any]:
        return {
            "way": self.plan.way,
            "will_finish": None if self.plan.way == UNKNOWN else self.plan.way != NO_WAY,
            "sure": self.sure,
            "summary": self.summary,
            "expected": self.expected.document() if self.expected else None,
            "worst": self.worst.document() if self.worst else None,
            "flags": asdict(self.plan.flags),
            "start_limit_ms": self.plan.start_limit_ms,
            "needs": dict(self.needs),
        }


def expected_bytes(document: t.Mapping[str, t.Any]) -> t.Optional[int]:
    """What a guest is expected to send in all: of one that was not measured what it uses, which is sent at least.

    ``document``: of a forecast, with the facts that it rests on as ``basis``. None where neither is known.
    """
    expected, basis = document.get("expected") or {}, document.get("basis") or {}
    found = expected.get("sent_bytes") or basis.get("touched_bytes")
    return int(found) if found else None


def forecast(policy: Policy, facts: MigrationFacts) -> Forecast:
    """The forecast and, in it, the plan. Raises ValueError when memory or bandwidth are not positive."""
    return _Chooser(Simulation(policy, facts)).choose()


def blind_forecast(policy: Policy, facts: MigrationFacts) -> Forecast:
    """The plan where the bandwidth is not known, so that nothing can be foreseen."""
    blind = replace(facts, bandwidth_bytes_per_s=_UNKNOWN_BANDWIDTH, measured=None, parallel_connections=0)
    summary = "The bandwidth is not known, so nothing is foreseen; the first pass will tell."
    return replace(forecast(policy, blind), summary=summary)


class _Chooser:
    def __init__(self, trial: Simulation) -> None:
        self.trial, self.policy, self.facts = trial, trial.policy, trial.facts
        self.may_postcopy = self.policy.postcopy != "never" and trial.can_postcopy
        self.may_throttle = self.policy.max_throttle_percent > 0 and self.facts.auto_converge_possible
        self.plain = trial.course(trial.loads.likely) if trial.loads else None
        self.compresses = self._may_compress()
        # At worst zstd makes no page shorter.
        self.worst_cost = 1.0 if self.facts.zstd_ratio else None

    def choose(self) -> Forecast:
        trial, loads, plain = self.trial, self.trial.loads, self.plain
        if loads is None or plain is None:
            return self._unmeasured()
        kept = trial.keeps(plain)
        worst = trial.course(loads.worst, resend_cost=self.worst_cost)
        sure = trial.keeps(worst)
        if self.may_postcopy:
            quick = plain.total_s <= _QUICK * trial.path.least_s
            if kept and (quick or self.policy.postcopy == "if_needed"):
                return self._by(PRECOPY, plain, worst, sure)
            split = self._postcopy(loads)
            if split is not None:
                return split
        if kept and sure and plain.total_s <= _SLOW * trial.path.least_s:
            return self._by(PRECOPY, plain, worst, sure)
        throttled = self._throttled(loads)
        if throttled is not None:
            return throttled
        if kept:
            return self._by(PRECOPY, plain, worst, sure)
        if self.policy.max_pause_s > 0:
            highest_ms = highest_limit_ms(max(1.0, self.policy.max_pause_s * 1000), self.facts.host_devices)
            paused = trial.course(loads.likely, highest_ms=highest_ms)
            if trial.keeps(paused):
                return self._by(PAUSE, paused, worst, False)
        return self._compressed(loads, worst) or self._no_way(loads, plain)

    # --- the ways

    def _postcopy(self, loads: DirtyCurves) -> t.Optional[Forecast]:
        trial, measured = self.trial, self.facts.measured
        share = latest_share(loads.likely, trial.path, _RESENT_AT_MOST)
        # A set whose end was not seen may turn out to be small: then the need is only known at the first boundary.
        guess = measured is None or measured.working_set_is_lower_bound
        if guess and self.policy.postcopy == "if_needed":
            share = 1.0
        course = postcopy(loads.likely, trial.path, share)
        if course.postcopy_s > self.policy.max_postcopy_s:
            share = 1.0
            course = postcopy(loads.likely, trial.path, share)
        if course.postcopy_s > self.policy.max_postcopy_s:
            return None
        return self._by(POSTCOPY, course, postcopy(loads.worst, trial.path, share), True, share=share)

    def _throttled(self, loads: DirtyCurves) -> t.Optional[Forecast]:
        """Auto-converge that starts with what is needed: the least throttle that is nearly as fast as the most."""
        trial = self.trial
        courses = {p: trial.course(loads.likely, throttle_percent=p) for p in self._throttles()}
        good = {p: course for p, course in courses.items() if trial.keeps(course)}
        if not good:
            return None
        best_s = min(course.total_s for course in good.values())
        percent = min(p for p, course in good.items() if course.total_s <= _THROTTLE_TO_SPARE * best_s)
        worst = trial.course(loads.worst, throttle_percent=percent, resend_cost=self.worst_cost)
        return self._by(THROTTLE, good[percent], worst, trial.keeps(worst), throttle_percent=percent)

    def _compressed(self, loads: DirtyCurves, worst: MigrationCourse) -> t.Optional[Forecast]:
        # Where compression alone has to do it, a throttle beside it can only help; where it cannot, it may with one. To
        # try it costs two passes, and the third shows how well it goes: that is better than not to move the guest.
        most = max(self._throttles(), default=0)
        ways = ((PRECOPY, 0), (THROTTLE, most)) if most else ((PRECOPY, 0),)
        tries = [(way, percent, cost) for cost in (_XBZRLE_COST, _XBZRLE_AT_BEST) for way, percent in ways]
        for way, percent, cost in tries if self.compresses else ():
            course = self.trial.course(self._load(loads, cost), throttle_percent=percent, resend_cost=cost)
            if self.trial.keeps(course):
                return self._by(way, course, worst, False, throttle_percent=most, resend_cost=cost)
        return None

    def _load(self, loads: DirtyCurves, resend_cost: float) -> DirtyCurve:
        """At best, pages that compress well are also written no faster than was seen."""
        measured = self.facts.measured
        if measured is None or resend_cost != _XBZRLE_AT_BEST:
            return loads.likely
        return replace(loads.likely, dirty_bytes_per_s=float(measured.dirty_bytes_per_s))

    def _throttles(self) -> t.Sequence[int]:
        """Throttles to start with. QEMU knows no cap but its own and goes on climbing: leave it room below ours."""
        if not self.may_throttle:
            return ()
        cap = self.policy.max_throttle_percent
        highest = cap if cap >= MAX_THROTTLE_PERCENT else cap - _THROTTLE_STEPS_LEFT
        if highest < _THROTTLE_LEAST:
            return ()
        return sorted({*range(_THROTTLE_LEAST, highest + 1, _THROTTLE_STEP), highest})

    def _may_compress(self) -> bool:
        """Whether to compress pages that are sent again; how well that goes is only seen in the third pass."""
        if self.may_postcopy or self.facts.xbzrle_cache_bytes <= 0:
            return False
        if self.facts.bandwidth_bytes_per_s > _XBZRLE_PAYS_BELOW:
            return False
        if self.plain is None:
            return True
        long = self.plain.total_s > _COMPRESS * self.trial.path.least_s or self.plain.downtime_ms > _COMPRESS_OVER_MS
        return long or not self.trial.keeps(self.plain)

    # --- what comes of it

    def _by(
        self,
        way: str,
        expected: MigrationCourse,
        worst: MigrationCourse,
        sure: bool,
        *,
        share: t.Optional[float] = None,
        throttle_percent: int = 0,
        resend_cost: float = _XBZRLE_COST,
    ) -> Forecast:
        if self.compresses and self.trial.loads is not None and way in (PRECOPY, THROTTLE):
            most, likely = self.trial.loads.worst, self._load(self.trial.loads, resend_cost)
            expected = self.trial.course(likely, throttle_percent=throttle_percent, resend_cost=resend_cost)
            # At worst what is rewritten does not compress at all, which is only seen in the third pass.
            worst = self.trial.course(most, throttle_percent=throttle_percent, resend_cost=1.0)
        how = {
            PRECOPY: f"by pre-copy in {expected.passes} passes",
            THROTTLE: f"with the guest slowed down by {throttle_percent} %",
            POSTCOPY: f"by post-copy, {human_ms(expected.postcopy_s * 1000)} of it dependent on both hosts",
            PAUSE: "with a pause",
        }[way]
        if self.facts.zstd_ratio > 1 and way != POSTCOPY:
            how += f", if its pages get as short by zstd as usual (to {1 / self.facts.zstd_ratio:.0%})"
        if self.compresses:
            well = "as usual" if resend_cost == _XBZRLE_COST else f"to {resend_cost:.0%}, which the third pass shows"
            how += f", if the pages that it rewrites compress {well}"
        # Seen for a second only, it is taken to write to all of its memory in the end.
        about = "at most about" if self.facts.hardly_measured else "about"
        summary = (
            f"It finishes {how}: {about} {human_ms(expected.total_s * 1000)}, {human_bytes(expected.sent_bytes)} sent,"
            f" {human_ms(expected.downtime_ms)} of downtime."
            + ("" if sure else " Not if it writes half as much again.")
        )
        return Forecast(self._plan(way, share, throttle_percent), expected, worst, sure, summary)

    def _unmeasured(self) -> Forecast:
        summary = (
            f"Not measured: the first pass takes about {human_ms(self.trial.path.least_s * 1000)}, and only then is it"
            " known how much the guest rewrites."
        )
        return Forecast(self._plan(UNKNOWN), None, None, False, summary)

    def _no_way(self, loads: DirtyCurves, plain: MigrationCourse) -> Forecast:
        found = needs(self.trial, loads.likely, plain)
        summary = (
            f"It does not finish within the policy: each pass leaves about {human_bytes(plain.floor_bytes)}. One of"
            f" these would do: {requirements_text(found)}."
        )
        return Forecast(self._plan(NO_WAY), plain, None, False, summary, found)

    def _plan(self, way: str, share: t.Optional[float] = None, throttle_percent: int = 0) -> Plan:
        cap, measured, loads = self.policy.max_throttle_percent, self.facts.measured, self.trial.loads
        throttle = throttle_percent > 0 or (way == UNKNOWN and self.may_throttle and not self.may_postcopy)
        initial = throttle_percent or min(_THROTTLE_FIRST, cap)
        cache = self.facts.xbzrle_cache_bytes
        return Plan(
            way,
            Flags(
                postcopy=self.may_postcopy,
                auto_converge=throttle,
                throttle_initial_percent=initial if throttle else 0,
                throttle_increment_percent=max(1, (cap - initial) // _THROTTLE_STEPS_LEFT) if throttle else 0,
                xbzrle_cache_bytes=1 << (cache.bit_length() - 1) if self.compresses else 0,
                parallel_connections=self._parallel(),
            ),
            start_limit_ms=int(self.trial.path.start_limit_ms),
            postcopy_share=share,
            touched_bytes=self.facts.touched_bytes,
            set_bytes=int(loads.likely.working_set_bytes) if loads else None,
            rate_bytes_per_s=measured.dirty_bytes_per_s if measured else None,
            host_devices=self.facts.host_devices,
            memory_bytes=self.facts.memory_bytes or None,
        )

    def _parallel(self) -> int:
        """Connections that the bandwidth can fill; they exclude post-copy here (docs/design.md), and xbzrle in QEMU."""
        fills = int(self.facts.bandwidth_bytes_per_s / _PER_CONNECTION) + 1
        wanted = min(MOST_CONNECTIONS, self.facts.parallel_connections, fills)
        return wanted if wanted >= 2 and not self.may_postcopy and not self.compresses else 0
