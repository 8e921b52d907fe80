# SPDX-License-Identifier: GPL-3.0-or-later
"""Does what the engine decides about one job: looks at it, asks the engine, acts, until the job has ended or is
left."""

from __future__ import annotations

import contextlib
import time
import typing as t
from dataclasses import replace

from ..._core.errors import MigrationError
from ..._core.job.sample import JobSample, Phase
from ..._core.supervision.actions import Action, ActionResult, Kind
from ..._core.supervision.budget import setup_allowed_s
from ..._core.supervision.progress import Reporter
from ..._core.supervision.record import Record
from ..._core.text import printable
from ..._core.units import human_ms
from ..._host.metrics_directory import MetricsDirectory
from ..._host.supervision_lock import supervising
from ..._host.vcpu.throttle import VcpuThrottle, mend
from ..connection import Connection, libvirt
from ..events import Events
from ..guest import Guest
from ..job.current import answers
from ..job.end import ended
from ..job.limits import limits_of, set_bandwidth, set_max_downtime
from ..job.postcopy_resume import Resume, check_both_ends
from ..job.resume_by_monitor import resume_by_monitor
from ..job.sampling import glance
from ..timeout import within
from .destination_monitor import path_to
from .metrics import GuestMetrics

_POLL_S = 0.5  # between looks, beside those at each bitmap sync: QEMU gives its rates anew twice a second
_RESUMED_AFTER_S = 2.0  # a call that resumes and has not failed by then works, as it comes back at the end; a choice
_SWITCH_GRACE_S = 30.0  # beside what the guest may stand still; a choice
_LOOK_AGAIN_S = 30.0  # so long looks may fail while the daemon answers; a choice
_LOOK_AGAIN_HUNG_S = 120.0  # of a QEMU that does not answer, and in post-copy; a choice
_ENDS = (Kind.ABORT, Kind.LEAVE)
_MAY_GO_BACK = (Phase.SETUP, Phase.PRECOPY)

ProgressCallback = t.Callable[[t.Mapping[str, t.Any]], None]


class Driver:
    """Supervises one outgoing job. ``destination_uri``: where a broken post-copy may be resumed to, if known.

    ``on_progress``: called with the guest's name, a line and its numbers whenever something has changed; ``on_look``:
    with the numbers of every look. ``expected_bytes``: to be sent in all. ``exclusive``: leave it to another process
    of this host that looks after it already (ALREADY_SUPERVISED). ``metrics``: where they are written to.
    ``incoming_port``: where the half on the destination waits, to be resumed by QEMU's monitor and not by libvirt.

    Whatever the end is, the quotas of the guest's virtual processors are then what they were.

    ``applied``: what was done; ``proposed``: what mode ``observe`` would have done; ``last``: the last look;
    ``notes``: what the user has to be told beside that;
    ``destination_answered``: whether the daemon there has ever answered (None: it was not asked).
    """

    def __init__(
        self,
        connection: Connection,
        guest: Guest,
        record: Record,
        destination_uri: t.Optional[str] = None,
        migrate_uri: t.Optional[str] = None,
        *,
        on_progress: t.Optional[ProgressCallback] = None,
        on_look: t.Optional[ProgressCallback] = None,
        expected_bytes: t.Optional[int] = None,
        exclusive: bool = False,
        metrics: t.Optional[MetricsDirectory] = None,
        incoming_port: t.Optional[int] = None,
    ) -> None:
        self._connection, self._guest, self._record = connection, guest, record
        self._incoming_port = incoming_port
        self._exclusive = exclusive
        self._metrics = GuestMetrics(metrics, record, guest.uuid)
        self._destination_uri, self._migrate_uri = destination_uri, migrate_uri
        self._on_progress, self._on_look = on_progress, on_look
        self._resuming: t.Optional[Resume] = None
        self._throttle = VcpuThrottle(guest.name, guest.uuid)
        self.notes: list[str] = []
        self._reporter = Reporter(record.supervisor.history, record.supervisor.settings, expected_bytes)
        self.applied: list[Action] = []
        self.proposed: list[Action] = []
        self.last: t.Optional[JobSample] = None
        self.destination_answered: t.Optional[bool] = None

    def run(self, begin: t.Optional[t.Callable[[], None]] = None, *, foresee_s: t.Optional[float] = None) -> JobSample:
        """Supervise to the end; the last look. Raises what a look raises: the job then goes on by itself.

        ``begin`` starts the job, where it does not run yet, when the events are heard already. ``foresee_s``, for mode
        ``observe``: only until the first action that is proposed, and for no longer than this.
        """
        # From elsewhere nobody knows who else does. Whoever only looks is in nobody's way.
        acts = self._record.supervisor.policy.mode == "act"
        locks = self._connection.local and acts
        with supervising(self._guest.uuid) if locks else contextlib.nullcontext(True) as alone:
            if self._exclusive and not alone:
                raise _already_supervised(self._guest)
            left = mend(self._guest.uuid) if locks else ""
            try:
                return self._run(begin, foresee_s)
            finally:
                self._end_throttle()
                problems = [left, *self._throttle.problems]
                self.notes += [f"{printable(self._guest.name)}: {one}." for one in problems if one]

    def _run(self, begin: t.Optional[t.Callable[[], None]], foresee_s: t.Optional[float]) -> JobSample:
        begin_s = time.monotonic()
        results: list[ActionResult] = []
        at_sync = False
        # From elsewhere the way to the destination is another one than that between the two daemons.
        path = path_to(self._destination_uri) if self._destination_uri and self._connection.local else None
        self.destination_answered = False if path else None
        with Events(self._connection) as events:
            if begin is not None:
                begin()
            while True:
                sample = self.last = self._record.supervisor.history.timed(self._look(events))
                self._note_beginning(sample)
                answers_now = path.ok if path else None
                if answers_now is not None:
                    self.destination_answered = True
                path_ok = answers_now if sample.phase in _MAY_GO_BACK else None
                actions = self._record.observe(sample, at_sync=at_sync, results=results, path_ok=path_ok)
                self._report(actions)
                self._metrics.looked()
                results = [self._apply(action) for action in actions if action.apply] + self._failed_late()
                self.proposed += [one for one in actions if not one.apply and one.kind is not Kind.WAIT]
                # In mode "observe" the end of the policy is decided, not applied: nothing more is to be learnt.
                if self._record.supervisor.done or any(one.kind in _ENDS for one in self.proposed):
                    return sample
                if foresee_s is not None and (self.proposed or time.monotonic() - begin_s >= foresee_s):
                    return sample
                at_sync = self._wait(events)

    def _end_throttle(self) -> None:
        throttle = self._throttle
        throttle.put_back()
        if throttle.most_percent:
            held_s = throttle.held_back_s
            self._record.facts["vcpu_throttle"] = {
                "most_percent": throttle.most_percent,
                "held_back_s": None if held_s is None else round(held_s, 2),
                "problems": throttle.problems,
            }

    def _note_beginning(self, sample: JobSample) -> None:
        facts = self._record.facts
        if facts["began_epoch_s"] is None:
            facts["began_epoch_s"] = round(time.time() - (sample.elapsed_ms or 0) / 1000, 1)

    def _report(self, actions: t.Sequence[Action]) -> None:
        if self._on_look is not None:
            self._on_look(self._reporter.numbers())
        if self._on_progress is None:
            return
        report = self._reporter.report(actions)
        if report is not None:
            line, numbers = report
            self._on_progress({"name": self._guest.name, "line": line, **numbers})

    def _look(self, events: Events) -> JobSample:
        """The next look that works. One that fails is not the end while the job may go on, and the daemon answers."""
        begin_s = time.monotonic()
        while True:
            try:
                return self._look_once(events)
            except (MigrationError, libvirt.libvirtError) as exc:
                hung = isinstance(exc, MigrationError) and exc.reason == "MONITOR_HUNG"
                deadline_s = begin_s + self._patience_s(hung)
                if time.monotonic() >= deadline_s or not answers(self._guest):
                    raise
                if hung:
                    self._tell_hung(time.monotonic() - begin_s, deadline_s - begin_s)
            time.sleep(_POLL_S)
            while hung and self._stands_still() and time.monotonic() < deadline_s:
                time.sleep(_POLL_S)

    def _tell_hung(self, silent_s: float, at_most_s: float) -> None:
        if self._on_progress is not None:
            line = (
                f"QEMU has not answered for {human_ms(silent_s * 1000)}; it is asked for {human_ms(at_most_s * 1000)}"
            )
            self._on_progress({"name": self._guest.name, "line": f"{line} at most"})

    def _patience_s(self, hung: bool) -> float:
        """For how long looks may fail. QEMU answers nobody while the guest stands still for the switch-over, for as
        long as the rest takes, nor while it prepares a big guest to be sent. Whoever leaves then leaves it alone: there
        is nothing to be done about it but to look."""
        policy, last = self._record.supervisor.policy, self.last
        if self._stands_still():
            return max(policy.max_downtime_ms / 1000, policy.max_pause_s) + _SWITCH_GRACE_S
        if hung and (last is None or last.phase is Phase.SETUP):
            return max(_LOOK_AGAIN_HUNG_S, setup_allowed_s(policy, self._record.supervisor.plan.memory_bytes))
        split = last is not None and last.phase.in_postcopy
        return _LOOK_AGAIN_HUNG_S if hung or split else _LOOK_AGAIN_S

    def _stands_still(self) -> bool:
        try:
            return self._guest.state().paused_for_migration
        except libvirt.libvirtError:
            return False

    def _look_once(self, events: Events) -> JobSample:
        percent = self._throttle.look()
        sample = glance(self._guest)
        if sample is None:
            return ended(self._guest, events)
        if percent:
            sample = replace(sample, throttle_percent=max(percent, sample.throttle_percent))
        # Somebody else may change them too, and the engine must not reckon with limits that were.
        return replace(sample, limits=limits_of(self._guest)) if sample.phase is Phase.PRECOPY else sample

    def _wait(self, events: Events) -> bool:
        """Until the next look is due; whether that is because of a bitmap sync. Syncs that piled up are one."""
        synced = False
        event = events.next(_POLL_S)
        while event is not None:
            synced = synced or event.uuid == self._guest.uuid
            event = events.next(0.0)
        return synced

    def _apply(self, action: Action) -> ActionResult:
        if action.kind in _ENDS:
            self._end_throttle()  # the guest goes on here
        if action.kind is not Kind.LEAVE:
            self.applied.append(action)
        raw, name = self._guest.raw, self._guest.name
        value = int(action.value or 0)
        calls: dict[Kind, t.Callable[[], t.Any]] = {
            Kind.SET_DOWNTIME: lambda: set_max_downtime(self._guest, value),
            Kind.SET_BANDWIDTH: lambda: set_bandwidth(self._guest, value),
            Kind.THROTTLE: lambda: self._throttle.set(value),
            Kind.START_POSTCOPY: lambda: within(raw.migrateStartPostCopy, f"switching {name!r} to post-copy"),
            Kind.SUSPEND: lambda: within(raw.suspend, f"suspending {name!r}"),
            Kind.ABORT: lambda: within(raw.abortJob, f"aborting the migration of {name!r}"),
            Kind.RECOVER: self._resume,
        }
        try:
            calls.get(action.kind, lambda: None)()
        except MigrationError as exc:
            return ActionResult(action.kind, exc.problem, exc.reason)
        except libvirt.libvirtError as exc:
            return ActionResult(action.kind, str(exc))
        return ActionResult(action.kind)

    def _resume(self) -> None:
        if self._destination_uri is None:
            raise MigrationError("NO_DESTINATION", "The destination's URI is not known, so nothing can be resumed.")
        check_both_ends(
            self._connection, self._guest, self._destination_uri, by_monitor=self._incoming_port is not None
        )
        if self._incoming_port is not None:
            resume_by_monitor(self._guest, self._destination_uri, self._migrate_uri, self._incoming_port)
            return
        if self._resuming is not None:
            raise MigrationError("STILL_RESUMING", "The attempt before has not come back.")
        call = Resume(self._connection.uri, self._guest, self._destination_uri, self._migrate_uri)
        if not call.wait(_RESUMED_AFTER_S):
            self._resuming = call
        elif call.problem is not None:
            raise call.problem

    def _failed_late(self) -> list[ActionResult]:
        """Of a call that resumes, which comes back at the end of the migration, or when it has broken again."""
        call = self._resuming
        if call is None or not call.ended:
            return []
        self._resuming = None
        return [ActionResult(Kind.RECOVER, call.problem.problem, call.problem.reason)] if call.problem else []


def _already_supervised(guest: Guest) -> MigrationError:
    return MigrationError(
        "ALREADY_SUPERVISED",
        f"Another process of this host looks after the migration of {guest.name!r} already.",
        state="Nothing was changed. The migration goes on.",
        remedy="Wait for what it comes to, or run this without exclusive to act beside it.",
    )
