# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domain_state import DomainState
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
    XbzrleCounters,
    phase_of,
    read_job,
    sample_from_document,
    sample_from_stats,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import COMPLETED, MIGRATING

RUNNING = DomainState(1, 1)
PAUSED_BY_USER = DomainState(3, 1)
PAUSED_FOR_MIGRATION = DomainState(3, 2)
STARTED = {"type": 2, "operation": 5, "memory_total": 1}

# statistics, state of the domain, phase
PHASES: list[tuple[dict[str, t.Any], DomainState | None, Phase]] = [
    ({}, None, Phase.NONE),
    ({"type": 0}, RUNNING, Phase.NONE),
    ({"type": 3}, DomainState(5, 4), Phase.COMPLETED),
    ({"type": 4}, RUNNING, Phase.FAILED),
    ({"type": 5}, DomainState(1, 6), Phase.CANCELLED),
    ({"type": 2}, RUNNING, Phase.SETUP),
    ({"type": 1}, None, Phase.SETUP),
    ({"type": 2, "memory_total": 0, "disk_total": 5}, RUNNING, Phase.PRECOPY),
    (STARTED, RUNNING, Phase.PRECOPY),
    (STARTED, None, Phase.PRECOPY),
    (STARTED, PAUSED_BY_USER, Phase.PRECOPY),
    (STARTED, PAUSED_FOR_MIGRATION, Phase.SWITCHOVER),
    ({"type": 2}, PAUSED_FOR_MIGRATION, Phase.SETUP),
    (STARTED, DomainState(3, 12), Phase.POSTCOPY),
    (STARTED, DomainState(1, 10), Phase.POSTCOPY),
    ({**STARTED, "memory_postcopy_requests": 1}, None, Phase.POSTCOPY),
    ({**STARTED, "memory_postcopy_requests": 0}, None, Phase.PRECOPY),
    (STARTED, DomainState(3, 13), Phase.POSTCOPY_FAILED),
    (STARTED, DomainState(1, 11), Phase.POSTCOPY_FAILED),
    ({**STARTED, "memory_postcopy_requests": 1}, DomainState(3, 13), Phase.POSTCOPY_FAILED),
]


@pytest.mark.parametrize(("stats", "state", "phase"), PHASES)
def test_phase(stats: dict[str, t.Any], state: DomainState | None, phase: Phase) -> None:
    assert phase_of(stats, state) is phase


def test_which_phases_run() -> None:
    assert [phase.value for phase in Phase if phase.running] == [
        "setup",
        "precopy",
        "switchover",
        "postcopy",
        "postcopy_failed",
    ]


DOCUMENT_KEYS = [
    "name",
    "uuid",
    "phase",
    "operation",
    "elapsed_ms",
    "pass",
    "memory",
    "disk",
    "expected_downtime_ms",
    "limits",
    "throttle_percent",
    "postcopy_requests",
    "xbzrle",
    "diagnosis",
]
MEMORY_KEYS = [
    "total_bytes",
    "processed_bytes",
    "remaining_bytes",
    "bandwidth_bytes_per_s",
    "dirty_pages_per_s",
    "page_size_bytes",
    "dirty_bytes_per_s",
    "normal_pages",
]


def test_shape_of_a_running_job() -> None:
    document = sample_from_stats(MIGRATING, state=RUNNING, name="erp01", uuid="5f0c").document()
    assert list(document) == DOCUMENT_KEYS
    assert list(document["memory"]) == MEMORY_KEYS
    assert list(document["disk"]) == MEMORY_KEYS[:3]
    assert list(document["limits"]) == ["max_downtime_ms", "bandwidth_mib_per_s", "postcopy_bandwidth_mib_per_s"]
    assert document["memory"]["dirty_bytes_per_s"] == 25_600 * 4096
    assert document["expected_downtime_ms"] == 2560


def test_shape_of_a_completed_job() -> None:
    document = sample_from_stats(COMPLETED).document()
    keys = ["downtime_ms" if key == "expected_downtime_ms" else key for key in DOCUMENT_KEYS]
    assert list(document) == keys
    assert document["downtime_ms"] == 351


def test_diagnosis_is_part_of_the_document() -> None:
    assert JobSample(Phase.PRECOPY, "outgoing").document({"verdict": "stuck"})["diagnosis"] == {"verdict": "stuck"}
    assert JobSample(Phase.PRECOPY, "outgoing").document()["diagnosis"] == {}


def test_document_is_of_plain_types() -> None:
    document = sample_from_stats(MIGRATING, limits=Limits(300, 0, None)).document()
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(("operation", "name"), [(4, "incoming"), (5, "outgoing"), (9, "other"), (0, "other")])
def test_operation(operation: int, name: str) -> None:
    assert sample_from_stats({"type": 2, "operation": operation}).operation == name


def test_what_is_missing_is_unknown_or_zero() -> None:
    sample = sample_from_stats({"type": 2, "operation": 5})
    assert (sample.pass_number, sample.expected_downtime_ms, sample.downtime_ms) == (None, None, None)
    assert (sample.memory, sample.page_size_bytes, sample.limits) == (Progress(), 4096, Limits())


def test_named() -> None:
    assert JobSample(Phase.PRECOPY, "outgoing").named("erp01", "5f0c").document()["name"] == "erp01"


counts = st.integers(0, 1 << 64)
maybe = st.none() | counts
samples = st.builds(
    JobSample,
    phase=st.sampled_from([phase for phase in Phase if phase is not Phase.COMPLETED]),
    operation=st.sampled_from(["outgoing", "incoming", "other"]),
    elapsed_ms=counts,
    pass_number=maybe,
    memory=st.builds(Progress, counts, counts, counts),
    disk=st.builds(Progress, counts, counts, counts),
    bandwidth_bytes_per_s=counts,
    dirty_pages_per_s=counts,
    page_size_bytes=counts,
    expected_downtime_ms=maybe,
    downtime_ms=st.none(),
    throttle_percent=counts,
    postcopy_requests=counts,
    normal_pages=st.none() | counts,
    xbzrle=st.none() | st.builds(XbzrleCounters, counts, counts, counts, counts, counts),
    limits=st.builds(Limits, maybe, maybe, maybe),
    name=st.text(),
    uuid=st.text(),
)


@given(sample=samples, downtime_ms=maybe)
def test_document_and_back(sample: JobSample, downtime_ms: int | None) -> None:
    assert sample_from_document(sample.document()) == sample
    completed = dataclasses.replace(sample, phase=Phase.COMPLETED, expected_downtime_ms=None, downtime_ms=downtime_ms)
    assert read_job(json.loads(json.dumps(completed.document()))) == completed


DOCUMENT = sample_from_stats(MIGRATING, name="erp01").document()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "a NoneType"),
        ("text", "a str"),
        ([DOCUMENT], "a list"),
        ({}, "without the key 'memory'"),
        ({**DOCUMENT, "memory": {}}, "without the key"),
        ({**DOCUMENT, "memory": None}, "does not fit"),
        ({**DOCUMENT, "phase": "precopying"}, "does not fit"),
        ({**DOCUMENT, "elapsed_ms": "soon"}, "does not fit"),
        ({**DOCUMENT, "elapsed_ms": float("inf")}, "does not fit"),
        ({**DOCUMENT, "limits": 7}, "does not fit"),
    ],
)
def test_what_is_no_document(document: t.Any, said: str) -> None:
    with pytest.raises(MigrationError, match=said) as caught:
        read_job(document)
    assert caught.value.reason == "NOT_A_JOB"


# state and reason as libvirt counts them, in words
@pytest.mark.parametrize(
    ("state", "name", "reason"),
    [
        (DomainState(1, 1), "running", "booted"),
        (DomainState(1, 6), "running", "migration cancelled"),
        (DomainState(3, 2), "paused", "migration"),
        (DomainState(3, 13), "paused", "post-copy failed"),
        (DomainState(5, 4), "shut off", "migrated"),
        (DomainState(5, 0), "shut off", "other"),
        (DomainState(6, 1), "crashed", "other"),
        (DomainState(99, 99), "unknown", "other"),
    ],
)
def test_states_in_words(state: DomainState, name: str, reason: str) -> None:
    assert (state.name, state.reason_name) == (name, reason)


def test_states() -> None:
    assert DomainState(1, 1).running
    assert not DomainState(3, 1).running
    assert DomainState(5, 4).moved_away
    assert not DomainState(5, 1).moved_away
    assert DomainState(3, 2).paused_for_migration
    assert not DomainState(3, 1).paused_for_migration


# As the lab's QEMU 11.1 told it, with a limit of 4 MiB/s and without one; in 10 s it has synced a hundred times.
@pytest.mark.parametrize(
    ("elapsed_ms", "syncs", "normal", "constant", "pass_number"),
    [
        (393, 3, 256, 241, 1),
        (10_966, 108, 13_696, 1_545, 1),
        (2_087, 23, 18_100, 2_000, 1),
        (6_267, 78, 60_000, 1_000, 78),  # nearly all has been sent once
        (33_444, 486, 377_000, 4_000, 486),
    ],
)
def test_syncs_within_the_first_pass(elapsed_ms: int, syncs: int, normal: int, constant: int, pass_number: int) -> None:
    told = {"time_elapsed": elapsed_ms, "setup_time": 1, "memory_total": 268_976_128, "memory_page_size": 4096}
    counts = {"memory_iteration": syncs, "memory_normal": normal, "memory_constant": constant}
    assert sample_from_stats({**STARTED, **told, **counts}).pass_number == pass_number


@pytest.mark.parametrize(
    "more",
    [
        {"memory_iteration": 1, "time_elapsed": 100},  # the first pass of any QEMU
        {"memory_iteration": 4, "time_elapsed": 9_000},  # half of its memory is not there, and is never sent
        {"memory_iteration": 4, "time_elapsed": 21_000, "setup_time": 20_500, "memory_normal": 65_000},
    ],
)
def test_syncs_that_begin_passes(more: dict[str, int]) -> None:
    told = {"memory_total": 268_976_128, "memory_page_size": 4096, "memory_normal": 30_000, "memory_constant": 1_000}
    assert sample_from_stats({**STARTED, **told, **more}).pass_number == more["memory_iteration"]
