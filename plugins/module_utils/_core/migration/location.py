# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a guest is, from what both hosts say of it, and what that admits; what does not fit is refused."""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass

from ..job.domain_state import DomainState
from ..job.sample import Phase


class Situation(enum.Enum):
    """What is to be done for a guest that shall run on the destination."""

    START = "it runs on the source and nothing moves it"
    ADOPT = "its migration to the destination runs"
    BROKEN = "its post-copy migration to the destination is broken"
    THERE = "it is on the destination"
    HALF_ENDED = "its post-copy migration is broken, and the half on the destination has ended"
    SOURCE_HALF_ENDED = "its post-copy migration is broken, and the half on the source has ended"
    ELSEWHERE = "its migration runs, and the destination knows nothing of it"
    SPLIT_BRAIN = "it runs on both hosts"
    UNCLEAR = "both hosts have a live copy of it, and no migration joins them"
    ARRIVING_THERE = "it arrives at the destination, from a third host"
    OFF = "it is shut off"
    NOWHERE = "neither host knows it"


@dataclass(frozen=True)
class GuestLocation:
    """The guest's state on the source and on the destination (None: that host does not have it), and the phase of its
    outgoing migration (None: there is none)."""

    here: t.Optional[DomainState]
    there: t.Optional[DomainState]
    job: t.Optional[Phase] = None

    @property
    def situation(self) -> Situation:
        return self._with_job(self.job) if self.job is not None else self._without_job()

    def _with_job(self, job: Phase) -> Situation:
        there = self.there
        if there is not None and not there.active and job is Phase.POSTCOPY_FAILED:
            return Situation.HALF_ENDED
        if there is None or not there.active:
            return Situation.ELSEWHERE
        if there.in_postcopy or there.postcopy_failed:
            return Situation.BROKEN if job is Phase.POSTCOPY_FAILED else Situation.ADOPT
        if there.arriving:
            return Situation.ADOPT
        if not there.running:
            return Situation.UNCLEAR
        # At the very end the guest runs there already, while the source still holds it, stopped.
        return Situation.SPLIT_BRAIN if self.here is not None and self.here.running else Situation.ADOPT

    def _without_job(self) -> Situation:
        here, there = self.here, self.there
        alive_here, alive_there = here is not None and here.active, there is not None and there.active
        if here is not None and there is not None and alive_here and alive_there:
            return Situation.SPLIT_BRAIN if here.running and there.running else Situation.UNCLEAR
        if here is not None and alive_here:
            return Situation.UNCLEAR if here.held_by_migration else Situation.START
        if there is not None and alive_there:
            if there.postcopy_failed and here is not None and not here.moved_away:
                return Situation.SOURCE_HALF_ENDED
            split = there.in_postcopy or there.postcopy_failed
            return Situation.ARRIVING_THERE if there.arriving or split else Situation.THERE
        return Situation.NOWHERE if here is None and there is None else Situation.OFF

    @property
    def lost_there(self) -> bool:
        """Whether the destination of a broken post-copy, if it is that of this migration, has lost its half."""
        return self.job is Phase.POSTCOPY_FAILED and self.there is None

    def state_text(self) -> str:
        """As part of a sentence."""
        here = self.here.state_text if self.here else "unknown"
        there = self.there.state_text if self.there else "unknown"
        return f"{here} on the source and {there} on the destination"

    def document(self) -> dict[str, t.Any]:
        return {
            "on_source": self.here.state_text if self.here else None,
            "on_destination": self.there.state_text if self.there else None,
            "job_phase": self.job.value if self.job else None,
        }
