# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: the guest is left to a strategy, watched, and examined afterwards."""

from __future__ import annotations

import datetime
import threading
import time
import typing as t
from dataclasses import replace

from virtlab.errors import LabError

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.sim.cases import CUT_S, LINK, WORKLOADS
from ansible_collections.virtops.live_migration.tests.sim.peers import Peer
from ansible_collections.virtops.live_migration.tests.sim.qemu import Start

from .candidates import BY_NAME, policy_of
from .drive import Account, drive
from .order import REPEATS
from .results import Calibration, Key, Run
from .stage import Actor
from .watch import BrokenRunError, Seen, watch

Play = t.Callable[[], Account]
Ours = t.Callable[[Actor, str, Policy, Calibration], Account]
_AFTER_S = 0.5
_CALIBRATION = "calibration"
_LINK_FROM_SHARE = 0.15


class Performer(threading.Thread):
    """A strategy at work."""

    def __init__(self, play: Play) -> None:
        super().__init__(name="strategy", daemon=True)
        self._play = play
        self.account: t.Optional[Account] = None
        self.problem: t.Optional[BaseException] = None
        self.ended_s = 0.0

    def run(self) -> None:
        try:
            self.account = self._play()
        except BaseException as exc:
            self.problem = exc
        self.ended_s = time.monotonic()


def fight(key: Key, actor: Actor, known: Calibration, ours: Ours) -> tuple[Run, Account]:
    """A run of the table."""
    if key.strategy not in BY_NAME:
        policy = policy_of(key.strategy, key.contract)
        return observe(key, actor, lambda: ours(actor, key.strategy, policy, known))
    peer = BY_NAME[key.strategy].make()
    return observe(key, actor, _play(actor, peer, WORKLOADS[key.workload]))


def calibrate(actor: Actor) -> Calibration:
    """What the guest has to send, and what the link carries: a plain migration while it writes nothing."""
    actor.lab.guest_load(actor.uuid, pages_per_s=0)
    seen, _account, _ended_s = _follow(actor, _play(actor, Peer(), WORKLOADS[actor.workload]), CUT_S)
    actor.settle()
    actor.lab.guest_load(actor.uuid, pages_per_s=actor.options.pages_per_s)
    if seen.final is None or seen.final.phase is not Phase.COMPLETED:
        raise BrokenRunError(f"the calibration of {actor.name} did not finish")
    sent = seen.final.memory.processed_bytes
    looks = [look for look in seen.looks if look[1] > _LINK_FROM_SHARE * sent]
    if len(looks) < 2 or looks[-1][0] <= looks[0][0]:
        raise BrokenRunError(f"the calibration of {actor.name} was too short to measure the link")
    rate = (looks[-1][1] - looks[0][1]) / (looks[-1][0] - looks[0][0])
    return Calibration(actor.workload, _now(), sent, int(rate))


def observe(key: Key, actor: Actor, play: Play) -> tuple[Run, Account]:
    rate = actor.rate_before()
    actor.wait_for_phase(key.repeat / REPEATS)
    offset, asked_s = actor.size(), time.monotonic()
    seen, account, verified_s = _follow(actor, play, CUT_S)
    began_s = asked_s if seen.began_s is None else seen.began_s
    ended_s = max(began_s, seen.ended_s)
    running_on = actor.settle()
    outcome = _outcome(seen, account)
    run = Run(
        *key,
        outcome=outcome,
        at=_now(),
        lead_s=round(began_s - asked_s, 2) if seen.began_s is not None else 0.0,
        order_s=round(verified_s - asked_s, 2) if outcome == "completed" else 0.0,
        running_on=running_on,
        rate_before_pages_per_s=round(rate, 1),
        split_s=round(seen.split_s, 2),
        max_throttle_percent=seen.max_throttle_percent,
        by=account.by,
        expected_s=account.expected_s,
        actions=account.actions,
        message=account.message,
    )
    return _with_check(
        _with_pulse(_with_job(run, seen, ended_s - began_s), actor, offset, began_s, ended_s), actor
    ), account


def _play(actor: Actor, peer: Peer, guest: t.Any) -> Play:
    start = peer.begin(guest, LINK) or Start()
    return lambda: drive(peer, start, actor.uri(actor.source), actor.destination_uri, actor.uuid)


def _follow(actor: Actor, play: Play, cut_s: float) -> tuple[Seen, Account, float]:
    """What was seen, what the strategy tells, and when it was done."""
    performer = Performer(play)
    performer.start()
    seen = watch(actor.uri(actor.source), actor.uuid, performer.is_alive, cut_s)
    if performer.problem is not None:
        raise BrokenRunError(f"the strategy broke off: {performer.problem!r}") from performer.problem
    return seen, performer.account or Account(), performer.ended_s


def _outcome(seen: Seen, account: Account) -> str:
    if seen.cut:
        return "cut"
    if seen.final is not None and seen.final.phase is Phase.COMPLETED:
        return "completed"
    if account.declined or seen.began_s is None:
        return "declined"
    return "gave up" if account.aborted else "failed"


def _with_job(run: Run, seen: Seen, passed_s: float) -> Run:
    """By libvirt's final statistics; an aborted job has none, so then by the last look."""
    if seen.last is None:
        return run
    last = seen.final if seen.final is not None and seen.final.elapsed_ms else seen.last
    # While an abort is under way libvirt's counters may be empty already.
    sent = last.memory.processed_bytes or max((each for _at_s, each in seen.looks), default=0)
    return replace(
        run,
        elapsed_ms=last.elapsed_ms or round(passed_s * 1000),
        sent_bytes=sent,
        passes=last.pass_number or seen.last.pass_number or 0,
        downtime_ms=last.downtime_ms if run.finished else None,
    )


def _with_pulse(run: Run, actor: Actor, offset: int, began_s: float, ended_s: float) -> Run:
    actor.wait_for_beat(ended_s)
    time.sleep(max(0.0, ended_s + _AFTER_S - time.monotonic()))
    found = actor.pulse(max(0, offset - 4096), int(began_s * 1e6), int(ended_s * 1e6))
    return replace(
        run,
        longest_gap_ms=round(found.longest_gap_ms, 1),
        busy_s=round(found.busy_s, 3),
        work_pages=found.work_pages,
        split_brain_beats=found.split_brain_beats,
    )


def _with_check(run: Run, actor: Actor) -> Run:
    try:
        checked = actor.lab.guest_verify(actor.uuid)
    except LabError as exc:
        return replace(run, message=f"{run.message} {exc}".strip())
    return replace(run, checked_pages=checked.checked_pages, bad_pages=checked.bad_pages)


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
