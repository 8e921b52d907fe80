# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that was begun, or met, is supervised to its end: the result, or the error that says why there is
none."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

from ..._core.errors import MigrationError
from ..._core.forecast.forecast import expected_bytes
from ..._core.forecast.link_bandwidth import DestinationPath
from ..._core.forecast.plan import Plan, adopted_plan
from ..._core.job.sample import JobSample
from ..._core.migration.location import GuestLocation, Situation
from ..._core.migration.refusals import bad_end
from ..._core.migration.unfinished import unfinished
from ..._core.policy import Policy
from ..._core.supervision.record import Record, supervision_facts
from ..._core.supervision.supervisor import Supervisor
from ..._host.metrics_directory import MetricsDirectory
from ..._host.vcpu.groups import vcpu_groups
from ..connection import Connection, libvirt
from ..guest import Guest
from ..job.current import completed_job
from ..job.sampling import started_with
from ..job.source_daemon_lost import contact_lost, ended_by_a_restart
from .driver import Driver, ProgressCallback
from .result import MigrationResult, Result
from .start import OVERTAKEN, MigrationStart
from .two_hosts import TwoHosts

_STILL_ON_SOURCE = (Situation.START, Situation.ADOPT, Situation.BROKEN, Situation.ELSEWHERE)


class Supervision:
    """The supervision of one migration under one policy. ``start``: begins it; None where it runs already.

    ``notes``: what the user has to be told beside the result.
    """

    def __init__(
        self,
        result: MigrationResult,
        guest: Guest,
        policy: Policy,
        plan: Plan,
        *,
        start: t.Optional[MigrationStart] = None,
        forecast: t.Optional[Result] = None,
    ) -> None:
        self._result, self._ends, self._guest = result, result.ends, guest
        self._start, self._forecast = start, forecast
        self._policy, self._plan = policy, with_vcpu_quota(plan, result.ends.source, guest)
        self.notes: list[str] = []

    def to_the_end(
        self,
        outcome: str,
        path: DestinationPath,
        on_progress: t.Optional[ProgressCallback],
        on_look: t.Optional[ProgressCallback],
        metrics: t.Optional[MetricsDirectory] = None,
    ) -> Result:
        """The return values of a migration that has succeeded. ``outcome``: what to call it; the callbacks and
        ``metrics``: as of :class:`Driver`. Raises what kept the guest from arriving, and what is known of where it
        is."""
        record, start = self._record(), self._start
        driver = self._driver(record, path, on_progress, on_look, metrics)
        self.notes = driver.notes

        def facts(last: t.Optional[JobSample]) -> Result:
            return {"forecast": self._forecast, **supervision_facts(driver.applied, last, record)}

        try:
            last = driver.run(start.begin if start else None)
            if start is not None and record.supervisor.done and record.supervisor.outcome != "left":
                start.wait()
            where = self._ends.settled()
        except (libvirt.libvirtError, MigrationError) as exc:
            if start is not None and not start.started:
                raise
            if isinstance(exc, MigrationError) and exc.reason in OVERTAKEN:
                raise
            ended = ended_by_a_restart(self._ends.source, self._guest.uuid, exc)
            runs_on = self._ends.source_name if ended else None
            raise contact_lost(exc, self._guest.name, {**facts(driver.last), "runs_on": runs_on}, ended=ended) from exc
        there = where.there if where.situation is Situation.THERE else None
        if there is not None and (there.running or self._result.was_paused):
            return self._result.settle(False, outcome, facts(_with_statistics(self._ends, last)))
        raise self._not_there(where, record, facts(last))

    def _driver(
        self,
        record: Record,
        path: DestinationPath,
        on_progress: t.Optional[ProgressCallback],
        on_look: t.Optional[ProgressCallback],
        metrics: t.Optional[MetricsDirectory],
    ) -> Driver:
        return Driver(
            self._ends.source,
            self._guest,
            record,
            path.destination_uri,
            path.migrate_uri,
            on_progress=on_progress,
            on_look=on_look,
            expected_bytes=expected_bytes(self._forecast) if self._forecast else None,
            metrics=metrics,
        )

    def _record(self) -> Record:
        hosts = {"source": self._ends.source_name, "destination": self._ends.destination_name}
        supervisor = Supervisor(self._policy, self._plan)
        guest = self._guest
        return Record(supervisor, name=guest.name, uuid=guest.uuid, forecast=self._forecast, facts=hosts)

    def _not_there(self, where: GuestLocation, record: Record, facts: Result) -> MigrationError:
        ends, name = self._ends, self._guest.name
        cause = self._start.problem if self._start else None
        facts = {**facts, "runs_on": ends.runs_on(where)}
        if where.here is None or where.situation not in _STILL_ON_SOURCE or where.lost_there:
            return bad_end(where, name, *ends.names, cause=cause, facts=facts)
        state = f"The guest is {where.here.state_text} on {ends.source_name}"
        return unfinished(name, state, record, facts, again="run this again", cause=cause)


def _with_statistics(ends: TwoHosts, last: JobSample) -> JobSample:
    """The last look, with the statistics of the destination where the source has forgotten its own with the guest."""
    if last.downtime_ms is None and ends.there is not None:
        with contextlib.suppress(libvirt.libvirtError, MigrationError):
            return completed_job(ends.there) or last
    return last


def plan_of_running(connection: Connection, guest: Guest, bandwidth_mib_per_s: t.Optional[int]) -> Plan:
    """The plan for a job that somebody else started, by its flags and its guest.

    ``bandwidth_mib_per_s``: what its limit may be raised to (0: no limit; None: it is left alone).
    """
    started = started_with(connection, guest.name, guest.uuid)
    document = guest.document()
    plan = adopted_plan(
        started.postcopy,
        started.auto_converge,
        host_devices=len(document.sent_host_devices),
        memory_bytes=document.memory.total_bytes or None,
        postcopy_possible=not document.postcopy_obstacles,
    )
    plan = replace(plan, bandwidth_mib_per_s=bandwidth_mib_per_s, parallel_compression=started.parallel_compression)
    return with_vcpu_quota(plan, connection, guest)


def with_vcpu_quota(plan: Plan, connection: Connection, guest: Guest) -> Plan:
    """The plan, with whether the quotas of the guest's virtual processors can be lowered; QEMU slows it down itself in
    a job with auto-converge, and two that do so would take more than either may."""
    if plan.flags.auto_converge is not False or not connection.local:
        return plan
    try:
        vcpu_groups(guest.name, guest.uuid)
    except MigrationError as exc:
        return replace(plan, vcpu_quota=False, no_vcpu_quota=exc.problem)
    return replace(plan, vcpu_quota=True, no_vcpu_quota="")
