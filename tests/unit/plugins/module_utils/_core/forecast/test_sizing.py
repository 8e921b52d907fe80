# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import forecast
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.sizing import (
    finishes,
    least_bandwidth_bytes_per_s,
    prospect,
    recommended_policy,
    whole_mib_per_s,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import (
    WorkingSet,
    read_working_set,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy, preset

MIB = 1 << 20


STRICT = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=0, deadline_s=600)


def guest(touched_mib: int, set_mib: float, rate_mib: float, bandwidth_mib: int = 100) -> MigrationFacts:
    measured = WorkingSet(int(set_mib * MIB), False, int(rate_mib * MIB), False)
    return MigrationFacts(touched_mib * MIB, bandwidth_mib * MIB, measured)


def test_the_least_bandwidth_is_enough_and_not_more() -> None:
    facts = guest(1000, 600, 500)
    least = least_bandwidth_bytes_per_s(STRICT, facts)
    assert least is not None
    assert finishes(forecast(STRICT, replace(facts, bandwidth_bytes_per_s=least)))
    assert not finishes(forecast(STRICT, replace(facts, bandwidth_bytes_per_s=int(0.97 * least))))


def test_the_prospect_says_what_to_set() -> None:
    facts = guest(1000, 30, 500)
    found = prospect(STRICT, facts)
    assert {key: found[key] for key in forecast(STRICT, facts).document()} == forecast(STRICT, facts).document()
    assert found["bandwidth_mib_per_s"] == 100
    assert 1 <= found["least_bandwidth_mib_per_s"] <= 100


def test_an_idle_guest_needs_what_gets_it_over_in_time() -> None:
    least = least_bandwidth_bytes_per_s(STRICT, guest(6000, 0, 0))
    assert least == pytest.approx(10 * MIB, rel=0.02)


def test_more_time_needs_no_more_bandwidth() -> None:
    facts = guest(8000, 100, 5)
    found = [least_bandwidth_bytes_per_s(replace(STRICT, deadline_s=time_s), facts) or 0 for time_s in (60, 600, 6000)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]


def test_without_a_deadline_the_time_is_that_at_the_bandwidth_given() -> None:
    open_end = replace(STRICT, deadline_s=None)
    # 60 s are the least that a policy without a deadline gives.
    assert least_bandwidth_bytes_per_s(open_end, guest(600, 0, 0)) == pytest.approx(10 * MIB, rel=0.02)
    assert least_bandwidth_bytes_per_s(open_end, guest(100_000, 0, 0)) == pytest.approx(100 * MIB / 6, rel=0.02)


def test_unmeasured_nothing_is_known() -> None:
    facts = MigrationFacts(1000 * MIB, 100 * MIB)
    assert least_bandwidth_bytes_per_s(STRICT, facts) is None
    assert recommended_policy(facts) is None
    assert prospect(STRICT, facts)["will_finish"] is None


# what it is, working set and rate in MiB, the policy
POLICIES = [
    ("idle", (1, 0.1), "minimal_downtime"),
    ("a set that 1.5 s get over", (120, 5000), "very_large"),
    ("a set that 5 s get over", (400, 5000), "post_copy"),  # a pause is never sure
    ("more than any pause", (900, 5000), "post_copy"),
]


@pytest.mark.parametrize(("load", "wanted"), [case[1:] for case in POLICIES], ids=[case[0] for case in POLICIES])
def test_the_mildest_policy(load: tuple[float, float], wanted: str) -> None:
    facts = guest(1000, *load)
    found = recommended_policy(facts)
    assert found == wanted
    assert finishes(forecast(preset(wanted), facts))


def test_no_policy_helps_a_device_that_cannot_be_split() -> None:
    assert recommended_policy(replace(guest(1000, 900, 5000), host_devices=1)) is None
    unsure = replace(guest(1000, 400, 5000), host_devices=1)
    assert recommended_policy(unsure) in ("very_large", "suspend_workload")


@pytest.mark.parametrize(
    ("given_bytes", "down", "up"),
    [(None, None, None), (1, 1, 1), (MIB, 1, 1), (1.5 * MIB, 1, 2), (99.99 * MIB, 99, 100)],
)
def test_whole_mib(given_bytes: t.Optional[float], down: t.Optional[int], up: t.Optional[int]) -> None:
    assert (whole_mib_per_s(given_bytes), whole_mib_per_s(given_bytes, up=True)) == (down, up)


@given(
    st.integers(1, 4000),
    st.floats(0, 4000),
    st.floats(0, 4000),
    st.integers(1, 4000),
    st.sampled_from(["never", "prefer"]),
)
def test_what_is_enough_is_forecast_to_finish(
    touched: int, set_mib: float, rate_mib: float, bandwidth: int, postcopy: str
) -> None:
    policy = replace(STRICT, postcopy=postcopy)
    facts = guest(touched, min(set_mib, touched), rate_mib, bandwidth)
    least = least_bandwidth_bytes_per_s(policy, facts)
    if least is not None:
        found = forecast(policy, replace(facts, bandwidth_bytes_per_s=least))
        assert finishes(found)
        assert found.expected is not None
        assert found.expected.total_s <= 600.01


def test_a_document_is_read_back() -> None:
    measured = WorkingSet(5, True, 7, False)
    document = {
        "working_set_bytes": 5,
        "working_set_is_lower_bound": True,
        "dirty_bytes_per_s": 7,
        "dirty_rate_is_lower_bound": False,
        "windows": [],
    }
    assert read_working_set(document) == measured
    assert read_working_set({"working_set_bytes": 5, "dirty_bytes_per_s": 7.0}) == WorkingSet(5, False, 7, False)


@pytest.mark.parametrize("value", [None, -1, "7", True, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["working_set_bytes", "dirty_bytes_per_s"])
def test_a_document_that_is_none(name: str, value: t.Any) -> None:
    with pytest.raises(MigrationError) as caught:
        read_working_set({"working_set_bytes": 5, "dirty_bytes_per_s": 7, name: value})
    assert caught.value.reason == "BAD_DIRTY_RATE"
    assert name in caught.value.problem
