# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.cordon import (
    cordoned_by_both,
    said_by_fact,
    said_by_local_facts,
)

OPEN, CLOSED = {"cordoned": False}, {"cordoned": True}


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (OPEN, False),
        (CLOSED, True),
        ({"cordoned": "True", "only_return_left": True}, True),
        ({"cordoned": "false"}, False),
        ({}, None),
        ({"cordoned": None}, None),
        ({"cordoned": 1}, None),
        ({"cordoned": "perhaps"}, None),
        ({"cordoned": [True]}, None),
        ("error loading facts as JSON or ini", None),
        ([], None),
        (None, None),
    ],
)
def test_what_a_fact_says(fact: t.Any, said: t.Optional[bool]) -> None:
    assert said_by_fact(fact) is said
    assert said_by_local_facts({"virtops_live_migration": fact, "other": {}}) is said


@pytest.mark.parametrize(
    ("facts", "said"),
    [({}, False), ({"other": CLOSED}, False), (None, None), ("a text", None), ([], None)],
)
def test_facts_without_it(facts: t.Any, said: t.Optional[bool]) -> None:
    """None there is what a host has that nobody empties; facts that were not gathered are something else."""
    assert said_by_local_facts(facts) is said


@pytest.mark.parametrize(
    ("noted", "by_fact", "closed"),
    [
        (True, True, True),
        (True, False, True),
        (True, None, True),
        (False, True, True),
        (False, False, False),
        (False, None, True),
        (None, True, True),
        (None, False, None),
        (None, None, True),
    ],
)
def test_whichever_says_that_it_takes_none_holds(
    noted: t.Optional[bool], by_fact: t.Optional[bool], closed: t.Optional[bool]
) -> None:
    assert cordoned_by_both(noted, by_fact) is closed
