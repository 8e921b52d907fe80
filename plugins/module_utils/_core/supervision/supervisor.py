# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision engine: looks at a job in, actions out. It has no clock and does nothing itself.

It decides at boundaries, because only there can what is left be compared, and by need: nothing while a pass still gets
it down, the downtime that is needed when the policy allows it, post-copy behind its guard, a pause with an end.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..forecast.plan import Plan
from ..job.sample import JobSample, Phase
from ..policy import Policy
from .actions import Action, ActionResult, Kind
from .destination_reachability import Reachability
from .history import History
from .postcopy_rejoin import PostcopyWatch
from .precopy_decisions import Precopy
from .settings_in_force import SettingsInForce
from .switchover_watch import SwitchoverWatch

# Choices, for a QEMU or a daemon that does not do what it was told.
_ABORT_AGAIN_S = 30.0
_ABORTS = 3


class Supervisor:
    """Supervises one job under one policy; the same looks give the same actions.

    ``done``: the job has ended, or is left alone. ``outcome``: the phase it ended in, ``left``, or None while it is
    supervised. ``settings``: what the job runs under now. ``postcopy``: what decides in post-copy;
    ``was_split``: whether it was seen in that.
    """

    def __init__(self, policy: Policy, plan: Plan) -> None:
        self.policy, self.plan = policy, plan
        self.history = History()
        self.outcome: t.Optional[str] = None
        self.settings = SettingsInForce(policy, plan)
        self._precopy = Precopy(self.history, self.settings)
        self._reachability = Reachability(policy)
        self._switchover = SwitchoverWatch(policy, self.history)
        self.postcopy = PostcopyWatch(plan.join_attempts)
        self.was_split = False
        self._aborted_s: t.Optional[float] = None
        self._aborts = 0
        self._proposed: set[tuple[Kind, t.Optional[float]]] = set()

    @property
    def done(self) -> bool:
        return self.outcome is not None

    def observe(
        self,
        sample: JobSample,
        *,
        at_sync: bool = False,
        results: t.Sequence[ActionResult] = (),
        path_ok: t.Optional[bool] = None,
    ) -> list[Action]:
        """Take in one look and decide.

        ``at_sync``: the look was taken at the event of a bitmap sync; ``results``: what became of actions given out
        before; ``path_ok``: whether the destination answers (None: not tried). Samples come in order of ``at_s``.
        """
        if self.done:
            return []
        began = self.history.add(sample, at_sync)
        if not sample.phase.running:
            self.outcome = sample.phase.value
            return []
        self.settings.learn(results, sample)
        actions = self._decide(sample, began, results, path_ok)
        return self._marked(actions)

    def _decide(
        self, sample: JobSample, began: bool, results: t.Sequence[ActionResult], path_ok: t.Optional[bool]
    ) -> list[Action]:
        if sample.phase.in_postcopy:
            self.was_split = True
            return self.postcopy.decide(self.history, results, path_ok)
        if self._aborted_s is not None:
            return self._abort_again(sample, results)
        if sample.phase is Phase.SWITCHOVER:
            return self._switchover.decide(self.settings.allowed_pause_s)
        self._switchover.reset()
        unreachable = self._reachability.decide(sample.at_s, path_ok)
        return unreachable if self._reachability.in_the_way else self._precopy.decide(began)

    def _abort_again(self, sample: JobSample, results: t.Sequence[ActionResult]) -> list[Action]:
        """An abort that did not come to pass is repeated a few times; then the job is left, and that is said."""
        failed = any(r.kind is Kind.ABORT and r.failed for r in results)
        if not failed and sample.at_s - (self._aborted_s or 0.0) < _ABORT_AGAIN_S:
            return []
        if self._aborts < _ABORTS:
            return [Action(Kind.ABORT, "ABORT_FAILED", "the abort before did not end the job")]
        if sample.phase is Phase.SETUP:
            # libvirt 9.0 heeds an abort when the destination has got the guest ready, or has failed to.
            text = f"{self._aborts} aborts were asked for, and libvirt heeds them when the destination answers"
            return [Action(Kind.LEAVE, "ABORT_PENDING", text)]
        return [Action(Kind.LEAVE, "ABORT_FAILED", f"{self._aborts} aborts were asked for and the job goes on")]

    def _marked(self, actions: list[Action]) -> list[Action]:
        """Note what was given out; in mode ``observe`` each different action once, not to be applied."""
        marked = []
        for action in actions:
            if action.kind is Kind.WAIT:
                marked.append(replace(action, apply=False))
            elif self.policy.mode == "observe":
                proposal = (action.kind, action.value)
                if proposal not in self._proposed:
                    self._proposed.add(proposal)
                    marked.append(replace(action, apply=False))
            else:
                marked.append(action)
                self._note(action)
        return marked

    def _note(self, action: Action) -> None:
        if action.kind is Kind.ABORT:
            self._aborted_s, self._aborts = self.history.last.at_s, self._aborts + 1
        elif action.kind is Kind.LEAVE:
            self.outcome = "left"
        else:
            self.settings.given(action, self.history.last.at_s)
