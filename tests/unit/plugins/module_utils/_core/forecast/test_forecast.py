# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.dirty_curve import (
    DirtyCurve,
    dirty_curves,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import (
    expected_bytes,
    forecast,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    NO_WAY,
    PAUSE,
    POSTCOPY,
    PRECOPY,
    THROTTLE,
    UNKNOWN,
    plan_from,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.measured import (
    BANDWIDTH_MIB,
    MIB,
    NEVER,
    NO_THROTTLE,
    TOUCHED_MIB,
    measured,
    told,
)

# what it is, policy, (W, d) in MiB and MiB/s, the way
WAYS = [
    ("idle", NEVER, (1, 0.1), PRECOPY),
    ("converges", NEVER, (600, 30), PRECOPY),
    ("a small hot set fits the downtime", NEVER, (30, 500), PRECOPY),
    ("a hot set fits a long downtime", Policy(max_downtime_ms=8000, postcopy="never"), (600, 500), PRECOPY),
    (
        "only slowed down",
        Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=99),
        (600, 150),
        THROTTLE,
    ),
    ("so slow that slowing down is better", NEVER, (900, 80), THROTTLE),
    ("only by post-copy", Policy(max_downtime_ms=500), (600, 150), POSTCOPY),
    ("post-copy not needed", Policy(max_downtime_ms=500), (600, 30), PRECOPY),
    ("post-copy not needed, but faster", Policy(max_downtime_ms=500, postcopy="prefer"), (600, 50), POSTCOPY),
    ("post-copy hardly faster", Policy(max_downtime_ms=500, postcopy="prefer"), (10, 5), PRECOPY),
    (
        "only with a pause",
        Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=0, max_pause_s=10),
        (600, 500),
        PAUSE,
    ),
    ("no way", NO_THROTTLE, (600, 500), NO_WAY),
    (
        "more throttle than is allowed",
        Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=30),
        (600, 500),
        NO_WAY,
    ),
]


@pytest.mark.parametrize(("policy", "guest", "way"), [case[1:] for case in WAYS], ids=[case[0] for case in WAYS])
def test_the_way(policy: Policy, guest: tuple[float, float], way: str) -> None:
    found = told(policy, measured(*guest))
    assert found.plan.way == way
    assert found.plan.flags.postcopy is (policy.postcopy != "never")
    assert found.plan.flags.auto_converge is (way == THROTTLE)
    assert found.document()["will_finish"] is (way != NO_WAY)
    assert found.summary
    assert plan_from(found.plan.document()) == found.plan


def test_unmeasured_it_says_only_what_is_known() -> None:
    found = told(NEVER, None)
    assert (found.plan.way, found.expected, found.sure) == (UNKNOWN, None, False)
    assert found.document()["will_finish"] is None
    assert "10.0 s" in found.summary


def test_post_copy_that_would_last_too_long_is_no_way() -> None:
    assert told(Policy(max_downtime_ms=500, max_postcopy_s=2), measured(600, 500)).plan.way != POSTCOPY


def test_post_copy_starts_early_where_little_need_be_sent_twice() -> None:
    prefer = Policy(max_downtime_ms=500, postcopy="prefer")
    early = told(prefer, measured(900, 500)).plan.postcopy_share
    late = told(prefer, measured(200, 500)).plan.postcopy_share
    assert early is not None
    assert late is not None
    assert early < late


def test_a_set_whose_end_was_not_seen_is_no_reason_to_split_in_the_first_pass() -> None:
    found = told(Policy(max_downtime_ms=500), measured(300, 150, set_bound=True))
    assert (found.plan.way, found.plan.postcopy_share) == (POSTCOPY, 1.0)


@pytest.mark.parametrize(("touched", "bandwidth"), [(0, 1), (1, 0), (-1, 1)])
def test_nothing_to_forecast(touched: int, bandwidth: int) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        forecast(Policy(), MigrationFacts(touched, bandwidth))


rates = st.floats(0, 2000)


sizes = st.floats(0, 1000)


@given(sizes, rates, st.floats(0.01, 100), st.floats(0.01, 100), st.booleans())
def test_a_load_only_grows_with_time(set_mib: float, rate_mib: float, a_s: float, b_s: float, scattered: bool) -> None:
    load = DirtyCurve(set_mib * MIB, rate_mib * MIB, scattered)
    short, long = sorted((a_s, b_s))
    assert load.unique_bytes(short) <= load.unique_bytes(long) + 1
    assert load.unique_bytes(long) <= min(set_mib, rate_mib * long) * MIB * 1.001 + 1


@given(sizes, rates, st.booleans(), st.booleans())
def test_the_worst_is_no_better_than_the_likely(set_mib: float, rate_mib: float, set_b: bool, rate_b: bool) -> None:
    found = dirty_curves(measured(set_mib, rate_mib, set_bound=set_b, rate_bound=rate_b), 1000 * MIB)
    for time_s in (0.1, 1, 10, 100):
        assert found.worst.unique_bytes(time_s) >= found.likely.unique_bytes(time_s) - 1


@given(sizes, rates, st.sampled_from([NEVER, NO_THROTTLE, Policy(postcopy="prefer"), Policy()]))
def test_every_forecast_is_whole(set_mib: float, rate_mib: float, policy: Policy) -> None:
    found = told(policy, measured(set_mib, rate_mib))
    assert found.expected is not None
    if found.plan.way in (PRECOPY, THROTTLE, POSTCOPY):
        assert found.expected.downtime_ms <= policy.max_downtime_ms
        assert found.expected.total_s >= TOUCHED_MIB / BANDWIDTH_MIB * 0.99
    assert found.plan.flags.throttle_initial_percent <= policy.max_throttle_percent
    assert not (found.plan.flags.postcopy and found.plan.flags.auto_converge)


def test_a_guest_with_processor_time_to_spare_is_not_slowed_down_by_a_throttle() -> None:
    cap = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=60)
    writes = measured(600, 110)
    assert told(cap, writes, vcpus_busy=(1.0,)).plan.way == THROTTLE
    assert told(cap, writes, vcpus_busy=(0.1,)).plan.way == NO_WAY
    most = told(replace(cap, max_throttle_percent=99), writes, vcpus_busy=(0.1,))
    assert most.plan.way == THROTTLE
    assert most.plan.flags.throttle_initial_percent > 90


def test_a_guest_that_does_next_to_nothing_is_not_taken_to_do_more_than_was_seen() -> None:
    """Two windows in which one sampled page each was dirty tell neither the end of its set nor its rate."""
    idle = told(NEVER, measured(2, 2, set_bound=True, rate_bound=True)).expected
    assert idle is not None
    assert idle.sent_bytes < (TOUCHED_MIB + 3 * TOUCHED_MIB / BANDWIDTH_MIB) * MIB


def test_what_compresses_stands_still_for_less_and_at_worst_it_does_not_compress() -> None:
    policy = Policy(max_downtime_ms=8000, postcopy="never", max_throttle_percent=0)
    writes = measured(600, 500)
    plain, squeezed = told(policy, writes), told(policy, writes, xbzrle_cache_bytes=512 * MIB)
    assert plain.expected and squeezed.expected and squeezed.worst
    assert squeezed.plan.flags.xbzrle_cache_bytes
    assert squeezed.expected.downtime_ms < plain.expected.downtime_ms / 2
    # The third pass shows it, and costs as much as the second.
    assert squeezed.worst.total_s > plain.expected.total_s + 5
    assert squeezed.worst.downtime_ms >= plain.expected.downtime_ms


def test_compression_and_a_throttle_together() -> None:
    policy = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=60)
    writes = measured(900, 400)
    assert told(policy, writes).plan.way == NO_WAY
    both = told(policy, writes, xbzrle_cache_bytes=512 * MIB)
    assert both.plan.way == THROTTLE
    assert both.plan.flags.xbzrle_cache_bytes and both.plan.flags.throttle_initial_percent >= 50


def test_the_highest_throttle_is_one_of_those_that_are_tried() -> None:
    most = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=99)
    found = told(most, measured(900, 2500))
    assert (found.plan.way, found.plan.flags.throttle_initial_percent) == (THROTTLE, 99)


def test_compression_is_tried_where_nothing_else_would_do() -> None:
    cache = 512 * MIB
    found = told(NO_THROTTLE, measured(900, 600), xbzrle_cache_bytes=cache)
    assert (found.plan.way, found.sure) == (PRECOPY, False)
    assert "compress to 10%, which the third pass shows" in found.summary
    assert told(NO_THROTTLE, measured(900, 600)).plan.way == NO_WAY
    assert told(NO_THROTTLE, measured(900, 2500), xbzrle_cache_bytes=cache).plan.way == NO_WAY


def test_what_was_seen_for_a_second_tells_the_most_that_it_takes() -> None:
    seen = {bound: told(NEVER, measured(30, 30, set_bound=bound, rate_bound=bound)) for bound in (False, True)}
    assert ": about " in seen[False].summary
    assert ": at most about " in seen[True].summary
    assert seen[False].expected and seen[True].expected
    assert seen[False].expected.total_s < seen[True].expected.total_s


def test_pages_that_may_compress_well_are_tried_with_a_throttle_too() -> None:
    policy = Policy(max_downtime_ms=500, postcopy="never", max_throttle_percent=60)
    found = told(policy, measured(900, 1500), xbzrle_cache_bytes=512 * MIB)
    assert (found.plan.way, found.sure, found.plan.flags.throttle_initial_percent) == (THROTTLE, False, 54)
    assert "compress to 10%, which the third pass shows" in found.summary


def test_a_guest_whose_pages_may_compress_is_not_refused_for_a_rate_that_nobody_saw() -> None:
    """All that it writes to was dirty within the short window, and four times the rate is what is likely then."""
    policy, writes = Policy(max_downtime_ms=500, postcopy="never"), measured(600, 600, rate_bound=True)
    found = told(policy, writes, xbzrle_cache_bytes=512 * MIB)
    assert (found.plan.way, found.sure) == (PRECOPY, False)
    assert found.expected and found.expected.finishes
    assert told(policy, writes).plan.way == NO_WAY


def test_pages_of_zeros_cost_a_scan() -> None:
    """Published: a guest of 1 TiB that used next to nothing took 70 s over a link that would have sent that in 2 s."""
    gib = 1 << 30
    quiet = WorkingSet(4 << 20, False, 1 << 20, False)
    facts = MigrationFacts(2 * gib, int(1.1 * gib), quiet)
    empty = forecast(Policy(), replace(facts, memory_bytes=1024 * gib)).expected
    full = forecast(Policy(), replace(facts, memory_bytes=2 * gib)).expected
    unknown = forecast(Policy(), facts).expected
    assert empty is not None and full is not None
    assert 68 < empty.total_s < 76
    assert full == unknown
    assert full.total_s < 3
    # Nothing more goes over the wire, but for what is rewritten meanwhile.
    assert empty.sent_bytes - full.sent_bytes <= 8 << 20


def test_post_copy_scans_what_is_not_used_too() -> None:
    gib = 1 << 30
    busy = WorkingSet(2 * gib, False, 3 * gib, False)
    facts = MigrationFacts(4 * gib, gib, busy, memory_bytes=148 * gib)
    found = forecast(Policy(postcopy="prefer", max_postcopy_s=600), facts)
    assert found.plan.way == POSTCOPY
    assert found.expected is not None
    assert found.expected.total_s > 4 + 144 / 14.4


@pytest.mark.parametrize(
    ("document", "sent_bytes"),
    [
        ({"expected": {"sent_bytes": 7}, "basis": {"touched_bytes": 5}}, 7),
        ({"expected": None, "basis": {"touched_bytes": 5}}, 5),
        ({"expected": None, "basis": {}}, None),
        ({}, None),
    ],
)
def test_what_is_expected_to_be_sent(document: dict[str, object], sent_bytes: int | None) -> None:
    assert expected_bytes(document) == sent_bytes


def test_pages_of_zeros_cost_a_limited_stream_nothing() -> None:
    """It waits most of the time, and they are looked at meanwhile. Published: 376.7 MiB of 1552.8 at 32.1 MiB/s took
    11.8 s, and 3628 MiB of 8192 at 127 MiB/s 28.6 s, which is what the bytes take."""
    gib = 1 << 30
    quiet = WorkingSet(4 << 20, False, 1 << 20, False)
    facts = MigrationFacts(2 * gib, gib // 8, quiet, memory_bytes=130 * gib)
    filled = forecast(Policy(), facts).expected
    limited = forecast(Policy(), replace(facts, link_bytes_per_s=gib)).expected
    assert filled is not None and limited is not None
    assert filled.total_s - limited.total_s > 128 / 14.4 * 0.95
    assert limited.total_s < 16.5


def test_the_last_bytes_are_not_kept_to_the_limit() -> None:
    writes = measured(30, 500)
    kept = told(NEVER, writes).expected
    freed = told(NEVER, writes, link_bytes_per_s=1000 * MIB).expected
    assert kept is not None and freed is not None
    assert kept.downtime_ms > 300
    assert 60 < freed.downtime_ms < 100


def test_devices_of_the_host_take_of_the_downtime_that_is_allowed() -> None:
    """Published: 53 ms for each virtual function. What is left for the bytes is that much less."""
    writes = measured(30, 500)
    none, four = told(NEVER, writes), told(NEVER, writes, host_devices=4)
    assert none.plan.way == PRECOPY and none.expected is not None
    assert four.plan.way != PRECOPY, "300 ms of bytes and 272 ms of the switch are more than 500 ms"
    small = measured(20, 500)
    plain, two = told(NEVER, small).expected, told(NEVER, small, host_devices=2).expected
    assert plain is not None and two is not None
    assert two.downtime_ms - plain.downtime_ms == 2 * 53
    longer = told(replace(NO_THROTTLE, max_downtime_ms=500), writes, host_devices=4)
    assert longer.needs["max_downtime_ms"] >= 300 + 60 + 4 * 53
