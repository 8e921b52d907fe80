# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and lists of guests that are handed in: what the modules would refuse later is refused by the filters."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.evacuation_plan import evacuation_plan
from ansible_collections.virtops.live_migration.plugins.filter.guest_options import guest_options
from ansible_collections.virtops.live_migration.plugins.module_utils._ansible.plan_options import (
    plan_rules_spec,
    rules_of,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._given_options import read_options

NAN = float("nan")
RULES: dict[str, t.Any] = {
    **rules_of(read_options(plan_rules_spec(), {})),
    "destinations": ["kvm02"],
    "hosts": [{"name": "kvm01", "uplinks": ["rack"], "link_mib_per_s": 1100.0}],
    "uplinks": [{"name": "rack", "mib_per_s": 900.0}],
    "guests": [{"name": "erp*", "priority": 3, "strategy": "migrate"}],
    "groups": [{"name": "db", "guests": ["db01", "db02"], "rule": "apart"}],
}


def test_rules_as_a_plan_has_them_are_taken() -> None:
    plan = {"guests": [], "rules": RULES}
    assert evacuation_plan(plan) == plan
    newer = {"guests": [], "rules": {**RULES, "what_a_later_version_has": {"a": 1}}}
    assert evacuation_plan(newer) == newer


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"uplinks": [{"name": "rack", "mib_per_s": NAN}]}, r"uplinks\[0\].mib_per_s is nan, but must be more than 0"),
        ({"uplinks": [{"name": "rack"}]}, "mib_per_s found in uplinks"),
        ({"uplinks": [5]}, "rules"),
        ({"hosts": [{"name": "kvm01", "max_incoming": -1}]}, r"hosts\[0\].max_incoming is -1"),
        ({"hosts": [{"max_incoming": 1}]}, "name found in hosts"),
        ({"hosts": [{"name": "kvm01", "speed": 1}]}, "hosts.speed"),
        ({"groups": [{"name": "db", "guests": ["a"], "rule": "beside"}]}, "beside"),
        ({"guests": [{"name": "erp01", "strategy": "destroy"}]}, "destroy"),
        ({"guests": [{"name": "erp01", "policy_overrides": {"max_pause_s": NAN}}]}, "max_pause_s is nan"),
        ({"max_transfers": "many"}, "max_transfers"),
        ({"max_transfers": float("inf")}, "in rules"),
        ({"metadata_may": ["everything"]}, "everything"),
        ({"destinations": [{"a": NAN}, NAN, None]}, "destinations of rules"),
    ],
)
def test_rules_by_which_no_plan_could_be_made(change: dict[str, t.Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says) as caught:
        evacuation_plan({"guests": [], "rules": {**RULES, **change}})
    assert "evacuation_plan: This is no plan" in str(caught.value)
    assert "Nothing was changed." in str(caught.value)


@pytest.mark.parametrize("given", [None, "", []])
def test_nothing_is_said_of_single_guests(given: t.Any) -> None:
    assert guest_options(given) == []
    assert guest_options(given, "evacuation") == []


def test_what_is_said_is_what_the_modules_get() -> None:
    given = [{"name": "erp*", "policy_overrides": {"max_downtime_ms": "700"}}, {"name": "x", "copy_disks": "vda,vdb"}]
    assert guest_options(given) == [
        {"name": "erp*", "policy_overrides": {"max_downtime_ms": "700"}},
        {"name": "x", "copy_disks": ["vda", "vdb"]},
    ]
    (found,) = guest_options([{"uuid": "u1", "destination": "kvm02", "sent_bytes": "5"}], "evacuation")
    assert found == {"uuid": "u1", "destination": "kvm02", "alternatives": [], "strategy": "migrate", "sent_bytes": 5}


@pytest.mark.parametrize(
    ("given", "of", "says"),
    [
        ([{"name": "a", "policy_overrides": {"max_downtime_ms": NAN}}], "guest_options", "max_downtime_ms is nan"),
        ([{"name": "a", "policy_overrides": {"max_pause_s": float("inf")}}], "guest_options", "max_pause_s is inf"),
        ([{"name": "a", "policy_overrides": {"patience": 1}}], "guest_options", "no field 'patience'"),
        ([{"name": "a", "policy_overrides": [1]}], "guest_options", "policy_overrides"),
        ([{"name": "a", "policy": "yolo"}], "guest_options", "yolo"),
        ([{"name": "a", "destination": "b"}], "guest_options", "destination"),
        ([{"policy": "post_copy"}], "guest_options", "name"),
        (["erp01"], "guest_options", "guest_options"),
        (5, "guest_options", "guest_options"),
        ([{"name": "a"}], "evacuation", "destination"),
        ([{"destination": "b"}], "evacuation", "name, uuid"),
        ([{"name": "a", "strategy": "destroy"}], "evacuation", "destroy"),
        ([{"name": "a", "destination": "b", "sent_bytes": -1}], "evacuation", r"guests\[0\].sent_bytes is -1"),
        ([{"name": "a", "destination": "b", "sent_bytes": NAN}], "evacuation", "sent_bytes"),
        ([{"name": "a", "strategy": "leave", "policy_overrides": {"deadline_s": 0}}], "evacuation", "deadline_s is 0"),
        ([], "guests", "of has to be one of"),
        ([], None, "of has to be one of"),
    ],
)
def test_what_the_modules_would_refuse(given: t.Any, of: t.Any, says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        guest_options(given, of)
