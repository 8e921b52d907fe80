# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of before stay what they are: the engine of today decides the same over them, and says what else it would.

Those named lab are of real QEMU (7.2, libvirt 9.0), the others of the model in tests/sim.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import policy_from
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import replay
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.what_if import what_if
from ansible_collections.virtops.live_migration.tests.unit.plugins import captured_texts

RECORDS = Path(captured_texts.__file__).with_name("captured") / "records"
# Recorded on the lab under an older rule, see below.
BEFORE_A_RULE = "lab-downtime-by-rescue"
AS_DECIDED = [path for path in sorted(RECORDS.glob("*.json")) if path.stem != BEFORE_A_RULE]


def record(name: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", AS_DECIDED, ids=lambda file: file.stem)
def test_the_engine_decides_what_it_has_decided(file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    words = {"because": ""}  # a sentence may be said better
    assert [{**one, **words} for one in replay(document)] == [{**one, **words} for one in document["decisions"]]


@pytest.mark.parametrize("file", AS_DECIDED, ids=lambda file: file.stem)
def test_under_its_own_policy_nothing_differs(file: Path) -> None:
    found = what_if(json.loads(file.read_text(encoding="utf-8")))
    assert (found["same"], found["first_difference"]) == (True, None)
    words = {"because": ""}  # a sentence may be said better
    assert [{**one, **words} for one in found["decisions"]] == [{**one, **words} for one in found["recorded"]]
    assert found["lines"][0] == "erp01: the same would have been decided."


def test_a_rule_that_has_changed_since() -> None:
    """A pass left 13 % more than the one 3.5 s before. To wait for that again cost 2.3 s, which does not pay."""
    found = what_if(record(BEFORE_A_RULE))
    difference = found["first_difference"]
    assert (difference["decided"]["action"], difference["decided"]["pass"]) == ("set_downtime", 8)
    assert (difference["recorded"]["action"], difference["recorded"]["pass"]) == ("set_downtime", 9)
    assert difference["recorded"]["at_s"] - difference["decided"]["at_s"] == pytest.approx(2.26, abs=0.01)


def test_a_policy_that_allows_less() -> None:
    document = record("relaxed-large-hot-set")
    allowed = policy_from(document["contract"])
    assert [one["action"] for one in what_if(document)["recorded"]] == ["set_downtime"]
    found = what_if(document, replace(allowed, max_downtime_ms=500, deadline_s=10.0))
    assert not found["same"]
    assert found["first_difference"]["recorded"]["action"] == "set_downtime"
    assert found["decisions"] == [] or found["decisions"][-1] == found["first_difference"]["decided"]
    assert "What would have come after that is not in the record." in found["lines"][-1]


def test_a_policy_that_allows_more() -> None:
    document = record("strict-large-hot-set-adopted-with-throttle")
    found = what_if(document, replace(policy_from(document["contract"]), max_downtime_ms=20_000))
    assert found["first_difference"]["decided"]["action"] == "set_downtime"
    assert any(line.startswith("  instead:  set_downtime") for line in found["lines"])


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"decisions": []},
        {"version": 1},
        {"looks": [[]]},
        {"columns": []},
        {"looks": 3},
        {"decisions": [3]},
        {"plan": {}},
    ],
)
def test_what_is_no_record(wrong: dict[str, t.Any]) -> None:
    document = {**record("postcopy-extreme"), **wrong} if wrong not in ({}, {"version": 1}) else wrong
    if wrong == {"decisions": []}:
        assert not what_if(document)["same"]
        return
    with pytest.raises(MigrationError) as caught:
        what_if(document)
    assert caught.value.reason == "NOT_A_RECORD"
