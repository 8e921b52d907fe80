# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domain_state import DomainState
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Phase,
    Progress,
    sample_from_stats,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.postcopy_obstacles import (
    Obstacle,
    postcopy_obstacles,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.postcopy_guard import (
    objections,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import FIRST_PASS, MIB, later

RUNNING = DomainState(1, 1)


def looks(sent_s: t.Callable[[float], float], stats: t.Optional[dict[str, t.Any]] = None) -> list[JobSample]:
    """Looks each half second for three, ``sent_s`` seconds' worth of data sent at each of these moments."""
    return [sample_from_stats(later(sent_s(step / 2), stats), state=RUNNING, at_s=500 + step / 2) for step in range(7)]


def ids(samples: list[JobSample], host_devices: int = 0, max_postcopy_s: float = 120) -> list[str]:
    return [
        one.id for one in objections(samples, of_guest=postcopy_obstacles(host_devices), max_postcopy_s=max_postcopy_s)
    ]


def test_nothing_speaks_against() -> None:
    assert ids(looks(lambda at_s: at_s)) == []


def test_a_single_look_says_nothing_against() -> None:
    assert ids(looks(lambda at_s: at_s)[:1]) == []


def test_what_of_the_guest_speaks_against_it() -> None:
    against = [*postcopy_obstacles(2), Obstacle("NVDIMM", "it has an NVDIMM")]
    found = objections(looks(lambda at_s: at_s), of_guest=against, max_postcopy_s=120)
    assert [(one.id, one.message) for one in found] == [(one.id, one.why) for one in against]


def test_host_devices() -> None:
    assert ids(looks(lambda at_s: at_s), host_devices=1) == ["HOST_DEVICES"]


def test_first_pass() -> None:
    assert ids(looks(lambda at_s: at_s, FIRST_PASS)) == ["FIRST_PASS"]


def test_silence_of_a_second_at_the_end() -> None:
    assert ids(looks(lambda at_s: min(at_s, 2.0))) == ["NETWORK_STALL"]
    assert ids(looks(lambda at_s: min(at_s, 2.5))) == []


def test_silence_is_not_told_twice_as_unsteady() -> None:
    assert ids(looks(lambda _at_s: 0)) == ["NETWORK_STALL"]


def test_unsteady_below_a_half() -> None:
    assert ids(looks(lambda at_s: min(at_s, 1) + max(0, at_s - 1) * 0.49)) == ["NETWORK_UNSTEADY"]
    assert ids(looks(lambda at_s: min(at_s, 1) + max(0, at_s - 1) * 0.51)) == []


def test_a_rate_that_may_be_shared_may_fall_to_its_part() -> None:
    samples = looks(lambda at_s: min(at_s, 1) + max(0, at_s - 1) * 0.2)
    assert ids(samples) == ["NETWORK_UNSTEADY"]
    assert objections(samples, max_postcopy_s=120, sharing=3) == []
    samples = looks(lambda at_s: min(at_s, 1) + max(0, at_s - 1) * 0.15)
    assert [one.id for one in objections(samples, max_postcopy_s=120, sharing=3)] == ["NETWORK_UNSTEADY"]


def test_the_time_in_which_it_is_set_up_is_not_unsteady() -> None:
    samples = looks(lambda at_s: at_s)
    before = [replace(samples[0], phase=Phase.SETUP, memory=Progress(), at_s=498.0 + i / 2) for i in range(4)]
    assert before[-1].at_s < samples[0].at_s
    assert ids(before + samples) == []


def test_a_short_hold_at_a_bitmap_sync_is_not_unsteady() -> None:
    assert ids(looks(lambda at_s: at_s if at_s <= 1 else max(1.0, at_s - 0.4))) == []


def test_too_long() -> None:
    # 256 MiB and what is left of the pass, at 100 MiB/s
    steady = looks(lambda at_s: at_s)
    assert ids(steady, max_postcopy_s=2.5) == ["TOO_LONG"]
    assert ids(steady, max_postcopy_s=2.6) == []


def test_rates_count_in_precopy_only() -> None:
    samples = looks(lambda at_s: at_s)
    stopped = [
        sample_from_stats(later(3, memory_remaining=MIB), state=DomainState(3, 2), at_s=504.0 + i) for i in (0, 1)
    ]
    assert stopped[0].phase is Phase.SWITCHOVER
    assert "NETWORK_UNSTEADY" not in ids(samples + stopped)
