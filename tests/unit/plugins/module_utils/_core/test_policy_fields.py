# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import (
    DEFAULT_PRESET,
    PRESETS,
    Policy,
    policy_from,
    preset,
)

BAD = [
    ({"max_downtime_ms": 0}, "max_downtime_ms"),
    ({"max_downtime_ms": 2_000_001}, "max_downtime_ms"),
    ({"max_downtime_ms": "500 ms"}, "max_downtime_ms"),
    ({"max_downtime_ms": True}, "max_downtime_ms"),
    ({"max_downtime_ms": 0.5}, "max_downtime_ms"),
    ({"postcopy": "perhaps"}, "never, if_needed, prefer"),
    ({"max_pause_s": -1.0}, "max_pause_s"),
    ({"max_pause_s": float("nan")}, "max_pause_s"),
    ({"max_throttle_percent": 100}, "from 0 to 99"),
    ({"deadline_s": 0}, "deadline_s"),
    ({"storage_deadline_s": float("inf")}, "storage_deadline_s"),
    ({"setup_deadline_s": 0}, "setup_deadline_s"),
    ({"max_data_factor": 0.5}, "all memory has to be sent once"),
    ({"max_postcopy_s": 0}, "max_postcopy_s"),
    ({"patience_s": -1}, "patience_s"),
    ({"on_hopeless": "cry"}, "abort, leave, pause"),
    ({"on_hopeless": "pause"}, "max_pause_s is 0"),
    ({"max_restarts": -1}, "max_restarts"),
    ({"shrink": "always"}, "never, balloon"),
    ({"shrink_keep_mib": -1}, "shrink_keep_mib"),
    ({"shrink_keep_mib": 0.5}, "shrink_keep_mib"),
    ({"mode": "shadow"}, "act, observe"),
    ({"speed": 1}, "no field 'speed'"),
]


@pytest.mark.parametrize(("fields", "told"), BAD, ids=[f"{next(iter(case[0].items()))}" for case in BAD])
def test_a_bad_policy_says_what_is_wrong_with_it(fields: dict[str, t.Any], told: str) -> None:
    with pytest.raises(MigrationError, match=told) as caught:
        policy_from(fields)
    assert caught.value.reason == "BAD_CONTRACT"
    assert caught.value.remedy


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_policys(name: str) -> None:
    policy = preset(name)
    assert policy_from(policy.document()) == policy


def test_presets_stand_for_what_their_names_say() -> None:
    assert preset() == preset(DEFAULT_PRESET) == preset("minimal_downtime")
    assert preset("minimal_downtime").postcopy == "never"
    assert preset("minimal_downtime").max_pause_s == 0
    assert preset("suspend_workload").max_pause_s > 0
    assert preset("post_copy").postcopy == "prefer"
    assert preset("very_large").max_downtime_ms > preset().max_downtime_ms


def test_every_field_can_be_overridden() -> None:
    policy = preset("post_copy", {"max_downtime_ms": 70, "postcopy": None, "patience_s": 0})
    assert (policy.max_downtime_ms, policy.postcopy, policy.patience_s) == (70, "prefer", 0)
    with pytest.raises(MigrationError, match="no field"):
        preset("post_copy", {"downtime": 70})


def test_an_unknown_preset_names_those_that_there_are() -> None:
    with pytest.raises(MigrationError, match="minimal_downtime, suspend_workload"):
        preset("fast")


def test_defaults_of_a_policy() -> None:
    assert policy_from({"max_pause_s": None}) == Policy()


@pytest.mark.parametrize("zero", [0, 0.0])
def test_a_pause_of_nothing_is_none_at_the_deadline_either(zero: float) -> None:
    policy = preset("suspend_workload", {"max_pause_s": zero})
    assert (policy.max_pause_s, policy.on_hopeless) == (0, "abort")
    assert preset("suspend_workload", {"max_pause_s": None}).on_hopeless == "pause"
    assert preset("suspend_workload", {"max_pause_s": zero, "on_hopeless": "leave"}).on_hopeless == "leave"
    with pytest.raises(MigrationError, match="max_pause_s is 0"):
        preset("suspend_workload", {"max_pause_s": zero, "on_hopeless": "pause"})
