# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.case import (
    JobCase,
    rates,
    stands_still,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.remedies import Remedies
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import (
    Context,
    Reason,
    Verdict,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.observation import Observation
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    XbzrleCounters,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.stuck_job import STUCK, passes


def case(*looks: JobSample, parallel: bool = False) -> JobCase:
    seen = Observation(looks)
    return JobCase(seen, Context(parallel_compression=parallel), Remedies(seen, Policy()), "erp01")


def test_rates_as_a_clause() -> None:
    assert rates(case(STUCK)) == "100.0 MiB/s of memory is rewritten while 100.0 MiB/s is sent"


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (STUCK, "it would have to stand still for about 2.6 s (limit 300 ms) to finish"),
        (replace(STUCK, limits=Limits()), "it would have to stand still for about 2.6 s to finish"),
        # Within a pass less is left than at its beginning.
        (replace(STUCK, expected_downtime_ms=None), "for at least 2.0 s (limit 300 ms)"),
        (replace(STUCK, expected_downtime_ms=1000), "not known from one look at this QEMU"),
    ],
)
def test_how_long_it_would_stand_still_as_a_clause(look: JobSample, words: str) -> None:
    assert words in stands_still(case(look).seen)


def test_the_figures_of_a_compression_are_part_of_each_evidence() -> None:
    counters = [XbzrleCounters(1 << 26, 0, 0, 100_000 * number) for number in (1, 2, 3)]
    looks = [replace(look, xbzrle=one) for look, one in zip(passes(256, 255), counters)]
    found = case(*looks).diagnosis(Verdict.STUCK, Reason.DIRTY_RATE, "It is.", [], other=None, more=1)
    assert (found.evidence["cache_misses_percent"], found.evidence["more"]) == (100, 1)
    assert "other" not in found.evidence
    assert case(STUCK).compression is None
    sent = [replace(look, normal_pages=look.memory.processed_bytes // 4096) for look in passes(256)]
    assert (case(*sent).compression, case(*sent, parallel=True).compression is None) == (None, False)
