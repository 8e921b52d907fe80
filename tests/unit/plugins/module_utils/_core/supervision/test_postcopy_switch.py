# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    POSTCOPY,
    Flags,
    Plan,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import MIB, done, first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary, stuck

SPLITTABLE = replace(PLAN, flags=Flags(postcopy=True))


def test_post_copy_when_passes_do_not_get_it_down() -> None:
    _supervisor, actions = stuck(Policy(max_downtime_ms=500), SPLITTABLE)
    action = only(actions)
    assert (action.kind, action.reason) == (Kind.START_POSTCOPY, "POSTCOPY_NEEDED")


def test_one_long_pass_is_enough_to_see_it() -> None:
    supervisor = Supervisor(Policy(max_downtime_ms=500), SPLITTABLE)
    first_pass(supervisor)
    assert done(at_boundary(supervisor, 10, 2, 900)) == [(Kind.START_POSTCOPY, None)]


@pytest.mark.parametrize(("tells", "first_s", "switches"), [(True, 9.5, True), (False, 9.5, False), (True, 3.0, False)])
def test_the_first_pass_stands_for_a_measurement(tells: bool, first_s: float, switches: bool) -> None:
    """Of a guest that was started without one: the second pass, which is shorter, leaves as much as the first. Not
    where the first was shorter than any measurement."""
    supervisor = Supervisor(Policy(max_downtime_ms=500), replace(SPLITTABLE, first_pass_tells=tells))
    steps = [step / 2 for step in range(1, int(first_s * 2) + 1)]
    for at_s in steps:
        supervisor.observe(look(at_s, 1, int(1000 * (1 - at_s / (first_s + 0.5)))))
    at_boundary(supervisor, first_s + 0.5, 2, 250)
    switched = done(at_boundary(supervisor, first_s + 2.5, 3, 250))
    assert switched == ([(Kind.START_POSTCOPY, None)] if switches else [])


def test_a_second_pass_that_leaves_less_is_another_matter() -> None:
    supervisor = Supervisor(Policy(max_downtime_ms=500), replace(SPLITTABLE, first_pass_tells=True))
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 400)
    assert done(at_boundary(supervisor, 14, 3, 300)) == []


@pytest.mark.parametrize(
    ("policy", "plan"),
    [(NEVER, SPLITTABLE), (Policy(max_downtime_ms=500), PLAN)],
    ids=["not allowed", "not flagged"],
)
def test_no_post_copy(policy: Policy, plan: Plan) -> None:
    _supervisor, actions = stuck(policy, plan)
    assert done(actions) == []


def test_post_copy_waits_for_a_steady_link() -> None:
    supervisor = Supervisor(Policy(max_downtime_ms=500), SPLITTABLE)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 400)
    at_boundary(supervisor, 14, 3, 400)
    for at_s in (15, 16, 17):  # the link is down: nothing is sent
        supervisor.observe(look(at_s, 3, 300, sent_mib=1500))
    assert done(at_boundary(supervisor, 18, 4, 400, sent_mib=1500)) == []
    actions: list[Action] = []
    for at_s in (19, 20, 21, 22):
        actions += supervisor.observe(look(at_s, 4, 400 - 50 * (at_s - 18), sent_mib=1500 + 100 * (at_s - 18)))
    assert done(actions) == [(Kind.START_POSTCOPY, None)]


def test_a_measured_guest_is_split_in_the_first_pass() -> None:
    plan = replace(SPLITTABLE, way=POSTCOPY, postcopy_share=0.3)
    supervisor = Supervisor(Policy(max_downtime_ms=500, postcopy="prefer"), plan)
    when = [at_s for at_s in range(10) if done(supervisor.observe(look(at_s + 0.5, 1, 950 - 100 * at_s)))]
    assert when[0] in (2, 3)


def test_prefer_splits_only_where_it_pays() -> None:
    policy = Policy(max_downtime_ms=200, postcopy="prefer")
    for left, expected in ((50, []), (500, [(Kind.START_POSTCOPY, None)])):
        supervisor = Supervisor(policy, replace(SPLITTABLE, start_limit_ms=100))
        first_pass(supervisor, limit_ms=100)
        assert done(at_boundary(supervisor, 10, 2, left, limit_ms=100)) == expected


@pytest.mark.parametrize(("left_mib", "splits"), [(80, False), (150, False), (310, True)])
def test_prefer_waits_for_no_second_pass_that_cannot_be_enough(left_mib: int, splits: bool) -> None:
    """The first pass of 10 s left what the link carries in 0.8, 1.5 or 3.1 s: the second would leave 0.06, 0.2 or 1 s
    at best, of which 0.5 s are allowed."""
    policy = Policy(max_downtime_ms=500, postcopy="prefer")
    supervisor = Supervisor(policy, replace(SPLITTABLE, start_limit_ms=100))
    first_pass(supervisor, limit_ms=100)
    expected = [(Kind.START_POSTCOPY, None)] if splits else []
    assert done(at_boundary(supervisor, 10, 2, left_mib, limit_ms=100)) == expected


def test_post_copy_is_asked_for_once_while_qemu_takes_its_time() -> None:
    plan = replace(SPLITTABLE, way=POSTCOPY, postcopy_share=0.2)
    supervisor = Supervisor(Policy(max_downtime_ms=500, postcopy="prefer"), plan)
    given = [kind for step in range(20) for kind, _v in done(supervisor.observe(look(step / 2, 1, 1000 - 50 * step)))]
    assert given == [Kind.START_POSTCOPY]


def test_zero_pages_say_nothing_about_the_link() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    for step in range(20):
        supervisor.observe(look(step / 2, 1, 90_000 - 50 * step, total_mib=90_000))
    for at_s, left in ((10.5, 60_000), (11.5, 30_000), (12.5, 0)):
        supervisor.observe(look(at_s, 1, left, sent_mib=940 + at_s, total_mib=90_000))
    assert supervisor.history.bandwidth_bytes_per_s == pytest.approx(100 * MIB, rel=0.05)
