# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of a page share: moments, pills, tiles, and tables that can be sorted."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.sections import (
    Column,
    cell,
    facts_table,
    heading_of_time,
    moment,
    pills,
    sortable,
    tiles,
)


@pytest.mark.parametrize(
    ("epoch_s", "heading"),
    [
        (1_796_006_400.0, "2026-11-30 02:40:00 UTC"),
        (1, "1970-01-01 00:00:01 UTC"),
        (0, None),
        (-5, None),
        (4e10, None),
        (float("nan"), None),
        (None, None),
        (True, None),
        ("1796006400", None),
    ],
)
def test_moments(epoch_s: t.Any, heading: str | None) -> None:
    assert heading_of_time(epoch_s) == heading
    assert (moment(epoch_s) is None) is (heading is None)


def test_pills_and_tiles() -> None:
    assert pills([("it <failed>", "bad")], [("took", "3 s")]) == (
        '<p class="pills"><span class="pill bad">it &lt;failed&gt;</span>'
        ' <span class="pill"><span class="label">took</span> 3 s</span></p>'
    )
    assert tiles([("3", "guests", "ok")]) == (
        '<div class="tiles"><div class="tile ok"><strong>3</strong><span>guests</span></div></div>'
    )


def test_facts() -> None:
    text = facts_table("a & b", ["expected", "happened"], [("time", ["3 s", "<4 s"])])
    assert '<td></td><th scope="col">expected</th><th scope="col">happened</th>' in text
    assert '<tr><th scope="row">time</th><td class="num">3 s</td><td class="num">&lt;4 s</td></tr>' in text
    assert 'role="region" aria-label="a &amp; b"' in text


def test_cells() -> None:
    assert cell("<b>x</b>") == "<td><b>x</b></td>"
    assert cell("3 s", "3000", "num") == '<td data-v="3000" class="num">3 s</td>'


def test_a_table_that_can_be_sorted() -> None:
    columns = [Column("guest"), Column("took", "number", "in <all>"), Column("course", "")]
    text = sortable("g", columns, ["<tr></tr>"], "guests")
    assert text.count("<tr></tr>") == 1
    assert '<table id="g" class="sortable">' in text
    assert 'data-table="g"' in text
    assert "Filter guests: " in text
    assert '<th scope="col" data-kind="text">guest</th>' in text
    assert '<th scope="col" class="num" data-kind="number" title="in &lt;all&gt;">took</th>' in text
    assert '<th scope="col">course</th>' in text
