# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest is to run on that host: whatever is missing for that is done, and what does not fit is refused untouched."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import MigrationError
from ..._core.forecast.forecast import Forecast
from ..._core.forecast.quiet_moment import quiet_enough
from ..._core.guest_policy import GuestPolicies, Said
from ..._core.job.downtime_limit import highest_limit_ms
from ..._core.migration.location import Situation
from ..._core.migration.refusals import refusal
from ..._core.migration.start import StartOptions, check_choices, planned, require_way, start_call
from ..._core.policy import Policy
from ..._core.units import MIB
from ..connection import libvirt
from ..cordon import require_open
from ..guest import Guest
from ..measure.facts import MeasuredFacts, MeasurementOptions, measure_facts
from ..metadata import own_limits
from .driver import Tell
from .result import MigrationResult, Result, opened
from .start import OVERTAKEN, MigrationStart
from .supervise import Supervision, plan_of_running
from .two_hosts import TwoHosts


@dataclass(frozen=True)
class MigrationOptions:
    """``persistent``: None to keep it as it is; what ``wishes`` has of it does not count.

    ``sharing``: how many of ours may use the link at a time. ``before_start``: called with the guest and its forecast
    when it is about to be sent; what it raises prevents that. ``policies``: from which ``policy`` is made once the
    guest is known, with ``said``, what a plan says of it; ``storage``: how a plan wants its disks to go along.
    ``calm_wait_s``: how long to wait for a calm moment.
    """

    policy: Policy
    asked: MeasurementOptions
    wishes: StartOptions
    persistent: t.Optional[bool] = None
    wait: bool = True
    force: bool = False
    sharing: int = 1
    before_start: t.Optional[t.Callable[[Guest, Result], None]] = None
    policies: t.Optional[GuestPolicies] = None
    said: Said = field(default_factory=dict)
    storage: t.Optional[str] = None
    ignore_cordon: bool = False
    calm_wait_s: float = 0.0


_REST_S = 5.0  # between two measurements, so that the guest is left alone for half of the time


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
        self._runs_on = self._ends.runs_on(where)
        order, undefine_source = self._order, self._order.wishes.undefine_source
        account = opened(self._ends, where, persistent=order.persistent, undefine_source=undefine_source)
        if situation is Situation.THERE:
            if where.there is not None and not where.there.running:
                self.notes.append(f"{guest.name!r} is {where.there.told} on {self._ends.destination_name}.")
            return account.settle(check, "already_there", {}, account.found)
        # A broken post-copy can only be joined, whatever the guest says of itself: it cannot go back.
        if situation in (Situation.START, Situation.ADOPT):
            self._heed(guest)
        order, broken = self._order, situation is Situation.BROKEN
        if situation is Situation.START:
            return self._start(guest, account, check)
        if situation is Situation.ADOPT or (broken and order.policy.postcopy != "never"):
            return self._adopt(guest, account, check, broken)
        raise refusal(where, guest.name, *self._ends.names)

    def _heed(self, guest: Guest) -> None:
        """The policy and the disks of this very guest. Raises OPTIONS_CONFLICT, and what keeps it from being read."""
        order, policies = self._order, self._order.policies
        if policies is None:
            return
        own: Said = {}
        if policies.heed_metadata:
            own, notes = own_limits(guest)
            self.notes += [note for note in notes if note not in self.notes]
        policy = policies.of(guest.name, guest.uuid, own, order.said)
        check_choices(order.asked.compression, order.asked.parallel_connections, policy)
        storage = order.storage or policies.copy_storage(guest.name, guest.uuid) or order.wishes.copy_storage
        self._order = replace(order, policy=policy, wishes=replace(order.wishes, copy_storage=storage))

    # --- starting

    def _start(self, guest: Guest, account: MigrationResult, check: bool) -> Result:
        found = self._facts(guest)
        seen = self._forecast(guest, found)
        if check:
            return account.foreseen("moved", _with_basis(seen, found))
        try:
            return self._with_or_without_postcopy(guest, account, found, seen)
        except MigrationError as exc:
            # In an evacuation others go first; its queue tries this one again.
            if exc.reason != "GIVEN_UP" or not self._order.calm_wait_s or self._order.before_start is not None:
                raise
            if self._ends.settled().situation is not Situation.START:
                raise
            self._learn(exc)
        found = self._facts(guest)
        return self._with_or_without_postcopy(guest, account, found, self._forecast(guest, found))

    def _facts(self, guest: Guest) -> MeasuredFacts:
        """In a calm moment, where one comes within ``calm_wait_s``; else of the last moment."""
        order, began_s = self._order, time.monotonic()
        while True:
            found = measure_facts(self._ends.source, self._ends.destination, guest, order.asked)
            spent_s = time.monotonic() - began_s
            if found.facts.measured is None or quiet_enough(self._planned(found)):
                return found
            if spent_s + _REST_S > order.calm_wait_s:
                return found
            time.sleep(_REST_S)

    def _learn(self, failed: MigrationError) -> None:
        """What the network really carried counts for the next attempt, where that is less than was thought."""
        record = failed.facts.get("record") or {}
        sent, took_ms = record.get("sent_bytes") or 0, record.get("elapsed_ms") or 0
        asked = self._order.asked
        self.notes.append(f"{failed.problem} It was tried once more in the calmest moment that came.")
        if sent and took_ms:
            carried = sent * 1000 / took_ms / MIB
            if asked.link_mib_per_s is None or carried < asked.link_mib_per_s:
                self._order = replace(self._order, asked=asked._replace(link_mib_per_s=carried))

    def _with_or_without_postcopy(
        self, guest: Guest, account: MigrationResult, found: MeasuredFacts, seen: Forecast
    ) -> Result:
        try:
            return self._started(guest, account, found, seen)
        except MigrationError as exc:
            if exc.reason != "POSTCOPY_NOT_SUPPORTED" or not seen.plan.flags.postcopy:
                raise
            # Whether the destination can is only known when its QEMU is asked; nothing has been sent then.
            self.notes.append(f"The destination cannot receive by post-copy, so it was done without. {exc.problem}")
        found = replace(found, facts=replace(found.facts, postcopy_possible=False))
        return self._started(guest, account, found, self._forecast(guest, found))

    def _planned(self, found: MeasuredFacts) -> Forecast:
        asked = self._order.asked
        return planned(
            self._order.policy,
            found.facts,
            compression=asked.compression,
            parallel_connections=asked.parallel_connections,
        )

    def _forecast(self, guest: Guest, found: MeasuredFacts) -> Forecast:
        seen = self._planned(found)
        if not self._order.force:
            require_way(guest.name, seen, found.document())
        return seen

    def _started(self, guest: Guest, account: MigrationResult, found: MeasuredFacts, seen: Forecast) -> Result:
        order, wait = self._order, self._order.wait
        forecast = _with_basis(seen, found)
        if order.before_start is not None:
            order.before_start(guest, forecast)
        if not order.ignore_cordon:
            require_open(self._ends.destination, self._ends.destination_name, guest.name)
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
