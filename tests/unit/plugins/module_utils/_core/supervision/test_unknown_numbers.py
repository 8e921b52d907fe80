# SPDX-License-Identifier: GPL-3.0-or-later
"""A bandwidth of zero makes each time infinite. Whatever libvirt tells, it is decided, told and recorded."""

from __future__ import annotations

import itertools
import json
import random
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.diagnosis import diagnose
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import Context
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    Flags,
    Plan,
    adopted_plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import (
    highest_limit_ms,
    limit_for,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.progress import Reporter
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import Record
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import look

POLICIES = [
    Policy(postcopy="never", max_pause_s=5, deadline_s=8),
    Policy(postcopy="if_needed", on_hopeless="leave"),
    Policy(postcopy="prefer", max_pause_s=1e12, on_hopeless="pause", deadline_s=5),
    Policy(patience_s=0, max_data_factor=1, deadline_s=1e12),
]
PLANS = [
    Plan(flags=Flags(postcopy=True), start_limit_ms=80, set_bytes=0, rate_bytes_per_s=0, postcopy_share=0.5),
    Plan(flags=Flags(auto_converge=True, xbzrle_cache_bytes=1), touched_bytes=0, bandwidth_mib_per_s=0),
    adopted_plan(True),
    adopted_plan(bandwidth_mib_per_s=0),
]
SIZES = (0, 0, 1, 4096, 10**9, 2**63)


def _any_look(chance: random.Random, at_s: float, pass_number: t.Optional[int]) -> JobSample:
    def size() -> int:
        return chance.choice(SIZES)

    return JobSample(
        phase=chance.choice([Phase.PRECOPY] * 6 + [Phase.SETUP, Phase.SWITCHOVER, Phase.POSTCOPY]),
        operation="outgoing",
        elapsed_ms=size(),
        pass_number=pass_number,
        memory=Progress(size(), size(), size()),
        disk=Progress(size(), size(), chance.choice((0, 0, 0, 5))),
        bandwidth_bytes_per_s=chance.choice((0, 0, 10**8)),
        dirty_pages_per_s=size(),
        page_size_bytes=chance.choice((0, 4096)),
        expected_downtime_ms=chance.choice((None, 0, 300, 2**63)),
        throttle_percent=chance.choice((0, 0, 0, 99)),
        limits=Limits(chance.choice((None, 0, 1, 300)), chance.choice((None, 0, 8))),
        at_s=at_s,
    )


def _series(seed: int) -> list[JobSample]:
    """Looks in which next to nothing fits together."""
    chance = random.Random(seed)
    at_s, number, found = 0.0, 1, []
    for _look in range(25):
        at_s += chance.choice((0.0, 0.1, 0.5, 3.0))
        number += chance.choice((0, 1))
        found.append(_any_look(chance, at_s, chance.choice((number, number, number, None))))
    return found


@pytest.mark.parametrize("seed", range(150))
def test_whatever_is_told_is_decided_told_and_recorded(seed: int) -> None:
    looks = _series(seed)
    for policy, plan in itertools.product(POLICIES, PLANS):
        record = Record(Supervisor(policy, plan))
        reporter = Reporter(record.supervisor.history, record.supervisor.settings, 10**9)
        for number, sample in enumerate(looks):
            actions = record.observe(sample, at_sync=bool(number % 2))
            reporter.report(actions)
        json.dumps(record.document(), allow_nan=False)
        json.dumps(reporter.numbers(), allow_nan=False)
    for number in range(len(looks)):
        found = diagnose(looks[: number + 1], Context(POLICIES[0]))
        json.dumps(dict(found.evidence), allow_nan=False)


def test_a_boundary_at_which_no_bandwidth_is_known() -> None:
    """What ended an evacuation: nothing was sent between two passes, so that no downtime would do."""
    supervisor = Supervisor(Policy(postcopy="never", deadline_s=600), Plan(flags=Flags(), start_limit_ms=300))
    told: list[str] = []
    for at_s, number in ((0.0, 1), (1.0, 2), (2.0, 3), (3.0, 4), (4.0, 5)):
        sample = look(at_s, number, 400, sent_mib=1)
        silent = JobSample(**{**vars(sample), "bandwidth_bytes_per_s": 0})
        told += [action.because for action in supervisor.observe(silent, at_sync=True)]
    assert any("an unknown time of downtime are more than is allowed" in one for one in told), told


def test_no_limit_is_set_for_what_is_not_known() -> None:
    for need_ms in (float("inf"), float("nan")):
        assert limit_for(need_ms, 1000) is None


@pytest.mark.parametrize(("allowed_ms", "highest_ms"), [(1000, 940), (2_000_000, 1_999_940), (1e15, 1_999_940)])
def test_qemu_is_given_no_limit_that_it_refuses(allowed_ms: float, highest_ms: int) -> None:
    assert highest_limit_ms(allowed_ms, 0) == highest_ms
