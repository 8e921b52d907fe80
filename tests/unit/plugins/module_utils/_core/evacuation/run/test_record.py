# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of an evacuation: complete for each guest, and bounded however long it takes."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.queued_guest import (
    QueuedGuest,
    Stage,
    TransferOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.record import (
    EvacuationRecord,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.result import GuestResult
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.evacuation import evacuation_of

NUMBERS = {"time_left_s": 12.0, "done": 1, "failed": 0, "remaining_bytes": 50}


def guest(key: str, to: str = "kvm02") -> QueuedGuest:
    return QueuedGuest(TransferOptions(key, key, (to,)), to)


def document(record: EvacuationRecord, *keys: str) -> dict[str, t.Any]:
    rows = {key: GuestResult(key, uuid=key, outcome="moved") for key in keys}
    return t.cast("dict[str, t.Any]", json.loads(json.dumps(record.document(rows, host="kvm01"))))


def test_each_stage_and_the_load_of_each_link() -> None:
    record = EvacuationRecord(100.0, ["kvm02", "kvm03"])
    a, b = guest("a"), guest("b", "kvm03")
    for now_s, stage, rate in ((100, "waiting", 0), (101, "preparing", 0), (103, "ready", 0), (104, "sending", 40),
                               (105, "sending", 45), (112.25, "sent", 0), (113, "done", 0)):  # fmt: skip
        a.stage, a.bytes_per_s = Stage(stage), float(rate)
        record.look([a, b], now_s)
    found = document(record, "a", "b")
    stages = found["guests"][0]["stages"]
    assert [one[:2] for one in stages] == [
        [0, "waiting"], [1, "preparing"], [3, "ready"], [4, "sending"], [12.25, "sent"], [13, "done"],
    ]  # fmt: skip
    assert found["guests"][1]["stages"] == [[0, "waiting", "kvm03"]]
    assert found["links"] == ["kvm02", "kvm03"]
    assert [4, [40, 0]] in found["loads"]
    assert found["loads"][-1] == [13, [0, 0]]


def test_another_destination_is_another_stage() -> None:
    record = EvacuationRecord(0.0, ["kvm02", "kvm03"])
    a = guest("a")
    record.look([a], 0)
    a.destination = "kvm03"
    record.look([a], 5)
    assert document(record, "a")["guests"][0]["stages"] == [[0, "waiting", "kvm02"], [5, "waiting", "kvm03"]]


def test_what_was_expected_told_and_decided() -> None:
    record = EvacuationRecord(0.0, ["kvm02"])
    record.expected(
        "a", {"way": "precopy", "expected": {"total_s": 3.0, "sent_bytes": 9, "downtime_ms": 80, "passes": 2}}
    )
    record.expected("b", {"way": "unknown", "expected": None})
    record.told(NUMBERS, 10.0)
    decision = {"elapsed_ms": 700, "action": "start_postcopy", "reason": "NEEDED", "because": "it must", "numbers": {}}
    record.ended("a", {"record": {"decisions": [{**decision, "action": "wait"}, decision]}})
    record.ended("b", {})
    first, second = document(record, "a", "b")["guests"]
    assert first["expected"]["total_s"] == 3.0
    assert second["expected"] is None
    assert first["decisions"] == [[700, "start_postcopy", "NEEDED", "it must"]]
    assert second["decisions"] == []
    assert document(record)["told"] == [[10, 12.0, 1, 0, 50]]


def test_what_was_known_when_it_was_sent_counts() -> None:
    """It may have been measured while it waited, or for another attempt."""
    record = EvacuationRecord(0.0, ["kvm02"])
    record.expected("a", {"way": "unknown", "expected": None})
    record.expected("b", {"way": "precopy", "expected": {"total_s": 3.0}})
    known = {"way": "postcopy", "expected": {"total_s": 5.0, "sent_bytes": 9, "downtime_ms": 80, "passes": 1}}
    record.ended("a", {"record": {"forecast": known}})
    record.ended("b", {"record": {"forecast": None}})
    first, second = document(record, "a", "b")["guests"]
    assert (first["expected"]["way"], first["expected"]["total_s"]) == ("postcopy", 5.0)
    assert second["expected"]["total_s"] == 3.0


def test_it_stays_small_and_keeps_the_whole_of_the_time() -> None:
    record = EvacuationRecord(0.0, ["kvm02", "kvm03"])
    guests = [guest(str(number)) for number in range(10)]
    for number in range(40_000):
        guests[number % 10].stage = (Stage.READY, Stage.SENDING)[number // 10 % 2]
        record.look(guests, number / 2)
        record.told(NUMBERS, number / 2)
    found = document(record, *(one.options.key for one in guests))
    assert len(found["loads"]) <= 600
    assert len(found["told"]) <= 600
    assert found["loads"][0][0] == 0
    assert found["loads"][-1][0] > 19_800
    assert all(len(one["stages"]) <= 60 for one in found["guests"])
    assert len(json.dumps(found)) < 100_000


def test_a_report_reads_it() -> None:
    record = EvacuationRecord(0.0, ["kvm02"])
    a = guest("a")
    record.look([a], 0)
    run = evacuation_of(document(record, "a"))
    assert (run.host, run.guests[0].outcome, run.links) == ("kvm01", "moved", ["kvm02"])
