# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest is to run on the destination: what is missing for that is done, and what does not fit is refused before
anything was changed."""

from __future__ import annotations

import itertools
import time
import typing as t
from dataclasses import dataclass, field, replace

from ..._core.errors import MigrationError
from ..._core.forecast.forecast import Forecast
from ..._core.forecast.link_bandwidth import DestinationPath
from ..._core.forecast.quiet_moment import quiet_enough, waiting_line
from ..._core.guest_policy import GuestPolicies, Said
from ..._core.job.downtime_limit import highest_limit_ms
from ..._core.migration.copied_disks import choose_disks
from ..._core.migration.destination_xml import moved_disks
from ..._core.migration.location import Situation
from ..._core.migration.refusals import refusal
from ..._core.migration.start import StartOptions, check_choices, check_copies, planned, require_way, start_call
from ..._core.policy import Policy
from ..._core.units import MIB
from ..._host.metrics_directory import MetricsDirectory
from ..connection import libvirt
from ..cordon import require_open
from ..guest import Guest
from ..job.lost_contact import ENDED_BY_A_RESTART
from ..job.sampling import counts_sent
from ..measure.facts import REST_S, MeasuredFacts, MeasurementOptions, measure_facts
from ..metadata import own_limits
from .driver import ProgressCallback
from .early import EarlyMeasurement, measurement_for
from .memory import MigrationMemory
from .metrics import tell_two_hosts
from .result import MigrationResult, Result, opened
from .sent_definition import MIGRATABLE, SECURE, DestinationDefinition, SentDefinition, read_definition
from .source_disks import source_disks
from .start import OVERTAKEN, MigrationStart
from .supervise import Supervision, plan_of_running
from .two_hosts import TwoHosts

_TWICE = "SPLIT_BRAIN"


@dataclass(frozen=True)
class MigrationOptions:
    """How one guest is to be moved. ``persistent``: whether it is to be defined where it runs; None to keep that as it
    is.

    ``definition``: what of it is otherwise on the destination. ``wait``: until the migration has ended. ``force``: also
    where the forecast knows no way, or the destination lacks memory. ``sharing``: how many transfers of the same
    evacuation may use the link at once.
    ``before_start``: called with the guest and its forecast when it is about to be sent; what it raises prevents that.
    ``policies``: from which ``policy`` is made once the guest is known, with ``said``, what a plan says of it;
    ``storage`` and ``disks``: how a plan wants its disks to go along, and which. ``metrics``: where they are written.
    ``calm_wait_s``: how long to wait for a calm moment. ``early``: what was begun before the destination was reached.
    """

    policy: Policy
    path: DestinationPath
    measurement: MeasurementOptions
    start: StartOptions
    persistent: t.Optional[bool] = None
    wait: bool = True
    force: bool = False
    sharing: int = 1
    before_start: t.Optional[t.Callable[[Guest, Result], None]] = None
    definition: DestinationDefinition = field(default_factory=DestinationDefinition)
    policies: t.Optional[GuestPolicies] = None
    said: Said = field(default_factory=dict)
    storage: t.Optional[str] = None
    disks: t.Optional[t.Sequence[str]] = None
    ignore_cordon: bool = False
    metrics: t.Optional[MetricsDirectory] = None
    calm_wait_s: float = 0.0
    early: t.Optional[EarlyMeasurement] = None


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
                return self._run_or_adopt(check)
            except MigrationError as exc:
                # Its own policy is known from the first look on.
                if exc.reason != ENDED_BY_A_RESTART or restarts >= self._options.policy.max_restarts:
                    exc.facts.setdefault("runs_on", self._runs_on)
                    if exc.reason == _TWICE and not check:
                        self._tell_two_hosts(True)
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
            there_is=options.definition.persistent,
        )
        self._memory.found_with(situation, check=check)
        if situation is Situation.THERE:
            if where.there is not None and not where.there.running:
                self.notes.append(f"{guest.name!r} is {where.there.state_text} on {self._ends.destination_name}.")
            return result.settle(check, "already_there", {}, result.found)
        broken = situation is Situation.BROKEN
        if broken or situation in (Situation.START, Situation.ADOPT):
            self._heed(guest, broken=broken)
        if situation is Situation.START:
            return self._start(guest, result, check)
        if situation is Situation.ADOPT or (broken and self._options.policy.postcopy != "never"):
            return self._adopt(guest, result, check, broken)
        raise refusal(where, guest.name, *self._ends.names)

    def _heed(self, guest: Guest, *, broken: bool) -> None:
        """The policy and the disks of this very guest. Raises OPTIONS_CONFLICT, and what keeps it from being read.

        A broken post-copy can only be joined, whatever the guest says of itself: it cannot go back.
        """
        options, policies = self._options, self._options.policies
        if policies is None:
            return
        own: Said = {}
        if policies.heed_metadata and not broken:
            early = options.early
            own, notes = early.own if early and early.uuid == guest.uuid else own_limits(guest)
            self.notes += [note for note in notes if note not in self.notes]
        policy = policies.of(guest.name, guest.uuid, own, options.said)
        check_choices(options.measurement.choices, policy)
        storage = options.storage or policies.copy_storage(guest.name, guest.uuid) or options.start.copy_storage
        start = replace(
            options.start,
            copy_storage=storage,
            copy_disks=self._disks_to_copy(guest, policies, storage),
            copy_synchronous_writes=options.start.copy_synchronous_writes and storage != "none",
        )
        self._options = replace(options, policy=policy, start=start)

    def _disks_to_copy(self, guest: Guest, policies: GuestPolicies, storage: str) -> t.Optional[t.Sequence[str]]:
        """What the entries say counts only where disks are copied: they hold for every migration of the guest."""
        options = self._options
        if options.disks is not None:
            return options.disks
        listed = policies.copy_disks(guest.name, guest.uuid) if storage != "none" else None
        return listed if listed is not None else options.start.copy_disks

    # --- starting

    def _start(self, guest: Guest, result: MigrationResult, check: bool) -> Result:
        self._choose_disks(guest)
        self._definition(guest, result).parameters()  # what may not be is refused before anything is touched
        try:
            found, seen = self._foreseen(guest, check)
        finally:
            if check:
                self._memory.end_of_check()
        if check:
            return result.foreseen("moved", self._document(seen, found))
        try:
            return self._with_or_without_postcopy(guest, result, found, seen)
        except MigrationError as exc:
            # In an evacuation others go first; its queue tries this one again.
            alone = self._options.before_start is None
            calmer = exc.reason == "GIVEN_UP" and self._options.calm_wait_s and alone
            if not (calmer or self._memory.pressed) or self._ends.settled().situation is not Situation.START:
                raise
            self._memory.back_at_the_source()
            if self._memory.pressed:
                self._with_all_its_memory(guest)
            else:
                self._learn(exc)
        found, seen = self._foreseen(guest)
        return self._with_or_without_postcopy(guest, result, found, seen)

    def _foreseen(self, guest: Guest, check: bool = False) -> tuple[MeasuredFacts, Forecast]:
        self._memory.begin(guest, self._options.policy, wait=self._options.wait)
        found = self._memory.look(self._facts(guest, check), self._planned)
        return found, self._forecast(guest, found)

    def _document(self, seen: Forecast, found: MeasuredFacts) -> Result:
        return {**seen.document(), "basis": found.document(), "shrink": self._memory.document(seen)}

    def _facts(self, guest: Guest, check: bool = False) -> MeasuredFacts:
        """The facts of a calm moment, where one comes within ``calm_wait_s``; else those of the last moment
        measured."""
        options, began_s = self._options, time.monotonic()
        measurement = measurement_for(options.measurement, options.policy, check=check, calm_wait_s=options.calm_wait_s)
        while True:
            found = self._measured(guest, measurement)
            waited_s = time.monotonic() - began_s
            if not options.calm_wait_s or found.facts.measured is None or quiet_enough(self._planned(found)):
                return found
            if waited_s + REST_S > options.calm_wait_s:
                self.notes.append(f"{guest.name!r} was not calm within {options.calm_wait_s:g} s.")
                return found
            if self._on_progress is not None:
                line = waiting_line(found.facts.measured, waited_s, options.calm_wait_s)
                self._on_progress({"name": guest.name, "line": line})
            time.sleep(REST_S)

    def _measured(self, guest: Guest, measurement: MeasurementOptions) -> MeasuredFacts:
        early = self._options.early
        self._options = replace(self._options, early=None)
        begun = early.begun if early and early.uuid == guest.uuid else None
        return measure_facts(self._ends.source, self._ends.destination, guest, self._options.path, measurement, begun)

    def _with_all_its_memory(self, guest: Guest) -> None:
        """From here on; it has its turn already."""
        self.notes.append(
            f"{guest.name!r} ran short of memory while it was smaller for its migration: {self._memory.pressed}. It was"
            " called back, got its memory back, and was sent with all of it."
        )
        policy = replace(self._options.policy, shrink="never")
        self._options = replace(self._options, policy=policy, before_start=None)

    def _learn(self, failed: MigrationError) -> None:
        """After a failed attempt: plan the next one with what the network really carried, where that is less."""
        record = failed.facts.get("record") or {}
        sent, took_ms = record.get("sent_bytes") or 0, record.get("elapsed_ms") or 0
        path = self._options.path
        self.notes.append(f"{failed.problem} It was tried once more in the calmest moment that came.")
        if sent and took_ms:
            carried = sent * 1000 / took_ms / MIB
            if path.link_mib_per_s is None or carried < path.link_mib_per_s:
                self._options = replace(self._options, path=path._replace(link_mib_per_s=carried))

    def _with_or_without_postcopy(
        self, guest: Guest, result: MigrationResult, found: MeasuredFacts, seen: Forecast
    ) -> Result:
        try:
            return self._started(guest, result, found, seen)
        except MigrationError as exc:
            if exc.reason != "POSTCOPY_NOT_SUPPORTED" or not seen.plan.flags.postcopy:
                raise
            # Whether the destination can is only known when its QEMU is asked; nothing has been sent then.
            self.notes.append(f"The destination cannot receive by post-copy, so it was done without. {exc.problem}")
        measurement = self._options.measurement
        if measurement.measure and found.facts.measured is None:  # it was not needed with post-copy
            found = self._measured(guest, measurement)
        found = replace(found, facts=replace(found.facts, postcopy_possible=False))
        return self._started(guest, result, found, self._forecast(guest, found))

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
        how = options.copy_storage if chosen else "none"
        self._options = replace(self._options, start=replace(options, copy_disks=chosen, copy_storage=how))

    def _definition(self, guest: Guest, result: MigrationResult) -> SentDefinition:
        options = self._options.start
        copied = options.copy_disks or () if options.copy_storage != "none" else ()
        return SentDefinition(guest, self._options.definition, persistent=result.persistent, copied=copied)

    def _planned(self, found: MeasuredFacts) -> Forecast:
        return planned(self._options.policy, found.facts, self._options.measurement.choices)

    def _forecast(self, guest: Guest, found: MeasuredFacts) -> Forecast:
        seen = self._planned(found)
        if not self._options.force:
            require_way(guest.name, seen, found.document())
        return seen

    def _started(self, guest: Guest, result: MigrationResult, found: MeasuredFacts, seen: Forecast) -> Result:
        options, wait = self._options, self._options.wait
        forecast = self._document(seen, found)
        if options.before_start is not None:
            options.before_start(guest, forecast)
        if not options.ignore_cordon:
            require_open(self._ends.destination, self._ends.destination_name, guest.name)
        less = self._memory.take(guest, found)
        if less is not found:
            found, seen = less, self._planned(less)
            forecast = self._document(seen, found)
        # A limit that nobody will raise is the policy's from the start.
        limit_ms = (
            seen.plan.start_limit_ms
            if wait
            else highest_limit_ms(options.policy.max_downtime_ms, found.facts.host_devices)
        )
        start = MigrationStart(
            self._ends.source.uri,
            guest,
            options.path.destination_uri,
            start_call(seen.plan.flags, options.path, options.start, persistent=result.persistent),
            limit_ms=limit_ms,
            autostart=result.autostart and result.persistent,
            definition=self._definition(guest, result).parameters,
        )
        try:
            if wait:
                unmeasured = found.facts.measured is None
                counted = seen.plan.flags.zstd_level > 0 and counts_sent(self._ends.source)
                plan = replace(
                    seen.plan,
                    sharing=options.sharing,
                    first_pass_tells=unmeasured,
                    parallel_compression=counted,
                )
                supervision = Supervision(result, guest, options.policy, plan, start=start, forecast=forecast)
                return self._to_the_end(supervision, "moved")
            sample = start.begin_and_leave()
            if start.problem is not None:
                raise start.problem
            if sample is not None:
                return result.left_running(True, {"forecast": forecast, "elapsed_ms": sample.elapsed_ms})
            self._ends.settled()
            return result.settle(False, "moved", {"forecast": forecast})
        except (MigrationError, libvirt.libvirtError):
            start.take_back()
            raise

    # --- adopting

    def _adopt(self, guest: Guest, result: MigrationResult, check: bool, broken: bool) -> Result:
        outcome = "recovered" if broken else "adopted"
        if check:
            return result.foreseen(outcome, None)
        if not self._options.wait and not broken:
            return result.left_running(False, {})
        plan = plan_of_running(self._ends.source, guest, self._options.path.bandwidth_mib_per_s or None)
        plan = replace(plan, sharing=self._options.sharing)
        return self._to_the_end(Supervision(result, guest, self._options.policy, plan), outcome)

    def _to_the_end(self, supervision: Supervision, outcome: str) -> Result:
        callbacks = (self._on_progress, self._looked)
        return supervision.to_the_end(outcome, self._options.path, *callbacks, self._options.metrics)

    def _looked(self, numbers: t.Mapping[str, t.Any]) -> None:
        self._memory.watch(numbers)
        if self._on_look is not None:
            self._on_look(numbers)
