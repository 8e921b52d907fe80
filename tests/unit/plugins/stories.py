# SPDX-License-Identifier: GPL-3.0-or-later
"""Short records of migrations whose every look is written out, for tests of what is drawn of them."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.migration import (
    Story,
    story_of,
)

COLUMNS = ["at_s", "phase", "elapsed_ms", "memory_processed_bytes", "memory_remaining_bytes", "bandwidth_bytes_per_s"]


def at(at_s: float, phase: str = "precopy", sent: float = 0, left: float = 0, rate: float = 1000) -> list[t.Any]:
    """A look, by the clock of a record that began with the job."""
    return [at_s, phase, round(at_s * 1000), sent, left, rate]


def story(looks: t.Sequence[t.Sequence[t.Any]], **more: t.Any) -> Story:
    return story_of({"name": "erp01", "columns": COLUMNS, "looks": [list(one) for one in looks], **more})


def decision(at_s: float, action: str, **more: t.Any) -> dict[str, t.Any]:
    return {"at_s": at_s, "action": action, "reason": "R", "because": "why", **more}
