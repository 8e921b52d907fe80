# SPDX-License-Identifier: GPL-3.0-or-later
"""Before and after each call of the module `migration` it is killed, its connections to libvirt are cut, or its
controller is killed; then it is run again: the end is the same, and what the first run told is true.

The calls are counted in a run that nothing disturbs.
"""

from __future__ import annotations

import pytest
from crash_points import FEW, HARM, NOT_REACHED, at_each, both_sides, calls_of_migration, migration_of, tell
from results import Seen
from scene import Scene


@pytest.mark.timeout(3 * 3600)  # some hundred runs of the module
@pytest.mark.parametrize("harm", HARM)
def test_each_call_of_a_migration(counting: Scene, seen: Seen, harm: str) -> None:
    calls = calls_of_migration(counting)
    assert len(calls) > 20, calls
    outcomes = at_each(both_sides(calls), lambda at: HARM[harm](migration_of(counting), at))
    assert outcomes[NOT_REACHED] < len(calls) / 2, outcomes
    tell(seen, "migration", calls, outcomes, harm)


@pytest.mark.parametrize(
    "harm", [pytest.param("killed", marks=pytest.mark.fast), "connection cut", "controller killed"]
)
def test_where_most_is_at_stake(counting: Scene, harm: str) -> None:
    outcomes = at_each(FEW, lambda at: HARM[harm](migration_of(counting), at))
    assert outcomes[NOT_REACHED] == 0, outcomes
