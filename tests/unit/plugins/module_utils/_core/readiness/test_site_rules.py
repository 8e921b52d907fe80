# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.dataclass_json import to_plain
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import Assessor
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    WARN,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.site_rules import (
    apply,
    rules_from,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import GUEST, Setup

RULE = {"id": "two_vcpus", "severity": "warn", "expr": "domain.vcpus >= `2`", "message": "Too few.", "remedy": "Add."}


IDS = [check.id for check in CHECKS]


def rules(**changes: t.Any) -> t.Any:
    return rules_from([{**RULE, **changes}], IDS)


def test_a_rule_is_a_check() -> None:
    setup = Setup()
    plain = {"source": setup.source.document(), "destination": setup.destination.document()}
    assessor = Assessor(setup.pair, rules(), plain)
    assert assessor.assess(GUEST, plain=to_plain(GUEST)).findings["two_vcpus"].status == PASS
    small = replace(GUEST, vcpus=1)
    document = assessor.assess(small, plain=to_plain(small)).document()
    assert document["checks"][-1] == {
        "id": "two_vcpus",
        "status": "warn",
        "summary": "Too few.",
        "evidence": {"expr": RULE["expr"], "value": False},
        "remedy": "Add.",
    }
    assert document["ready"]


@pytest.mark.parametrize(
    ("expr", "status"),
    [
        ("source.name != destination.name", PASS),
        ("length(source.interfaces[?mtu > `1500`]) > `0`", PASS),
        ("domain.disks[?cache != 'none']", WARN),
        ("domain.nothing", WARN),
        ("domain.title", WARN),
        ("domain.memory.current_bytes == destination.memory.total_bytes", WARN),
        ("`0`", PASS),  # JMESPath's truth, not Python's
        ("starts_with(domain.name, 'erp') && !contains(domain.title, 'legacy')", PASS),
    ],
)
def test_what_holds(expr: str, status: str) -> None:
    setup = Setup()
    documents = {
        "domain": to_plain(GUEST),
        "source": setup.source.document(),
        "destination": setup.destination.document(),
    }
    assert apply(rules(expr=expr)[0], documents).status == status


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"expr": "domain.["}, "The rule 'two_vcpus' cannot be applied"),
        ({"expr": "no_such_function(domain)"}, "The rule 'two_vcpus' cannot be applied"),
        ({"expr": ""}, "it needs an id, an expr and a message"),
        ({"id": ""}, "it needs an id, an expr and a message"),
        ({"severity": "skip"}, "its severity is 'skip'"),
        ({"expression": "domain"}, "it has no field 'expression'"),
        ({"id": "same_host"}, "its id 'same_host' is taken"),
    ],
)
def test_a_bad_rule_is_named(changes: dict[str, str], says: str) -> None:
    with pytest.raises(MigrationError) as caught:
        rules(**changes)
    assert caught.value.reason == "BAD_RULE"
    assert says in str(caught.value)
    assert caught.value.evidence["rule"] == {**RULE, **changes}["id"]


def test_a_rule_is_a_failure_unless_it_says_otherwise() -> None:
    (rule,) = rules_from([{"id": "r", "expr": "domain.nothing", "message": "m"}], IDS)
    assert (rule.severity, rule.remedy) == (FAIL, "")


def test_two_rules_of_one_name() -> None:
    with pytest.raises(MigrationError, match="is taken"):
        rules_from([RULE, RULE], IDS)


def test_a_rule_that_does_not_fit_the_documents() -> None:
    rule = rules(expr="starts_with(domain.vcpus, 'x')")[0]
    with pytest.raises(MigrationError) as caught:
        apply(rule, {"domain": to_plain(GUEST)})
    assert (caught.value.reason, caught.value.evidence["rule"]) == ("BAD_RULE", "two_vcpus")
