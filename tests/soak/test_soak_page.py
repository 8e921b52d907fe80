# SPDX-License-Identifier: GPL-3.0-or-later
"""What was played is kept once each, and the page counts it."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.virtops.live_migration.tests.soak.page import merged, rows_of, text
from ansible_collections.virtops.live_migration.tests.soak.schedule import (
    FAULTS,
    GUESTS,
    Step,
    of_use,
    schedule,
    shrunk,
)

pytestmark = pytest.mark.fast


def row(seed: int, arrivals: int, problem: t.Sequence[str] = (), **faults: int) -> dict[str, t.Any]:
    run = {"at": "2026-11-30", "versions": "libvirt 9.0.0, QEMU 7.2.22"}
    return {"seed": seed, **run, "arrivals": arrivals, "faults": faults, "problem": list(problem)}


def test_what_was_kept_before_is_not_counted_twice() -> None:
    first = merged("", [row(2, 30), row(1, 20)])
    assert [each["seed"] for each in rows_of(first)] == [1, 2]
    assert merged("".join(first), [row(2, 30), row(3, 7)]) == [*first, json.dumps(row(3, 7), sort_keys=True) + "\n"]


def test_the_page_counts_arrivals_faults_and_seeds_that_broke_something() -> None:
    page = text([row(1, 20, stream_cut=2), row(4, 30, ["memory is *wrong*"], stream_cut=1, link_down=1)])
    assert "50 migrations have ended, from 2 seeds (1 to 4), on libvirt 9.0.0, QEMU 7.2.22, measured" in page
    assert "20 migrations have ended, from seed 1, on" in text([row(1, 20)])
    assert "22 migrations have ended, from seed 1, on" in text([row(1, 20), row(1, 2)])
    assert "first played: 1." in page
    assert "- stream cut\n     - 3\n" in page
    assert "- 4\n     - ``memory is *wrong*``\n" in page


def test_the_same_seed_is_the_same_schedule() -> None:
    steps = schedule(17, 200)
    assert steps == schedule(17, 200) != schedule(18, 200)
    assert {each.fault for each in steps} == {"", *FAULTS}


@pytest.mark.parametrize(
    ("kind", "drawn", "done"),
    [
        ("move", "kvm01", "kvm02"),
        ("move", "kvm03", "kvm03"),
        ("evacuate", "kvm02", "kvm01"),
        ("evacuate", "kvm01", "kvm01"),
    ],
)
def test_each_order_has_something_to_do(kind: str, drawn: str, done: str) -> None:
    step = Step(kind, GUESTS[0] if kind == "move" else "", drawn)
    assert of_use(step, dict.fromkeys(GUESTS, "kvm01")).host == done


def test_a_failing_schedule_shrinks_to_what_fails() -> None:
    steps = schedule(3, 40)
    culprit = steps[23]
    assert shrunk(steps, lambda part: culprit in part, 60) == [culprit]
