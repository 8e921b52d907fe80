# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest is to run on that host: whatever is missing for that is done, and what does not fit is refused untouched."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..._core.errors import MigrationError
from ..._core.forecast.forecast import Forecast
from ..._core.job.downtime_limit import highest_limit_ms
from ..._core.migration.location import Situation
from ..._core.migration.refusals import refusal
from ..._core.migration.start import StartOptions, planned, require_way, start_call
from ..._core.policy import Policy
from ..connection import libvirt
from ..guest import Guest
from ..job.lost_contact import ENDED_BY_A_RESTART
from ..measure.facts import MeasuredFacts, MeasurementOptions, measure_facts
from .driver import Tell
from .result import MigrationResult, Result, opened
from .start import OVERTAKEN, MigrationStart
from .supervise import Supervision, plan_of_running
from .two_hosts import TwoHosts


@dataclass(frozen=True)
class MigrationOptions:
    """``persistent``: None to keep it as it is; what ``wishes`` has of it does not count.

    ``sharing``: how many of ours may use the link at a time. ``before_start``: called with the guest and its forecast
    when it is about to be sent; what it raises prevents that.
    """

    policy: Policy
    asked: MeasurementOptions
    wishes: StartOptions
    persistent: t.Optional[bool] = None
    wait: bool = True
    force: bool = False
    sharing: int = 1
    before_start: t.Optional[t.Callable[[Guest, Result], None]] = None


class Migration:
    """One order carried out; ``notes``: what the user should know although it went well. ``tell`` and ``watch``: as of
    :class:`Driver`."""

    def __init__(
        self, ends: TwoHosts, order: MigrationOptions, tell: t.Optional[Tell] = None, watch: t.Optional[Tell] = None
    ) -> None:
        self._ends, self._order, self._tell, self._watch = ends, order, tell, watch
        self._runs_on: t.Optional[str] = None
        self.notes: list[str] = []

    def run(self, *, check: bool) -> Result:
        for restarts_left in range(self._order.policy.max_restarts, -1, -1):
            try:
                return self._run_or_adopt(check)
            except MigrationError as exc:
                if exc.reason != ENDED_BY_A_RESTART or not restarts_left:
                    exc.facts.setdefault("runs_on", self._runs_on)
                    raise
                self.notes.append(f"It was started again. {exc.problem}")
        raise AssertionError("unreachable")

    def _run_or_adopt(self, check: bool) -> Result:
        try:
            return self._run(check)
        except MigrationError as exc:
            if exc.reason not in OVERTAKEN:
                raise
        # Perhaps the same task was run twice: what there is now is looked at once more.
        return self._run(check)

    def _run(self, check: bool) -> Result:
        where = self._ends.settled()
        guest, situation = self._ends.guest, where.situation
        self._runs_on = self._ends.runs_on(where)
        order, undefine_source = self._order, self._order.wishes.undefine_source
        account = opened(self._ends, where, persistent=order.persistent, undefine_source=undefine_source)
        if situation is Situation.THERE:
            if where.there is not None and not where.there.running:
                self.notes.append(f"{guest.name!r} is {where.there.told} on {self._ends.destination_name}.")
            return account.settle(check, "already_there", {}, account.found)
        if situation is Situation.START:
            return self._start(guest, account, check)
        broken = situation is Situation.BROKEN
        if situation is Situation.ADOPT or (broken and order.policy.postcopy != "never"):
            return self._adopt(guest, account, check, broken)
        raise refusal(where, guest.name, *self._ends.names)

    # --- starting

    def _start(self, guest: Guest, account: MigrationResult, check: bool) -> Result:
        found = measure_facts(self._ends.source, self._ends.destination, guest, self._order.asked)
        seen = self._forecast(guest, found)
        if check:
            return account.foreseen("moved", _with_basis(seen, found))
        try:
            return self._started(guest, account, found, seen)
        except MigrationError as exc:
            if exc.reason != "POSTCOPY_NOT_SUPPORTED" or not seen.plan.flags.postcopy:
                raise
            # Whether the destination can is only known when its QEMU is asked; nothing has been sent then.
            self.notes.append(f"The destination cannot receive by post-copy, so it was done without. {exc.problem}")
        found = replace(found, facts=replace(found.facts, postcopy_possible=False))
        return self._started(guest, account, found, self._forecast(guest, found))

    def _forecast(self, guest: Guest, found: MeasuredFacts) -> Forecast:
        asked = self._order.asked
        seen = planned(
            self._order.policy,
            found.facts,
            compression=asked.compression,
            parallel_connections=asked.parallel_connections,
        )
        if not self._order.force:
            require_way(guest.name, seen, found.document())
        return seen

    def _started(self, guest: Guest, account: MigrationResult, found: MeasuredFacts, seen: Forecast) -> Result:
        order, wait = self._order, self._order.wait
        forecast = _with_basis(seen, found)
        if order.before_start is not None:
            order.before_start(guest, forecast)
        # A limit that nobody will raise is the policy's from the start.
        limit_ms = seen.plan.start_limit_ms if wait else highest_limit_ms(order.policy.max_downtime_ms)
        launch = MigrationStart(
            self._ends.source.uri,
            guest,
            order.asked.destination_uri,
            start_call(seen.plan.flags, replace(order.wishes, persistent=account.persistent)),
            limit_ms=limit_ms,
            autostart=account.autostart and account.persistent,
        )
        try:
            if wait:
                plan = replace(seen.plan, sharing=order.sharing)
                oversight = Supervision(account, guest, order.policy, plan, launch=launch, forecast=forecast)
                return self._to_the_end(oversight, "moved")
            sample = launch.begin_and_leave()
            if launch.problem is not None:
                raise launch.problem
            if sample is not None:
                return account.left_running(True, {"forecast": forecast, "elapsed_ms": sample.elapsed_ms})
            self._ends.settled()
            return account.settle(False, "moved", {"forecast": forecast})
        except (MigrationError, libvirt.libvirtError):
            launch.take_back()
            raise

    # --- adopting

    def _adopt(self, guest: Guest, account: MigrationResult, check: bool, broken: bool) -> Result:
        outcome = "recovered" if broken else "adopted"
        if check:
            return account.foreseen(outcome, None)
        if not self._order.wait and not broken:
            return account.left_running(False, {})
        plan = plan_of_running(self._ends.source, guest, self._order.asked.bandwidth_mib_per_s or None)
        plan = replace(plan, sharing=self._order.sharing)
        return self._to_the_end(Supervision(account, guest, self._order.policy, plan), outcome)

    def _to_the_end(self, oversight: Supervision, outcome: str) -> Result:
        asked = self._order.asked
        return oversight.to_the_end(outcome, asked.destination_uri, asked.migrate_uri, self._tell, self._watch)


def _with_basis(seen: Forecast, found: MeasuredFacts) -> Result:
    return {**seen.document(), "basis": found.document()}
