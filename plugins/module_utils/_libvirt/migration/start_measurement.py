# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest is measured for before it is sent, and the plan that is made with that."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._core.forecast.forecast import Forecast
from ..._core.forecast.plan import NO_WAY
from ..._core.forecast.quiet_moment import quiet_enough, waiting_line
from ..._core.migration.start_plan import planned, require_way
from ..guest import Guest
from ..measure.calm import wait_for_calm
from ..measure.facts import MeasuredFacts, MeasurementOptions, measure_facts
from .driver import ProgressCallback
from .early_measurement import EarlyMeasurement, measurement_for
from .measured_meanwhile import MeasuredMeanwhile
from .options import MigrationOptions
from .two_hosts import TwoHosts


class StartMeasurement:
    """Measures the guest of one migration. ``early``: what was begun before; it is used once.

    ``on_progress``: told what is waited for, as of :class:`Driver`. ``say``: for what the user should know.
    """

    def __init__(
        self,
        ends: TwoHosts,
        early: t.Optional[EarlyMeasurement],
        on_progress: t.Optional[ProgressCallback],
        say: t.Callable[[str], None],
    ) -> None:
        self._ends, self._early, self._on_progress, self._say = ends, early, on_progress, say

    def facts(self, guest: Guest, options: MigrationOptions, *, check: bool) -> MeasuredFacts:
        """The facts of a calm moment, where one comes within ``calm_wait_s``; else those of the last moment
        measured."""
        wait_s = options.calm_wait_s
        measurement = measurement_for(options.measurement, options.policy, check=check, calm_wait_s=wait_s)

        def calm(basis: MeasuredFacts) -> bool:  # nothing calmer is waited for
            return not wait_s or basis.facts.measured is None or quiet_enough(planned_with(options, basis))

        def told(basis: MeasuredFacts, waited_s: float) -> None:
            if self._on_progress is not None and basis.facts.measured is not None:
                line = waiting_line(basis.facts.measured, waited_s, wait_s)
                self._on_progress({"name": guest.name, "line": line})

        basis, was_calm = wait_for_calm(lambda: self._measured(guest, options, measurement), calm, wait_s, told)
        if not was_calm:
            self._say(f"{guest.name!r} was not calm within {wait_s:g} s.")
        return basis

    def drop_early(self) -> None:
        """A job runs: when it has ended, and another one is started, what was measured before it is old."""
        self._early = None

    def without_postcopy(self, guest: Guest, options: MigrationOptions, basis: MeasuredFacts) -> MeasuredFacts:
        """Once the destination is known not to receive by it: measured anew where less was needed with it."""
        if options.measurement.measure and basis.facts.hardly_measured:
            never = replace(options.policy, postcopy="never")
            basis = self._measured(guest, options, options.measurement._replace(no_more_than_for=never))
        return replace(basis, facts=replace(basis.facts, postcopy_possible=False))

    def beside_a_wait(
        self, guest: Guest, options: MigrationOptions, basis: MeasuredFacts
    ) -> t.Optional[MeasuredMeanwhile]:
        """Begun where a longer measurement would tell more."""
        if not options.measurement.measure or not basis.facts.hardly_measured:
            return None
        measurement = options.measurement._replace(no_more_than_for=options.policy)

        def measured(over: t.Callable[[], bool]) -> MeasuredFacts:
            return self._measured(guest, options, measurement._replace(over=over))

        return MeasuredMeanwhile(measured)

    def _measured(self, guest: Guest, options: MigrationOptions, measurement: MeasurementOptions) -> MeasuredFacts:
        early, self._early = self._early, None
        begun = early.begun if early and early.uuid == guest.uuid else None
        return measure_facts(self._ends.source, self._ends.destination, guest, options.path, measurement, begun)


def planned_with(options: MigrationOptions, basis: MeasuredFacts) -> Forecast:
    return planned(options.policy, basis.facts, options.measurement.choices)


def required_plan(options: MigrationOptions, name: str, basis: MeasuredFacts) -> Forecast:
    """Raises NO_WAY, but not with ``force``."""
    forecast = planned_with(options, basis)
    if not options.force:
        require_way(name, forecast, basis.document())
    return forecast


def replanned(
    options: MigrationOptions,
    name: str,
    found: t.Optional[MeasuredFacts],
    basis: MeasuredFacts,
    forecast: Forecast,
) -> tuple[MeasuredFacts, Forecast]:
    """The facts and the plan with what was ``found`` beside a wait; as they were where that was nothing.

    Raises NO_WAY where it turned out that there is none; but a guest that may go by post-copy is sent: that ends.
    """
    if found is None:
        return basis, forecast
    # That the destination's QEMU cannot receive by post-copy is no fact that is measured.
    possible = found.facts.postcopy_possible and basis.facts.postcopy_possible
    found = replace(found, facts=replace(found.facts, postcopy_possible=possible))
    with_found = planned_with(options, found)
    if with_found.plan.way != NO_WAY:
        return found, with_found
    if not options.force and (options.policy.postcopy == "never" or not possible):
        require_way(name, with_found, found.document())
    return basis, forecast
