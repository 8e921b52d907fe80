# SPDX-License-Identifier: GPL-3.0-or-later
"""The source itself is booted again, and with it go its daemon, the guest and the module."""

from __future__ import annotations

import pytest
from bench.runs import assert_refused
from harm import processes
from results import Seen
from scene import END_S, Scene, told

KIND = "source rebooted"


@pytest.mark.parametrize(
    ("phase", "reason"),
    [("precopy", "GUEST_NOT_RUNNING"), ("switch-over", "GUEST_NOT_RUNNING"), ("postcopy", "HALF_ENDED")],
)
def test_the_source_is_booted_again(scene: Scene, seen: Seen, phase: str, reason: str) -> None:
    source, destination = scene.hosts
    running = scene.under_way("migration", phase)
    processes.rebooted("source")(scene)
    (result,) = running.wait(END_S).results
    print(told(result))
    assert_refused(result, "MODULE_DIED")
    before = scene.settled_states()
    print(before)
    assert before[0].startswith("shut off"), before
    (refused,) = scene.ansible.run(source, scene.migration())
    print("again:", told(refused), refused["state"], refused["remedy"])
    assert_refused(refused, reason)
    assert scene.states() == before, "what is left of it was touched"
    if reason == "HALF_ENDED":
        assert "lost" in refused["msg"]
        assert destination in refused["state"] or "destination" in refused["state"]
    seen(KIND, phase, "migration", reason, lost=True)
    scene.start_lost()
    print("at last:", told(scene.run_again()))
