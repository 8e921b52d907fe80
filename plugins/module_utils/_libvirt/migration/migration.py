# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest is to run on the destination: what is missing for that is done, and what does not fit is refused before
anything was changed."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace

from ..._core.errors import MigrationError
from ..._core.forecast.forecast import Forecast
from ..._core.migration.call_parameters import check_copies, start_call
from ..._core.migration.copied_disks import choose_disks
from ..._core.migration.destination_xml import moved_disks
from ..._core.migration.location import Situation
from ..._core.migration.refusals import refusal
from ..._core.migration.start_plan import first_limit_ms
from ..connection import libvirt
from ..cordon_secret import require_open
from ..guest import Guest
from ..job.sampling import counts_sent
from ..job.source_daemon_lost import ENDED_BY_A_RESTART
from ..measure.facts import MeasuredFacts
from .attempts import learn, learnt_before
from .balloon import MigrationMemory
from .driver import ProgressCallback
from .guest_options import options_of_guest
from .metrics import tell_two_hosts
from .options import MigrationOptions
from .result import MigrationResult, Result, opened
from .sent_definition import MIGRATABLE, SECURE, SentDefinition, read_definition
from .source_disks import source_disks
from .start import OVERTAKEN, MigrationStart
from .start_measurement import StartMeasurement, planned_with, replanned, required_plan
from .supervise import Supervision, plan_of_running
from .two_hosts import TwoHosts


class Migration:
    """One guest moved. ``notes``: what the user should know although it went well.

    ``on_progress`` and ``on_look``: as of :class:`Driver`.
    """

    def __init__(
        self,
        ends: TwoHosts,
        options: MigrationOptions,
        on_progress: t.Optional[ProgressCallback] = None,
        on_look: t.Optional[ProgressCallback] = None,
    ) -> None:
        self._ends, self._options, self._on_progress, self._on_look = ends, options, on_progress, on_look
        self._runs_on: t.Optional[str] = None
        self.notes: list[str] = []
        self._memory = MigrationMemory(ends, self.notes.append)
        self._measurement = StartMeasurement(ends, options.early, on_progress, self.notes.append)

    @property
    def copy_storage(self) -> str:
        """How the disks of this guest go along, a key of ``STORAGE``; known when it is about to be sent."""
        return self._options.start.copy_storage

    def run(self, *, check: bool) -> Result:
        """Look where the guest is, and do what is to be done; again, as often as its policy has it, after a restart."""
        try:
            result = self._attempts(check)
        except MigrationError as exc:
            if check:
                raise
            raise self._memory.after_failure(exc) from exc.__cause__
        except libvirt.libvirtError:
            if not check:
                self._memory.after_trouble()
            raise
        return self._memory.foreseen(result) if check else self._memory.after(result)

    def _attempts(self, check: bool) -> Result:
        for restarts in itertools.count():
            try:
                return self._run_again_if_overtaken(check)
            except MigrationError as exc:
                # Its own policy is known from the first look on.
                if exc.reason != ENDED_BY_A_RESTART or restarts >= self._options.policy.max_restarts:
                    exc.facts.setdefault("runs_on", self._runs_on)
                    if exc.reason == "SPLIT_BRAIN" and not check:
                        self._tell_two_hosts(True)
                    raise
                self.notes.append(f"It was started again. {exc.problem}")
        raise AssertionError("unreachable")

    def _run_again_if_overtaken(self, check: bool) -> Result:
        try:
            return self._run(check)
        except MigrationError as exc:
            if exc.reason not in OVERTAKEN:
                raise
        # Perhaps the same task was run twice: what there is now is looked at once more.
        return self._run(check)

    def _tell_two_hosts(self, twice: bool) -> None:
        guest = self._ends.guest
        tell_two_hosts(self._options.metrics, guest.name, guest.uuid, twice)

    def _run(self, check: bool) -> Result:
        where = self._ends.settled()
        guest, situation = self._ends.guest, where.situation
        self._runs_on = self._ends.runs_on(where)
        if situation is not Situation.SPLIT_BRAIN and not check:
            self._tell_two_hosts(False)
        options = self._options
        result = opened(
            self._ends,
            where,
            persistent=options.persistent,
            undefine_source=options.start.undefine_source,
            definition_there=options.definition.persistent,
        )
        self._memory.found_with(situation, check=check)
        if situation is Situation.THERE:
            if where.there is not None and not where.there.running:
                self.notes.append(f"{guest.name!r} is {where.there.state_text} on {self._ends.destination_name}.")
            return result.settle(check, "already_there", {}, result.found)
        broken = situation is Situation.BROKEN
        if broken or situation in (Situation.START, Situation.ADOPT):
            self._options, notes = options_of_guest(self._options, guest, broken=broken)
            self.notes += [note for note in notes if note not in self.notes]
        if situation is Situation.START:
            self._remember(guest)
            return self._start(guest, result, check) if check else self._start_and_once_more(guest, result)
        if situation is Situation.ADOPT or (broken and self._options.policy.postcopy != "never"):
            return self._adopt(guest, result, check, broken)
        raise refusal(where, guest.name, *self._ends.names)

    # --- starting

    def _start_and_once_more(self, guest: Guest, result: MigrationResult) -> Result:
        """Once more in a calm moment, where one may be waited for, or with the memory that it has run short of."""
        try:
            return self._start(guest, result, False)
        except MigrationError as exc:
            # In an evacuation others go first; its queue tries this one again.
            alone = self._options.before_start is None
            if alone:
                self._learn(guest, exc)
            calmer = exc.reason == "GIVEN_UP" and self._options.calm_wait_s and alone
            if not (calmer or self._memory.pressed) or self._ends.settled().situation is not Situation.START:
                raise
            self._memory.back_at_the_source()
            if self._memory.pressed:
                self._with_all_its_memory(guest)
            else:
                self.notes.append(f"{exc.problem} It was tried once more in the calmest moment that came.")
        return self._start(guest, result, False)

    def _start(self, guest: Guest, result: MigrationResult, check: bool) -> Result:
        self._choose_disks(guest)
        self._definition(guest, result).parameters()  # what may not be is refused before anything is touched
        try:
            basis, forecast = self._measure_and_forecast(guest, check)
        finally:
            if check:
                self._memory.end_of_check()
        if check:
            return result.foreseen("moved", self._document(forecast, basis))
        return self._with_or_without_postcopy(guest, result, basis, forecast)

    def _measure_and_forecast(self, guest: Guest, check: bool = False) -> tuple[MeasuredFacts, Forecast]:
        self._memory.begin(guest, self._options.policy, wait=self._options.wait)
        found = self._measurement.facts(guest, self._options, check=check)
        basis = self._memory.look(found, self._planned)
        return basis, required_plan(self._options, guest.name, basis)

    def _planned(self, basis: MeasuredFacts) -> Forecast:
        return planned_with(self._options, basis)

    def _document(self, forecast: Forecast, basis: MeasuredFacts) -> Result:
        return {**forecast.document(), "basis": basis.document(), "shrink": self._memory.document(forecast)}

    def _with_all_its_memory(self, guest: Guest) -> None:
        """From here on; it has its turn already."""
        self.notes.append(
            f"{guest.name!r} ran short of memory while it was smaller for its migration: {self._memory.pressed}. It was"
            " called back, got its memory back, and was sent with all of it."
        )
        policy = replace(self._options.policy, shrink="never")
        self._options = replace(self._options, policy=policy, before_start=None)

    def _remember(self, guest: Guest) -> None:
        """What an earlier run has learnt of the way, and noted in the guest's metadata."""
        if self._options.policies is not None and not self._options.policies.heed_metadata:
            return
        path, told = learnt_before(guest, self._ends.destination_name, self._options.path)
        self._options = replace(self._options, path=path)
        self.notes += [told] if told else []

    def _learn(self, guest: Guest, failed: MigrationError) -> None:
        """From a failed attempt, for the next one. What others sent beside it would be in what is learnt."""
        path = learn(guest, self._ends.destination_name, self._options.path, failed)
        self._options = replace(self._options, path=path)

    def _with_or_without_postcopy(
        self, guest: Guest, result: MigrationResult, basis: MeasuredFacts, forecast: Forecast
    ) -> Result:
        try:
            return self._send(guest, result, basis, forecast)
        except MigrationError as exc:
            if exc.reason != "POSTCOPY_NOT_SUPPORTED" or not forecast.plan.flags.postcopy:
                raise
            # Whether the destination can is only known when its QEMU is asked; nothing has been sent then.
            self.notes.append(f"The destination cannot receive by post-copy, so it was done without. {exc.problem}")
        without = self._measurement.without_postcopy(guest, self._options, basis)
        return self._send(guest, result, without, required_plan(self._options, guest.name, without))

    def _choose_disks(self, guest: Guest) -> None:
        """Replace the choice of disks to copy by a list of targets. Raises OPTIONS_CONFLICT where none is to be."""
        options = self._options.start
        check_copies(options)
        if options.copy_storage == "none":
            return
        xml = read_definition(guest, SECURE | MIGRATABLE)
        moved = moved_disks(xml, self._options.definition.live(xml))
        disks = source_disks(xml, moved, local=self._ends.source.local)
        chosen = choose_disks(disks, options.copy_disks)
        # Where none is left to copy, nothing that is for copies holds; this is asked again before another attempt.
        how = options if chosen else replace(options, copy_storage="none", copy_synchronous_writes=False)
        self._options = replace(self._options, start=replace(how, copy_disks=chosen))

    def _definition(self, guest: Guest, result: MigrationResult) -> SentDefinition:
        options = self._options.start
        copied = options.copy_disks or () if options.copy_storage != "none" else ()
        return SentDefinition(guest, self._options.definition, persistent=result.persistent, copied=copied)

    def _send(self, guest: Guest, result: MigrationResult, basis: MeasuredFacts, forecast: Forecast) -> Result:
        options, wait = self._options, self._options.wait
        if options.before_start is not None:
            meanwhile = self._measurement.beside_a_wait(guest, options, basis)
            options.before_start(guest, self._document(forecast, basis))
            found = meanwhile.end() if meanwhile is not None else None
            basis, forecast = replanned(options, guest.name, found, basis, forecast)
        if not options.ignore_cordon:
            require_open(self._ends.destination, self._ends.destination_name, guest.name)
        less = self._memory.take(guest, basis)
        if less is not basis:
            basis, forecast = less, self._planned(less)
        document = self._document(forecast, basis)
        start = MigrationStart(
            self._ends.source.uri,
            guest,
            options.path.destination_uri,
            start_call(forecast.plan.flags, options.path, options.start, persistent=result.persistent),
            limit_ms=first_limit_ms(forecast.plan, options.policy, supervised=wait),
            autostart=result.autostart and result.persistent,
            definition=self._definition(guest, result).parameters,
        )
        try:
            if wait:
                counted = forecast.plan.flags.zstd_level > 0 and counts_sent(self._ends.source)
                plan = replace(
                    forecast.plan,
                    sharing=options.sharing,
                    first_pass_tells=basis.facts.hardly_measured,
                    parallel_compression=counted,
                )
                supervision = Supervision(result, guest, options.policy, plan, start=start, forecast=document)
                return self._to_the_end(supervision, "moved")
            sample = start.begin_and_leave()
            if start.problem is not None:
                raise start.problem
            if sample is not None:
                return result.left_running(True, {"forecast": document, "elapsed_ms": sample.elapsed_ms})
            self._ends.settled()
            return result.settle(False, "moved", {"forecast": document})
        except (MigrationError, libvirt.libvirtError):
            start.take_back()
            raise

    # --- adopting

    def _adopt(self, guest: Guest, result: MigrationResult, check: bool, broken: bool) -> Result:
        outcome = "recovered" if broken else "adopted"
        self._measurement.drop_early()
        if check:
            return result.foreseen(outcome, None)
        if not self._options.wait and not broken:
            return result.left_running(False, {})
        plan = plan_of_running(self._ends.source, guest, self._options.path.bandwidth_mib_per_s or None)
        plan = replace(plan, sharing=self._options.sharing)
        return self._to_the_end(Supervision(result, guest, self._options.policy, plan), outcome)

    def _to_the_end(self, supervision: Supervision, outcome: str) -> Result:
        callbacks = (self._on_progress, self._looked)
        try:
            return supervision.to_the_end(outcome, self._options.path, *callbacks, self._options.metrics)
        finally:
            self.notes += supervision.notes

    def _looked(self, numbers: t.Mapping[str, t.Any]) -> None:
        self._memory.watch(numbers)
        if self._on_look is not None:
            self._on_look(numbers)
