# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `migration` is killed before and after each call that it makes, and run again: the end is the same.

The calls are counted in a run that nothing disturbs.
"""

from __future__ import annotations

import pytest
from crash_points import FEW, calls_of_migration, disturbed, every_side, run_again, tell
from results import Seen
from scene import END_S, Scene, told


def killed_and_run_again(scene: Scene, at: str) -> str:
    """Outcome of the second run. The call may not be made in this run: then the first one ends as it should."""
    (result,) = disturbed(scene, at, "killed").wait(END_S).results
    if not result["failed"]:
        scene.guest.has_moved()
        return "not reached"
    assert result["reason"] == "MODULE_DIED", f"{at}: {told(result)}"
    return run_again(scene)


@pytest.mark.timeout(3 * 3600)  # some hundred runs of the module
def test_each_call_of_a_migration(counting: Scene, seen: Seen) -> None:
    calls = calls_of_migration(counting)
    assert len(calls) > 20, calls
    outcomes = every_side(calls, lambda at: killed_and_run_again(counting, at))
    assert outcomes["not reached"] < len(calls) / 2, outcomes
    tell(seen, "migration", calls, outcomes)


@pytest.mark.fast
def test_the_calls_that_change_most(counting: Scene) -> None:
    outcomes = every_side(FEW, lambda at: killed_and_run_again(counting, at))
    assert sum(outcomes.values()) - outcomes["not reached"] >= 2, outcomes
