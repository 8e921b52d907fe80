# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.migration_what_if import migration_what_if
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured


@pytest.fixture
def record() -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads(captured("records/strict-large-hot-set-adopted-with-throttle.json")))


def test_its_own_policy(record: dict[str, t.Any]) -> None:
    assert migration_what_if(record)["same"]


def test_some_fields_of_its_policy_changed(record: dict[str, t.Any]) -> None:
    found = migration_what_if(record, policy_overrides={"max_downtime_ms": 20_000})
    assert found["first_difference"]["decided"]["action"] == "set_downtime"


def test_another_policy(record: dict[str, t.Any]) -> None:
    assert not migration_what_if(record, "minimal_downtime", {"max_throttle_percent": 10})["same"]


@pytest.mark.parametrize(
    ("value", "options", "says"),
    [
        (None, {}, "Expected a dictionary for the record"),
        ([], {}, "Expected a dictionary for the record"),
        ({}, {}, "This is no record of a migration"),
        (None, {"policy_overrides": [1]}, "Expected a dictionary"),
    ],
)
def test_what_is_no_record(value: t.Any, options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        migration_what_if(value, **options)


def test_a_policy_that_there_is_not(record: dict[str, t.Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="There is no policy"):
        migration_what_if(record, "fast")
    with pytest.raises(AnsibleFilterError, match="max_downtime_ms"):
        migration_what_if(record, policy_overrides={"max_downtime_ms": 0})
