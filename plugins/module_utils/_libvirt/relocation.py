# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""A guest is to run on that host: whatever is missing for that is done, and what does not fit is refused untouched."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, replace

from .._core.errors import MigrationError
from .._core.finishing import highest_limit_ms
from .._core.forecast import Forecast
from .._core.job import JobSample
from .._core.keeping import Kept, after, steps
from .._core.outcome import told, unfinished
from .._core.plan import Plan
from .._core.planning import planned, require_way
from .._core.policy import Contract
from .._core.record import Record
from .._core.refusals import bad_end, refusal
from .._core.starting import Wishes, start_call
from .._core.supervisor import Supervisor
from .._core.whereabouts import Situation, Whereabouts
from .adopting import plan_of_running
from .both_ends import BothEnds
from .connection import libvirt
from .cut_off import cut_off
from .domain import Guest
from .driver import Driver, Tell
from .housekeeping import do, kept
from .job import completed_job
from .launch import OVERTAKEN, Launch
from .survey import Asked, Survey, survey

Result = dict[str, t.Any]
_NOTHING_DONE: Result = {"forecast": None, "actions": [], "downtime_ms": None, "elapsed_ms": None, "kept": []}


@dataclass(frozen=True)
class Order:
    """``persistent``: None to keep it as it is; what ``wishes`` has of it does not count.

    ``before_start``: called with the guest and its forecast when it is about to be sent; what it raises prevents that.
    """

    contract: Contract
    asked: Asked
    wishes: Wishes
    persistent: t.Optional[bool] = None
    wait: bool = True
    force: bool = False
    before_start: t.Optional[t.Callable[[Guest, Result], None]] = None


class Relocation:
    """One order carried out; ``notes``: what the user should know although it went well."""

    def __init__(self, ends: BothEnds, order: Order, tell: t.Optional[Tell] = None) -> None:
        self._ends, self._order, self._tell = ends, order, tell
        self._runs_on: t.Optional[str] = None
        self.notes: list[str] = []

    def run(self, *, check: bool) -> Result:
        try:
            try:
                return self._run(check)
            except MigrationError as exc:
                if exc.reason not in OVERTAKEN:
                    raise
            # Perhaps the same task was run twice: what there is now is looked at once more.
            return self._run(check)
        except MigrationError as exc:
            exc.facts.setdefault("runs_on", self._runs_on)
            raise

    def _run(self, check: bool) -> Result:
        where = self._ends.settled()
        guest, situation = self._ends.guest, where.situation
        self._runs_on = runs_on = self._ends.runs_on(where)
        order, found = self._order, kept(self._ends)
        known = found.defined_on_source or found.defined_on_destination
        self._persistent = known if order.persistent is None else order.persistent
        self._autostart = found.autostart_noted
        self._stood = where.here is not None and not where.here.running and not where.here.held_by_migration
        starts = found.autostart_noted if runs_on == self._ends.source_name else found.autostart
        self._before = self._document(replace(found, autostart=starts), runs_on)
        if situation is Situation.THERE:
            if where.there is not None and not where.there.running:
                self.notes.append(f"{guest.name!r} is {where.there.told} on {self._ends.destination_name}.")
            return self._settle(check, "already_there", {}, found)
        if situation is Situation.START:
            return self._start(guest, check)
        broken = situation is Situation.BROKEN
        if situation is Situation.ADOPT or (broken and order.contract.postcopy != "never"):
            return self._adopt(guest, check, broken)
        raise refusal(where, guest.name, *self._ends.names)

    # --- starting

    def _start(self, guest: Guest, check: bool) -> Result:
        found = survey(self._ends.source, self._ends.destination, guest, self._order.asked)
        seen = self._forecast(guest, found)
        if check:
            return self._foreseen("moved", _with_basis(seen, found))
        try:
            return self._started(guest, found, seen)
        except MigrationError as exc:
            if exc.reason != "POSTCOPY_NOT_SUPPORTED" or not seen.plan.flags.postcopy:
                raise
            # Whether the destination can is only known when its QEMU is asked; nothing has been sent then.
            self.notes.append(f"The destination cannot receive by post-copy, so it was done without. {exc.problem}")
        found = replace(found, facts=replace(found.facts, postcopy_possible=False))
        return self._started(guest, found, self._forecast(guest, found))

    def _forecast(self, guest: Guest, found: Survey) -> Forecast:
        asked = self._order.asked
        seen = planned(
            self._order.contract,
            found.facts,
            compression=asked.compression,
            parallel_connections=asked.parallel_connections,
        )
        if not self._order.force:
            require_way(guest.name, seen, found.document())
        return seen

    def _started(self, guest: Guest, found: Survey, seen: Forecast) -> Result:
        order, wait = self._order, self._order.wait
        forecast = _with_basis(seen, found)
        if order.before_start is not None:
            order.before_start(guest, forecast)
        # A limit that nobody will raise is the contract's from the start.
        limit_ms = seen.plan.start_limit_ms if wait else highest_limit_ms(order.contract.max_downtime_ms)
        launch = Launch(
            self._ends.source.uri,
            guest,
            order.asked.destination_uri,
            start_call(seen.plan.flags, replace(order.wishes, persistent=self._persistent)),
            limit_ms=limit_ms,
            autostart=self._autostart and self._persistent,
        )
        try:
            if wait:
                return self._supervised(guest, seen.plan, "moved", forecast, launch)
            sample = launch.begin_and_leave()
            if launch.problem is not None:
                raise launch.problem
            if sample is not None:
                return self._left_running(True, {"forecast": forecast, "elapsed_ms": sample.elapsed_ms})
            self._ends.settled()
            return self._settle(False, "moved", {"forecast": forecast})
        except (MigrationError, libvirt.libvirtError):
            launch.take_back()
            raise

    # --- supervising

    def _adopt(self, guest: Guest, check: bool, broken: bool) -> Result:
        outcome = "recovered" if broken else "adopted"
        if check:
            return self._foreseen(outcome, None)
        if not self._order.wait and not broken:
            return self._left_running(False, {})
        plan = plan_of_running(self._ends.source, guest, self._order.asked.bandwidth_mib_per_s or None)
        return self._supervised(guest, plan, outcome, None, None)

    def _supervised(
        self, guest: Guest, plan: Plan, outcome: str, forecast: t.Optional[Result], launch: t.Optional[Launch]
    ) -> Result:
        asked = self._order.asked
        supervisor = Supervisor(self._order.contract, plan)
        record = Record(supervisor, name=guest.name, uuid=guest.uuid, forecast=forecast)
        expected = forecast["expected"] if forecast else None
        driver = Driver(
            self._ends.source,
            guest,
            record,
            asked.destination_uri,
            asked.migrate_uri,
            tell=self._tell,
            expected_total_s=expected["total_s"] if expected else None,
        )

        def facts(last: t.Optional[JobSample]) -> Result:
            return {"forecast": forecast, **told(driver.applied, last, record)}

        try:
            last = driver.run(launch.begin if launch else None)
            if launch is not None and supervisor.done and supervisor.outcome != "left":
                launch.over()
            where = self._ends.settled()
        except (libvirt.libvirtError, MigrationError) as exc:
            if launch is not None and not launch.started:
                raise
            if isinstance(exc, MigrationError) and exc.reason in OVERTAKEN:
                raise
            raise cut_off(exc, guest.name, {**facts(driver.last), "runs_on": None}) from exc
        if where.situation is Situation.THERE and where.there is not None and (where.there.running or self._stood):
            return self._settle(False, outcome, facts(self._with_statistics(last)))
        raise self._not_there(guest, where, record, facts(last), launch.problem if launch else None)

    def _not_there(
        self, guest: Guest, where: Whereabouts, record: Record, facts: Result, cause: t.Optional[MigrationError]
    ) -> MigrationError:
        ends, facts = self._ends, {**facts, "runs_on": self._ends.runs_on(where)}
        if where.here is None or where.situation not in (
            Situation.START,
            Situation.ADOPT,
            Situation.BROKEN,
            Situation.ELSEWHERE,
        ):
            return bad_end(where, guest.name, *ends.names, cause=cause, facts=facts)
        state = f"The guest is {where.here.told} on {ends.source_name}"
        return unfinished(guest.name, state, record, facts, again="run this again", cause=cause)

    def _with_statistics(self, last: JobSample) -> JobSample:
        """With those of the destination, where the source has forgotten its own with the guest."""
        there = self._ends.there
        if last.downtime_ms is None and there is not None:
            with contextlib.suppress(libvirt.libvirtError, MigrationError):
                return completed_job(there) or last
        return last

    # --- results

    def _settle(self, check: bool, outcome: str, facts: Result, found: t.Optional[Kept] = None) -> Result:
        """The guest is on the destination: its definition and its autostart go there, too."""
        found = found or kept(self._ends, self._autostart)
        missing = steps(found, persistent=self._persistent, undefine_source=self._order.wishes.undefine_source)
        if not check:
            do(self._ends, missing, note_there=found.note_there)
        end = self._document(after(found, missing), self._ends.destination_name)
        changed = outcome != "already_there" or bool(missing)
        return self._result(changed, outcome, end, {**facts, "kept": [step.value for step in missing]})

    def _foreseen(self, outcome: str, forecast: t.Optional[Result]) -> Result:
        """For check mode: what a run would come to, if it goes as foreseen."""
        ends, stays = self._ends, not (self._persistent and self._order.wishes.undefine_source)
        on_source, on_destination = (host in self._before["defined_on"] for host in ends.names)
        persistent = self._persistent or on_destination
        found = Kept(on_source and stays, persistent, self._autostart and persistent)
        end = self._document(found, ends.destination_name)
        return {**self._result(True, outcome, end, {"forecast": forecast}), "runs_on": ends.source_name}

    def _left_running(self, changed: bool, facts: Result) -> Result:
        return self._result(changed, "started", self._before, facts)

    def _result(self, changed: bool, outcome: str, end: Result, facts: Result) -> Result:
        return {
            "changed": changed,
            "outcome": outcome,
            **_NOTHING_DONE,
            **facts,
            "runs_on": end["runs_on"],
            "diff": {"before": self._before, "after": end},
        }

    def _document(self, found: Kept, runs_on: t.Optional[str]) -> Result:
        return found.document(runs_on, *self._ends.names)


def _with_basis(seen: Forecast, found: Survey) -> Result:
    return {**seen.document(), "basis": found.document()}
