# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan is done in the time that there is."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.deadline import (
    against_deadline,
    deadline_lines,
)


def plan(*ends: float, measured: bool = True, least_s: float = 0.0) -> dict[str, t.Any]:
    return {
        "eta_s": max(ends, default=0.0),
        "measured": measured,
        "guests": [{"name": f"g{number}", "end_s": end} for number, end in enumerate(ends)],
        "links": [{"name": "kvm01", "direction": "out", "least_s": least_s}],
    }


@pytest.mark.parametrize(
    ("found", "within_s", "kept", "left_s", "late"),
    [
        (plan(10.0, 30.0), 60.0, True, 30.0, []),
        (plan(10.0, 60.0), 60.0, True, 0.0, []),
        (plan(10.0, 90.0), 60.0, False, -30.0, ["g1"]),
        (plan(10.0, 30.0, measured=False), 60.0, None, 30.0, []),
        (plan(10.0, 90.0, measured=False), 60.0, False, -30.0, ["g1"]),
        (plan(measured=True), 60.0, True, 60.0, []),
    ],
)
def test_whether_it_is_kept(
    found: dict[str, t.Any], within_s: float, kept: bool | None, left_s: float, late: list[str]
) -> None:
    told = against_deadline(found, within_s)
    assert (told["kept"], told["left_s"], told["late"]) == (kept, left_s, late)


def test_a_link_that_alone_needs_longer() -> None:
    told = against_deadline(plan(90.0, least_s=70.0), 60.0)
    assert told["too_slow"] == ["kvm01 (out)"]
    assert "Late: g0." in " ".join(deadline_lines(told))
    assert "kvm01 (out)" in " ".join(deadline_lines(told))


def test_in_words() -> None:
    assert deadline_lines(against_deadline(plan(30.0), 60.0)) == [
        "Whoever moves has arrived within 1 min 0 s, with 30.0 s to spare."
    ]
    unsure = " ".join(deadline_lines(against_deadline(plan(30.0, measured=False), 60.0)))
    assert unsure.endswith("if what was not measured sends no more than the least.")
    many = " ".join(deadline_lines(against_deadline(plan(*[90.0] * 7), 60.0)))
    assert "g4 and 2 more" in many
