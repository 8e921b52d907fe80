# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations whose metrics are known, and metrics read back, for tests."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import adopted_plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import Record
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import look

LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)')
NUMBERS = {
    "guests": 7,
    "done": 2,
    "failed": 1,
    "moving": 2,
    "remaining_bytes": 1 << 30,
    "bytes_per_s": 45 << 20,
    "time_left_s": 12.5,
}


def record(*looks: JobSample) -> Record:
    made = Record(Supervisor(Policy(mode="observe"), adopted_plan()))
    for sample in looks:
        made.observe(sample, at_sync=True)
    return made


def stuck(name: str = "erp01") -> list[JobSample]:
    more: dict[str, t.Any] = {"dirty_pages_per_s": 25_600, "name": name, "uuid": "U", "throttle_percent": 40}
    return [look(1, 1, 900, **more), look(10, 2, 200, **more), look(12, 3, 200, **more)]


def values(text: str) -> dict[str, float]:
    """By name, with the words in the labels that are not those of the guest."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        matched = LINE.fullmatch(line)
        assert matched, line
        words = re.findall(r'(?:phase|verdict|reason|outcome|state)="(\w+)"', matched[2] or "")
        found[" ".join([matched[1], *words])] = float(matched[3])
    return found
