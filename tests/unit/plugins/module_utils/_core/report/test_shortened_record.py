# SPDX-License-Identifier: GPL-3.0-or-later
"""A long record made small: what was told of is kept, and of the rest every so many."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.shortened_record import kept_record
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import evacuation


def long_record(count: int) -> dict[str, t.Any]:
    """Each look is its number; from 1500 on the guest runs on the destination."""
    looks: list[list[t.Any]] = [[number, "postcopy" if number >= 1501 else "precopy", []] for number in range(count)]
    return {"columns": ["at_s", "phase", "results"], "looks": looks, "decisions": [], "boundaries": []}


def test_where_something_happened_it_is_kept() -> None:
    record = long_record(2000)
    record["looks"][333][2] = [["set_downtime", "", ""]]
    record["decisions"] = [{"at_s": 777}]
    record["boundaries"] = [[2, 1 << 20, 1234]]
    found = kept_record(record)
    # Six are needed: of the others every fifth goes into what is left of 500.
    needed = {0, 333, 777, 1234, 1501, 1999}
    assert [look[0] for look in found["looks"]] == sorted(needed | set(range(0, 2000, 5)))
    assert found["thinned"] is True
    assert {**found, "looks": record["looks"]} == {**record, "thinned": True}


def test_a_short_one_stays() -> None:
    assert kept_record(long_record(500)) == long_record(500)
    assert len(kept_record(long_record(501))["looks"]) < 500


def test_what_is_needed_stays_however_much_it_is() -> None:
    record = long_record(1400)
    record["boundaries"] = [[number, 0, number] for number in range(0, 1400, 2)]
    kept = {look[0] for look in kept_record(record)["looks"]}
    assert kept >= set(range(0, 1400, 2))
    assert len(kept) < 1100


def test_an_evacuation_has_no_looks() -> None:
    assert kept_record(evacuation(3)) == evacuation(3)
