# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.guest_rules import (
    MAY,
    GuestRules,
    from_metadata,
    groups_of,
    guest_rules_of,
    is_named_by,
    matches_nothing,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_metadata import (
    GUEST_NAMESPACE as NAMESPACE,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_policy import said_by
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import PRESETS, Policy, preset

UUID = "11111111-2222-3333-4444-555555555555"


def guest(said: str = "", name: str = "erp01", uuid: str = UUID) -> GuestDocument:
    metadata = {NAMESPACE: f'<guest xmlns="{NAMESPACE}" {said}/>'} if said else {}
    return GuestDocument(name, uuid, metadata=metadata)


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("erp01", True),
        ("erp*", True),
        ("erp0?", True),
        ("ERP01", False),
        ("crm*", False),
        (UUID, True),
        (UUID.upper(), True),
    ],
)
def test_names_patterns_and_uuids(pattern: str, named: bool) -> None:
    assert is_named_by(pattern, guest()) is named


def test_a_guest_that_is_called_like_the_uuid_of_another() -> None:
    assert not is_named_by(UUID, guest(name=UUID, uuid="99999999-2222-3333-4444-555555555555"))


def test_the_later_word_comes_over_the_earlier_and_the_users_over_the_guests() -> None:
    one = guest('strategy="leave" priority="7" apart="web"')
    entries = [
        {"name": "erp*", "strategy": "shutdown"},
        {"name": UUID, "priority": 3},
        {"name": "crm", "strategy": "leave"},
    ]
    found = guest_rules_of(one, entries)
    assert (found.strategy, found.priority, found.claim, found.apart) == ("shutdown", 3, 3, ("web",))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([{"postcopy": "never"}, {"max_downtime_ms": 300}], {"postcopy": "never", "max_downtime_ms": 300}),
        ([{"postcopy": "never"}, {"postcopy": "prefer"}], {"postcopy": "never"}),
        ([{"max_downtime_ms": 100}, {"max_downtime_ms": 300}], {"max_downtime_ms": 300}),
        ([{}, {}], {}),
    ],
)
def test_what_is_said_of_its_policy_is_put_together_field_by_field(
    entries: list[dict[str, t.Any]], said: dict[str, t.Any]
) -> None:
    """An entry that speaks of the downtime takes nothing back of what another one says of post-copy."""
    found = guest_rules_of(guest(), [{"name": "erp*", "policy_overrides": one} for one in entries])
    assert found.said_policy == said


def test_one_over_the_other_keeps_what_it_does_not_say() -> None:
    under = GuestRules(strategy="leave", priority=1, together=("db",))
    assert GuestRules(priority=2).overlaid_on(under) == GuestRules(strategy="leave", priority=2, together=("db",))


@pytest.mark.parametrize(
    ("said", "rules", "problem"),
    [
        ("", GuestRules(), None),
        ('strategy="leave"', GuestRules(strategy="leave"), None),
        ('strategy="start"', GuestRules(), "strategy is 'start', not one of migrate, shutdown, leave"),
        ('if-unplaceable="migrate"', GuestRules(), "if-unplaceable is 'migrate'"),
        ('priority="5"', GuestRules(priority=5, claim=0), None),
        ('priority="-5"', GuestRules(priority=-5, claim=-5), None),
        ('priority="high"', GuestRules(), "priority is 'high'"),
        ('together="b a"', GuestRules(together=("b", "a")), None),
    ],
)
def test_what_metadata_says(said: str, rules: GuestRules, problem: str | None) -> None:
    found, problems = from_metadata(guest(said))
    assert found == rules
    assert [one for one in problems if problem is None or problem not in one] == []
    assert bool(problems) is (problem is not None)


def test_a_guest_may_claim_a_place_only_where_it_may() -> None:
    assert from_metadata(guest('priority="5"'), MAY)[0].claim == 5
    rules, problems = from_metadata(guest('strategy="leave" priority="5"'), ())
    assert (rules, len(problems)) == (GuestRules(), 2)


def test_rules_of_the_metadata_are_none_of_the_users() -> None:
    guests = [guest('apart="web"', f"g{n}", f"u{n}") for n in range(2)] + [guest(name="g2", uuid="u2")]
    rules = {one.uuid: from_metadata(one)[0] for one in guests}
    entry: dict[str, t.Any] = {"name": "web", "rule": "apart", "hard": True, "guests": ["g2", "g1"]}
    found = {group.name: group for group in groups_of(guests, rules, [entry])}
    assert found["web"].members == {"u1", "u2"}
    assert found["web (apart, by metadata)"].members == {"u0", "u1"}
    assert (found["web"].hard, found["web (apart, by metadata)"].hard) == (True, False)
    assert groups_of(guests[:1], rules, []) == ()  # a rule for a single one is none


def test_names_that_match_nothing() -> None:
    assert matches_nothing([guest()], ["erp*", "crm*", "erp01"]) == ["crm*"]


def test_the_policy_of_a_guest() -> None:
    default = Policy(max_downtime_ms=700)
    assert GuestRules().resolved_policy(default) == default
    assert GuestRules(said_policy=said_by(None, {"max_downtime_ms": 50, "patience_s": None})).resolved_policy(
        default
    ) == Policy(max_downtime_ms=50)
    name = next(iter(PRESETS))
    assert GuestRules(said_policy=said_by(name, None)).resolved_policy(default) == preset(name)
