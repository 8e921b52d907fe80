# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.table import table_lines


def test_no_guests() -> None:
    assert table_lines([]) == ["No guests."]


def test_a_line_for_each_and_below_one_for_each_failure() -> None:
    moved = {
        "name": "erp01",
        "outcome": "moved",
        "source": "kvm01",
        "destination": "kvm02",
        "elapsed_s": 12.5,
        "downtime_ms": 80,
        "sent_bytes": 1 << 30,
        "remedies": ["set_downtime"],
    }
    failed = {
        "name": "crm\n01",
        "outcome": "not_started",
        "reason": "CANCELLED",
        "msg": "It was not sent.",
        "remedy": "Again.",
    }
    head, first, second, below = table_lines([moved, failed])
    assert head.split() == ["guest", "from", "to", "outcome", "time", "downtime", "data", "remedies"]
    assert first.split() == ["erp01", "kvm01", "kvm02", "moved", "12.5", "s", "80", "ms", "1.0", "GiB", "set_downtime"]
    assert second.split()[1:] == ["-", "-", "not", "started", "-", "-", "-", "-"]
    assert "\n" not in second
    assert below.endswith(": CANCELLED: It was not sent. Again.")
    assert "\n" not in below


@pytest.mark.parametrize("rows", [None, {}, [1], [{"name": "a"}], [{"name": 1, "outcome": "moved"}]])
def test_what_is_no_table(rows: t.Any) -> None:
    with pytest.raises(MigrationError) as caught:
        table_lines(rows)
    assert caught.value.reason == "NOT_A_TABLE"
