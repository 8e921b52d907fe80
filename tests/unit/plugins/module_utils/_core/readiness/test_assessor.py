# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.dataclass_json import to_plain
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import CHECKS, Assessor
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check import (
    FAIL,
    PASS,
    SKIP,
    WARN,
    CpuOpinion,
    listed,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.site_rules import (
    apply,
    rules_from,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import GUEST, LOCAL_DISK, QUIET, Setup

RULE = {"id": "two_vcpus", "severity": "warn", "expr": "domain.vcpus >= `2`", "message": "Too few.", "remedy": "Add."}
IDS = [check.id for check in CHECKS]


def test_a_healthy_guest_is_ready() -> None:
    found = Assessor(Setup().pair).assess(GUEST, cpu=CpuOpinion(True, "identical"), measured=QUIET)
    document = found.document()
    assert (document["name"], document["uuid"], document["destination"]) == ("erp01", GUEST.uuid, "kvm02")
    assert document["ready"]
    assert document["summary"] == "erp01 can go to kvm02."
    assert [check["id"] for check in document["checks"]] == IDS
    assert document["counts"] == {PASS: len(IDS) - 5, WARN: 0, FAIL: 0, SKIP: 5}
    assert json.loads(json.dumps(document)) == document


def test_one_that_is_not() -> None:
    guest = replace(GUEST, disks=[LOCAL_DISK], snapshots=1, qemu_arguments=True)
    document = Assessor(Setup().pair).assess(guest).document(statuses=[FAIL, WARN])
    assert not document["ready"]
    assert document["summary"] == (
        "erp01 cannot go to kvm02: It has 1 snapshot, which libvirt does not take along. And 1 more."
    )
    assert [(check["id"], check["status"]) for check in document["checks"]] == [
        ("snapshots", FAIL),
        ("qemu_arguments", WARN),
        ("disks_reachable", FAIL),
    ]
    assert document["counts"][FAIL] == 2
    assert sum(document["counts"].values()) == len(IDS)


def test_warnings_leave_it_ready() -> None:
    found = Assessor(Setup().pair).assess(replace(GUEST, qemu_arguments=True))
    assert found.ready
    assert found.summary() == "erp01 can go to kvm02, with warnings: qemu_arguments."


def test_of_a_guest_that_does_not_run_only_its_definition_counts() -> None:
    found = Assessor(Setup().pair).assess(replace(GUEST, state="shut off", disks=[LOCAL_DISK], snapshots=1)).findings
    assert found["memory_available"].summary == found["tsc"].summary == "The guest does not run."
    assert (found["snapshots"].status, found["name_free"].status, found["same_host"].status) == (FAIL, PASS, PASS)
    assert (found["disks_reachable"].status, found["machine_type"].status) == (FAIL, PASS)


def test_hosts_of_which_nothing_is_known_make_no_check_fall_over() -> None:
    """Documents of remote connections, or written by hand."""
    bare = {"source": HostDocument("a", "1"), "destination": HostDocument("b", "2")}
    for guest in (GUEST, replace(GUEST, disks=[LOCAL_DISK], interfaces=[])):
        found = Assessor(Setup().but(bare).pair).assess(guest)
        assert {check: one.summary for check, one in found.findings.items() if one.status == FAIL} == {
            "machine_type": "The destination has no emulator for x86_64."
        }


# --- rules


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


def test_lists_in_sentences() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed("abc") == "a, b and c"
    assert listed("abcdefg") == "a, b, c, d and 3 more"
