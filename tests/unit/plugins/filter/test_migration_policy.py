# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.migration_policy import migration_policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import PRESETS, Policy, preset


@pytest.mark.parametrize("name", PRESETS)
def test_a_policy_as_the_modules_take_it(name: str) -> None:
    assert migration_policy(name) == preset(name).document()
    assert migration_policy(name, {"max_downtime_ms": "", "postcopy": None}) == preset(name).document()


def test_policies_differ() -> None:
    assert len({str(sorted(migration_policy(name).items(), key=str)) for name in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("nothing", ["", None])
def test_none_is_the_default(nothing: t.Any) -> None:
    assert migration_policy(nothing) == migration_policy("minimal_downtime")


@pytest.mark.parametrize("zero", [0, "0", 0.0, "0.0"])
def test_zero_is_a_number(zero: t.Any) -> None:
    found = migration_policy("suspend_workload", {"max_pause_s": zero})
    assert (found["max_pause_s"], found["on_hopeless"]) == (0, "abort")


def test_fields_as_text() -> None:
    given = {"max_downtime_ms": "700", "deadline_s": "90.5", "on_hopeless": "leave", "postcopy": "prefer"}
    found = migration_policy("minimal_downtime", given)
    assert {key: found[key] for key in given} == {
        "max_downtime_ms": 700,
        "deadline_s": 90.5,
        "on_hopeless": "leave",
        "postcopy": "prefer",
    }


# Another value of each field than the one that it has anyway.
EACH = {
    "max_downtime_ms": 700, "postcopy": "prefer", "max_pause_s": 2.5, "max_throttle_percent": 40, "deadline_s": 90.5,
    "storage_deadline_s": 300.5, "setup_deadline_s": 20.5, "max_data_factor": 3.5, "max_postcopy_s": 60.5,
    "on_hopeless": "leave", "patience_s": 4.5, "max_restarts": 2, "shrink": "balloon", "shrink_keep_mib": 128,
    "mode": "observe",
}  # fmt: skip


@pytest.mark.parametrize("name", Policy.__dataclass_fields__)
@pytest.mark.parametrize("as_text", [False, True])
def test_each_field_may_be_a_text(name: str, as_text: bool) -> None:
    value = EACH[name]
    assert value != getattr(Policy(), name)
    found = migration_policy("minimal_downtime", {name: str(value) if as_text else value})[name]
    assert found == value
    assert isinstance(found, type(value)), "before ansible-core 2.19 what a filter yields is marked by a subclass of it"


@pytest.mark.parametrize(
    ("policy", "overrides", "told"),
    [
        ("minimal_downtime", {"on_hopeless": "pause"}, "max_pause_s is 0"),
        ("very_large", {"on_hopeless": "pause", "max_pause_s": "0"}, "max_pause_s is 0"),
        ("minimal_downtime", {"max_downtime_ms": 2_000_001}, "from 1 to 2000000"),
        ("minimal_downtime", {"deadline_s": 0}, "more than 0 seconds"),
        ("minimal_downtime", {"postcopy": "sometimes"}, "one of never"),
        ("minimal_downtime", {"patience": 1}, "no field 'patience'"),
        ("minimal_downtime", ["postcopy"], "a dictionary"),
        ("yolo", {}, "no policy 'yolo'"),
    ],
)
def test_what_does_not_go_together_is_refused(policy: str, overrides: t.Any, told: str) -> None:
    with pytest.raises(AnsibleFilterError, match=told):
        migration_policy(policy, overrides)
