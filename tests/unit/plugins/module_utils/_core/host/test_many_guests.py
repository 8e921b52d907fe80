# SPDX-License-Identifier: GPL-3.0-or-later
"""What many guests take is in proportion to what few take. Processor times, since others use the machine, too."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.report import report_lines
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.result import GuestResult
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.table import table_lines
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    HostDocument,
    host_from,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Disk, GuestDocument, Nic
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample, Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.overview import (
    overview,
    overview_lines,
)

FEW, MANY = 1000, 10_000
LINEAR = 3.0  # times as long as in proportion, with what a busy machine adds


def tables(count: int) -> t.Any:
    return table_lines(
        [GuestResult(f"g{number}", outcome="failed", msg="It broke.").document() for number in range(count)]
    )


def readiness(count: int) -> t.Any:
    check = {"id": "disks", "status": "fail", "summary": "Not there.", "remedy": "Mend it."}
    entry = {"destination": "b", "ready": False, "checks": [check], "counts": {"fail": 1, "warn": 0}, "summary": ""}
    entries = [{**entry, "name": f"g{number}", "uuid": f"g{number}"} for number in range(count)]
    return overview_lines(overview(entries, "a"))


def reports(count: int) -> t.Any:
    sample = JobSample(Phase.PRECOPY, "outgoing")
    return report_lines([replace(sample, name=f"g{number}").document() for number in range(count)])


def documents(count: int) -> t.Any:
    guests = [
        GuestDocument(f"g{number}", f"g{number}", disks=[Disk("vda"), Disk("vdb")], interfaces=[Nic()])
        for number in range(count)
    ]
    return host_from(HostDocument("a", "b", domains=guests).document())


@pytest.mark.parametrize("work", [tables, readiness, reports, documents])
def test_time_is_in_proportion(work: t.Callable[[int], t.Any]) -> None:
    def took_s(count: int) -> float:
        begin_s = time.process_time()
        assert work(count)
        return time.process_time() - begin_s

    few_s, many_s = min(took_s(FEW) for _number in range(3)), took_s(MANY)
    print(f"{work.__name__}: {FEW} in {few_s:.2f} s, {MANY} in {many_s:.2f} s")
    assert many_s < max(0.5, few_s * MANY / FEW * LINEAR)
