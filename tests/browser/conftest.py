# SPDX-License-Identifier: GPL-3.0-or-later
"""The browser, and reports of all kinds and sizes as files."""

from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chromium import Chromium

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.page import page
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import (
    evacuation,
    hostile,
    readiness,
    record,
)

ALL_KINDS = {
    "migration": lambda: {"migrations": [_foreseen()]},
    "throttled": lambda: {"migrations": [record("strict-large-hot-set-adopted-with-throttle.json")]},
    "evacuation-1": lambda: {"evacuations": [evacuation(1)]},
    "evacuation-40": lambda: {"evacuations": [evacuation(40)]},
    "evacuation-5000": lambda: {"evacuations": [evacuation(5000)]},
    "readiness-1": lambda: {"readiness": readiness(1)},
    "readiness-40": lambda: {"readiness": readiness(40)},
    "readiness-5000": lambda: {"readiness": readiness(5000, 11)},
    "hostile": hostile,
}


def _foreseen() -> dict[str, t.Any]:
    """A real record, with a forecast as a measured guest has one."""
    found = record()
    course = {"total_s": 13.2, "sent_bytes": 465_000_000, "downtime_ms": 60, "passes": 4}
    basis = {"bandwidth_bytes_per_s": 47_815_065, "dirty_bytes_per_s": 43_000_000}
    more = {"expected": course, "worst": {**course, "total_s": 15.9}, "basis": basis, "summary": "It finishes."}
    return {**found, "forecast": {**found["forecast"], **more}, "source": "kvm01", "destination": "kvm02"}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("reports")
    found = {}
    for kind, documents in ALL_KINDS.items():
        found[kind] = directory / f"{kind}.html"
        found[kind].write_text(page(report_of(documents())), encoding="utf-8")
    return found


@pytest.fixture(scope="session")
def browser() -> t.Iterator[Chromium]:
    with Chromium() as found:
        yield found


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = Path(os.environ.get("RESULTS") or tmp_path_factory.mktemp("results")) / "browser"
    directory.mkdir(parents=True, exist_ok=True)
    return directory
