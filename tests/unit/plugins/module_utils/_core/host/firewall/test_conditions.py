# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.conditions import (
    AnyOf,
    Bits,
    Condition,
    Connection,
    Every,
    Interface,
    Not,
    Seen,
    Sure,
    Unsure,
    Within,
    merged,
    negated,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.packet import State, request

FIRST = request(4, (100, 200), (10, 20), 7, "eno1")
YES, NO, MAYBE = Sure(True), Sure(False), Unsure("odd")


def holds(condition: Condition, state: State | None = None) -> bool | None:
    return condition.holds(Seen(FIRST, state or State()))


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        (Every((YES, YES)), True),
        (Every((YES, MAYBE)), None),
        (Every((MAYBE, NO)), False),
        (Every(()), True),
        (AnyOf((NO, NO)), False),
        (AnyOf((NO, MAYBE)), None),
        (AnyOf((MAYBE, YES)), True),
        (AnyOf(()), False),
        (Not(MAYBE), None),
        (Not(NO), True),
        (negated(YES, False), True),
        (negated(YES, True), False),
    ],
)
def test_what_is_not_known_stays_so_unless_another_part_decides(condition: Condition, answer: bool | None) -> None:
    assert holds(condition) is answer


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        (Within("dport", [(0, 300)]), True),
        (Within("dport", [(0, 149), (150, 300)]), True),
        (Within("dport", [(150, 300)]), None),
        (Within("dport", [(201, 300)]), False),
        (Within("saddr", [(0, 15)], 4), None),
        (Within("saddr", [(0, 99)], 6), False),
        (Within("type", [(1, 1)]), False),
    ],
)
def test_intervals(condition: Condition, answer: bool | None) -> None:
    assert holds(condition) is answer


def test_where_an_answer_may_change() -> None:
    both = Every((Within("dport", [(22, 22)]), Not(Within("dport", [(80, 90)])), Within("saddr", [(1, 2)], 4)))
    assert list(both.edges("ports", 4)) == [22, 23, 80, 91]
    assert list(both.edges("addresses", 4)) == [1, 3]
    assert list(both.edges("addresses", 6)) == []


@pytest.mark.parametrize(("names", "answer"), [({"eno1"}, True), ({"eno*"}, True), ({"eno2"}, False), ({"lo"}, False)])
def test_interfaces(names: set[str], answer: bool) -> None:
    assert holds(Interface(frozenset(names))) is answer
    unnamed = Seen(request(4, (1, 1), (1, 1)), State())
    assert Interface(frozenset(names)).holds(unnamed) is (False if names == {"lo"} else None)


def test_marks_and_states_that_are_not_known() -> None:
    assert holds(Bits("mark", 1), State(mark=1)) is True
    assert holds(Bits("mark", 1), State(mark=None)) is None
    assert holds(Bits("flags", 0x12, any_of=True)) is True
    assert holds(Connection(frozenset({"new"}))) is True
    assert holds(Connection(frozenset({"new"})), State(tracked=None)) is None
    assert holds(Connection(frozenset({"new", "untracked"})), State(tracked=None)) is True
    assert holds(Connection(frozenset({"new"})), State(is_early=True)) is False


def test_merged_intervals() -> None:
    assert merged([(5, 9), (1, 4), (20, 10), (8, 12)]) == [(1, 12)]
