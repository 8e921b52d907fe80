# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.evacuation import (
    Guest,
    evacuation_of,
)


def test_who_was_left_is_neither_good_nor_bad() -> None:
    run = evacuation_of({"guests": [{"name": name, "outcome": name} for name in ("moved", "left", "failed")]})
    assert [one.name for one in run.bad] == ["failed"]


def test_a_result_with_its_record_is_its_record() -> None:
    assert evacuation_of({"changed": True, "record": {"host": "kvm01", "guests": []}}).host == "kvm01"


def test_it_begins_with_the_first_that_is_not_waiting() -> None:
    stages = [[0, "waiting", "b"], ["odd", "preparing", "b"], [2.5, "ready", "b"], [3], [4, "sending", "b"]]
    guest = Guest("erp01", "moved", stages=stages)
    assert (guest.begins_s, [at_s for at_s, _stage, _where in guest.spans()]) == (2.5, [0, 2.5, 4])
    assert Guest("crm01", "failed").begins_s == float("inf")
