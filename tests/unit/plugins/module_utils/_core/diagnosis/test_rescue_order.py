# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.rescue_order import rescue_order
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.rescues import job

ALL = [
    job("well", "converging", "CONVERGING", left_mib=1),
    job("hard", needed_ms=5000, left_mib=10),
    job("harder", needed_ms=9000, left_mib=20),
    job("capped", reason="BANDWIDTH_CAP", needed_ms=9000, left_mib=900),
    job("near", needed_ms=400, left_mib=300),
    job("nearer", needed_ms=300, left_mib=200),
    job("split", "unknown", "POSTCOPY_RUNNING", phase=Phase.POSTCOPY),
    job("broken", "broken", "POSTCOPY_BROKEN", phase=Phase.POSTCOPY_FAILED, left_mib=800),
    job("standing", "finishing", "SWITCHOVER_BLOCKED", phase=Phase.SWITCHOVER, left_mib=900),
    job("arriving", "none", "INCOMING", operation="incoming"),
    job("gone", "none", "COMPLETED", phase=Phase.COMPLETED),
]
STILL = ["broken", "standing", "split"]


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        ({}, [*STILL, "nearer", "near", "capped", "hard", "harder", "well"]),
        (
            {"max_downtime_ms": 350, "postcopy": "never"},
            [*STILL, "nearer", "capped", "hard", "harder", "near", "well"],
        ),
        ({"max_pause_s": 6}, [*STILL, "hard", "nearer", "near", "capped", "harder", "well"]),
    ],
)
def test_those_first_that_it_helps_most(allowed: dict[str, t.Any], names: list[str]) -> None:
    assert [one["name"] for one in rescue_order(ALL, Policy(**allowed))] == names
    assert [one["name"] for one in rescue_order(list(reversed(ALL)), Policy(**allowed))] == names


def test_what_was_not_diagnosed_is_taken_all_the_same() -> None:
    plain = {**job("erp01"), "diagnosis": {}}
    odd = {**job("erp02"), "diagnosis": {"verdict": "stuck", "evidence": {"needed_downtime_ms": "soon"}}}
    assert [one["name"] for one in rescue_order([plain, odd], Policy())] == ["erp02", "erp01"]
    assert rescue_order([], Policy()) == []


@pytest.mark.parametrize("wrong", [5, "erp01", {}])
def test_what_is_no_job_is_refused(wrong: t.Any) -> None:
    with pytest.raises(MigrationError) as caught:
        rescue_order([ALL[0], wrong], Policy())
    assert caught.value.reason == "NOT_A_JOB"
