# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that works and rests: a calm moment is waited for, and what failed in a busy one is tried again in it."""

from __future__ import annotations

import contextlib
import time
import typing as t

import pytest
from bench.lending import passing_by
from bench.moving import LINK_MIB_PER_S, actions, move
from bench.runs import Ansible, Result, Running, assert_done
from bench.subject import Subject, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

# Busy, it rewrites 200 MiB at 78 MiB/s, which is more than the link carries.
BUSY_PAGES_PER_S = 20_000
NIGHTLY = GuestOptions(ram_mib=400, hot_mib=200, cold_mib=32, pages_per_s=BUSY_PAGES_PER_S)
BOUND_S = 240
WAITS = "a calm moment is waited for"


@pytest.fixture
def nightly(lab: Lab) -> t.Iterator[Subject]:
    yield from passing_by(lab, "nightly", NIGHTLY)


def waits(running: Running, times: int = 1) -> None:
    """Until it has said so often that it waits for a calm moment."""
    with contextlib.suppress(AssertionError):
        wait_for(lambda: running.process.poll() is not None or running.said().count(WAITS) >= times, "the wait")
    assert running.said().count(WAITS) >= times, running.said()


def ended(running: Running, guest: Subject) -> Result:
    """It has gone by plain pre-copy, in a moment in which it wrote next to nothing."""
    (result,) = running.wait().results
    assert_done(result, True, outcome="moved", runs_on="kvm02")
    guest.has_moved()
    guest.verify()
    assert actions(result) == []
    assert (result["forecast"]["way"], result["forecast"]["sure"]) == ("precopy", True)
    assert result["forecast"]["basis"]["dirty_bytes_per_s"] < 20 << 20
    return result


def test_a_calm_moment_is_waited_for(ansible: Ansible, nightly: Subject) -> None:
    running = ansible.begin(nightly.source, move(nightly, calm_wait_s=BOUND_S))
    waits(running, 2)
    assert nightly.job() == {}
    nightly.load(0)
    calm_s = time.time()
    result = ended(running, nightly)
    assert result["record"]["began_epoch_s"] > calm_s
    assert not result.get("warnings"), result["warnings"]


def test_none_comes_within_the_bound(ansible: Ansible, nightly: Subject) -> None:
    """It is sent all the same, by what its policy allows, and that is told."""
    allowed = {"policy_overrides": {"postcopy": "if_needed"}}
    result = ansible.run(nightly.source, move(nightly, calm_wait_s=6, **allowed))[0]
    assert_done(result, True, outcome="moved", runs_on="kvm02")
    nightly.has_moved()
    assert "was not calm within 6 s" in str(result["warnings"])
    assert "start_postcopy" in actions(result)


def test_what_failed_for_its_load_is_tried_with_what_was_learnt(ansible: Ansible, nightly: Subject) -> None:
    """The link is said to carry ten times as much as it does, so that the first attempt begins at once."""
    wrong = {"link_mib_per_s": 10 * LINK_MIB_PER_S, "policy_overrides": {"deadline_s": 20}}
    running = ansible.begin(nightly.source, move(nightly, calm_wait_s=BOUND_S, **wrong))
    nightly.in_pass(2)
    waits(running)
    assert nightly.job() == {}
    nightly.load(0)
    result = ended(running, nightly)
    assert "once more" in str(result["warnings"])
    learnt = result["forecast"]["basis"]["bandwidth_bytes_per_s"] / (1 << 20)
    # A busy machine sends less than the link carries, and what was said is ten times that.
    assert 0.2 * LINK_MIB_PER_S < learnt < 1.5 * LINK_MIB_PER_S
