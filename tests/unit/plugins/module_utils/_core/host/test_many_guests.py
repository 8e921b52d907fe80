# SPDX-License-Identifier: GPL-3.0-or-later
"""The work for many guests is in proportion to that for few: calls are counted, which no load changes."""

from __future__ import annotations

import sys
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

FEW, MANY = 100, 1000


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


def calls(work: t.Callable[[int], t.Any], count: int) -> int:
    """How many functions are called for it, those that are written in C included."""
    found, before = [0], sys.getprofile()

    def called(_frame: t.Any, event: str, _argument: t.Any) -> None:
        found[0] += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        assert work(count)
    finally:
        sys.setprofile(before)
    return found[0]


@pytest.mark.parametrize("work", [tables, readiness, reports, documents])
def test_work_is_in_proportion(work: t.Callable[[int], t.Any]) -> None:
    assert work(1)  # what is made once, such as a pattern, is made
    assert calls(work, MANY) <= calls(work, FEW) * (MANY / FEW) * 1.1


def test_what_is_not_in_proportion_is_seen() -> None:
    def each_with_each(count: int) -> list[int]:
        return [max(one, other) for one in range(count) for other in range(count)]

    assert calls(each_with_each, MANY) > 50 * calls(each_with_each, FEW)
