# SPDX-License-Identifier: GPL-3.0-or-later
"""What one supervised job runs under: its policy, how it was planned, and what has been set of it since."""

from __future__ import annotations

import typing as t

from ..forecast.plan import Plan
from ..job.downtime_limit import highest_limit_ms
from ..job.sample import JobSample
from ..policy import Policy
from .actions import Action, ActionResult, Kind


class SettingsInForce:
    """The settings of one job; the supervisor writes them, and all that decide read them.

    ``policy`` and ``plan``: as the supervisor was given them. ``highest_ms``: the highest downtime limit that QEMU may
    be given for the policy's downtime, in milliseconds.
    ``limit_ms``: the downtime limit in force (None: not known); ``limit_given_s``: when one was last asked for.
    ``may_lift_bandwidth``: whether the bandwidth limit is ours to lift, once. ``suspended``: whether the guest was
    paused so that the migration ends; ``may_suspend``: no such pause has failed. ``allowed_pause_s``: how long it
    may stand still in what has been begun. ``may_start_postcopy``: the guest can go by it, the job has the flag, the
    policy allows it, and it was not refused; ``postcopy_asked_s``: when the switch was asked for.
    ``vcpu_throttle_percent``: what is taken from its virtual processors by their quotas, on our order;
    ``may_throttle``: that is possible and allowed, and did not fail.
    """

    def __init__(self, policy: Policy, plan: Plan) -> None:
        self.policy, self.plan = policy, plan
        self.highest_ms = highest_limit_ms(policy.max_downtime_ms, plan.host_devices)
        self.limit_ms: t.Optional[int] = plan.start_limit_ms
        self.limit_given_s: t.Optional[float] = None
        self.may_lift_bandwidth = plan.bandwidth_mib_per_s is not None
        self.suspended, self.may_suspend = False, True
        self.allowed_pause_s = policy.max_downtime_ms / 1000
        can_go_split = plan.postcopy_possible and not plan.host_devices
        self.may_start_postcopy = can_go_split and plan.flags.postcopy is not False and policy.postcopy != "never"
        self.postcopy_asked_s: t.Optional[float] = None
        self.vcpu_throttle_percent = 0
        self.may_throttle = plan.vcpu_quota and policy.max_throttle_percent > 0

    def seen(self, sample: JobSample) -> None:
        """A limit that libvirt tells is the one in force, whoever set it."""
        if sample.limits.max_downtime_ms is not None:
            self.limit_ms = sample.limits.max_downtime_ms

    def given(self, action: Action, now_s: float) -> None:
        """The action was given out, and counts as done until a result says otherwise."""
        if action.kind is Kind.SET_DOWNTIME and action.value is not None:
            self.limit_ms, self.limit_given_s = int(action.value), now_s
        elif action.kind is Kind.SUSPEND and action.value is not None:
            self.allowed_pause_s, self.suspended = action.value, True
        elif action.kind is Kind.SET_BANDWIDTH:
            self.may_lift_bandwidth = False
        elif action.kind is Kind.THROTTLE:
            self.vcpu_throttle_percent = int(action.value or 0)
        elif action.kind is Kind.START_POSTCOPY:
            self.postcopy_asked_s = now_s

    def learn(self, results: t.Sequence[ActionResult], last: JobSample) -> None:
        """What became of actions: one that failed is taken back, and not tried again where that is of no use."""
        for result in results:
            if not result.failed:
                continue
            if result.kind is Kind.START_POSTCOPY:  # refused: the job was started without the flag
                self.may_start_postcopy, self.postcopy_asked_s = False, None
            elif result.kind is Kind.SET_BANDWIDTH:
                self.may_lift_bandwidth = False
            elif result.kind is Kind.THROTTLE:
                self.vcpu_throttle_percent, self.may_throttle = 0, False
            elif result.kind is Kind.SUSPEND:
                self.suspended, self.may_suspend = False, False
            elif result.kind is Kind.SET_DOWNTIME:
                self.limit_ms, self.limit_given_s = last.limits.max_downtime_ms, None
