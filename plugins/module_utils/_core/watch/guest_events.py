# SPDX-License-Identifier: GPL-3.0-or-later
"""One migration that is watched: looks in, events out. It has no clock, asks nobody and does nothing."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..diagnosis.diagnosis import diagnose
from ..diagnosis.verdict import Context, Diagnosis, Verdict
from ..forecast.plan import adopted_plan
from ..job.sample import JobSample, Phase
from ..supervision.actions import Kind
from ..supervision.progress import progress
from ..supervision.supervisor import Supervisor
from .event_document import ENDED, POSTCOPY_BROKEN, PROGRESS, STARTED, STUCK, Event, event, harmless
from .options import WatchOptions

# How long a look is kept that says nothing of a pass; longer than any silence that a diagnosis asks for.
_RECENT_S = 60.0
_MOST_PASSES = 12  # whose first looks are kept: a diagnosis compares the last few
_MOST_PROPOSED = 20  # actions in one event
# How long a start is held back for another host to say that it awaits the guest: one that is still being connected to,
# or whose event comes after the source's. A choice.
_DESTINATION_WAIT_S = 3.0
_TELLING = {Verdict.STUCK: STUCK, Verdict.STALLED: STUCK, Verdict.BROKEN: POSTCOPY_BROKEN}
_FIGURES = ("pass", "remaining_bytes", "bandwidth_bytes_per_s", "needed_downtime_ms", "throttle_percent", "elapsed_ms")


class GuestWatch:
    """``known``: of the job's start and its guest; policy and link are those of the options. ``host_devices``: how many
    go along, which the switch-over takes longer for.

    What the engine would do under the policy of the options is part of the events (``would_do``): it runs over the same
    looks in mode ``observe``.
    """

    def __init__(
        self,
        host: str,
        options: WatchOptions,
        known: t.Optional[Context] = None,
        *,
        host_devices: int = 0,
    ) -> None:
        self._host, self._options = host, options
        self._known = replace(known or Context(), policy=options.policy, link_bytes_per_s=options.link_bytes_per_s)
        plan = adopted_plan(
            self._known.postcopy_flag,
            self._known.auto_converge_flag,
            host_devices=host_devices,
            postcopy_possible=not self._known.postcopy_obstacles,
        )
        self._supervisor = Supervisor(options.policy, plan)
        self._looks: list[JobSample] = []
        self._firsts: list[JobSample] = []
        self._proposed: list[dict[str, t.Any]] = []
        self._reported: t.Optional[tuple[Verdict, str]] = None
        self._reported_s = 0.0
        self._progress_s = 0.0
        self._phase: t.Optional[Phase] = None
        self._held: t.Optional[Event] = None
        self._held_since_s = 0.0
        self.destination: t.Optional[str] = None

    @property
    def ended(self) -> bool:
        return bool(self._looks) and not self._looks[-1].phase.running

    @property
    def last(self) -> t.Optional[JobSample]:
        return self._looks[-1] if self._looks else None

    @property
    def is_reported(self) -> bool:
        """Whether it has been told that it is stuck, or broken, and nothing else has been seen since."""
        return self._reported is not None

    @property
    def awaits_destination(self) -> bool:
        """Whether the start is still to be told, because no other host has said yet that it awaits the guest."""
        return self._held is not None

    def look(self, sample: JobSample, *, at_sync: bool = False, other_streams: int = 0) -> list[Event]:
        """Take in a look; ``other_streams``: other migrations that leave this host now.

        The start is told before everything else, and with the destination where one of the watched hosts is it.
        """
        if self.ended:
            return []
        first = not self._looks
        self._keep(sample)
        actions = self._supervisor.observe(sample, at_sync=at_sync)
        self._proposed += [
            {"elapsed_ms": sample.elapsed_ms, **one.document()} for one in actions if one.kind is not Kind.WAIT
        ]
        del self._proposed[:-_MOST_PROPOSED]
        if first and sample.phase.running:
            self._held, self._held_since_s = self._event(STARTED), sample.at_s
        if self._waits(sample):
            return []
        started = self._started()
        if not sample.phase.running:
            return [*started, self._ended()]
        found = diagnose(self._looks, self._context(other_streams))
        return started + self._stuck(found) + self._progress(found, bool(started))

    def _waits(self, sample: JobSample) -> bool:
        alone = len(self._options.hosts) < 2
        if self._held is None or self.destination or alone or not sample.phase.running:
            return False
        return sample.at_s - self._held_since_s < _DESTINATION_WAIT_S

    def _started(self) -> list[Event]:
        """The event of the first look, when it may be told."""
        held, self._held = self._held, None
        if held is None:
            return []
        return [held if self.destination is None else {**held, "destination": harmless(self.destination)}]

    def _keep(self, sample: JobSample) -> None:
        """The first look of each pass, and all of the last minute, so that a migration may take as long as it likes."""
        looks = self._looks
        if not looks or sample.pass_number != looks[-1].pass_number:
            self._firsts = [*self._firsts, sample][-_MOST_PASSES:]
        looks.append(sample)
        recent_s = sample.at_s - _RECENT_S
        if looks[0].at_s < recent_s - _RECENT_S / 2:  # now and then, and not at each look
            older = [one for one in self._firsts if one.at_s < recent_s]
            self._looks = older + [one for one in looks if one.at_s >= recent_s]

    def _context(self, other_streams: int) -> Context:
        return replace(self._known, other_streams=other_streams)

    def _stuck(self, found: Diagnosis) -> list[Event]:
        """Told when it is sure, when the reason changes, and again after a time, since events may be lost."""
        kind = _TELLING.get(found.verdict)
        if kind is None or found.evidence.get("firm") is False:
            # Between two boundaries of a stuck one the rest of a short pass fits the limit, too.
            if found.verdict is Verdict.CONVERGING:
                self._reported = None
            return []
        now_s, verdict = self._looks[-1].at_s, (found.verdict, found.reason.value)
        if verdict == self._reported and now_s - self._reported_s < self._options.stuck_again_s:
            return []
        self._reported, self._reported_s = verdict, now_s
        return [self._event(kind, diagnosis=found.document(), would_do=list(self._proposed))]

    def _progress(self, found: Diagnosis, first: bool) -> list[Event]:
        last = self._looks[-1]
        due = last.phase is not self._phase or last.at_s - self._progress_s >= self._options.progress_s
        self._phase = last.phase
        if first or not due:
            self._progress_s = last.at_s if first else self._progress_s
            return []
        self._progress_s = last.at_s
        words = {"verdict": found.verdict.value, "reason": found.reason.value, "summary": found.summary}
        return [self._event(PROGRESS, diagnosis=words)]

    def _ended(self) -> Event:
        last = self._looks[-1]
        return self._event(ENDED, outcome=last.phase.value, downtime_ms=last.downtime_ms, would_do=list(self._proposed))

    def _event(self, kind: str, **facts: t.Any) -> Event:
        last = self._looks[-1]
        numbers = progress(self._supervisor.history, self._supervisor.settings)
        before = next((one for one in reversed(self._looks) if one.phase.running), last)
        elapsed_ms = last.elapsed_ms or before.elapsed_ms
        return event(
            kind,
            self._host,
            name=last.name,
            uuid=last.uuid,
            destination=self.destination,
            phase=last.phase.value,
            job={
                **{key: numbers[key] for key in _FIGURES},
                "elapsed_ms": elapsed_ms,
                "sent_bytes": last.memory.processed_bytes or before.memory.processed_bytes,
                "memory_bytes": last.memory.total_bytes or before.memory.total_bytes,
            },
            **facts,
        )
