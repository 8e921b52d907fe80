# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a migration that is watched, and how often."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import Context
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Phase,
    XbzrleCounters,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.postcopy_obstacles import (
    Obstacle,
    postcopy_obstacles,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.event_document import Event
from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.guest_events import GuestWatch
from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.options import watch_options
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import look

HOSTS = {"kvm01": "qemu:///system"}
STUCK_MIB = 200  # at 100 MiB/s, which needs 2 s of downtime


def watch(**given: t.Any) -> GuestWatch:
    return GuestWatch("kvm01", watch_options({"hosts": HOSTS, **given}), Context(postcopy_flag=True))


def stuck_look(at_s: float, number: int, left_mib: float = STUCK_MIB, **more: t.Any) -> JobSample:
    return look(at_s, number, left_mib, dirty_pages_per_s=25_600, name="erp01", uuid="U", **more)


def kinds(events: t.Sequence[Event]) -> list[str]:
    return [one["type"] for one in events]


def run(watched: GuestWatch, looks: t.Iterable[JobSample]) -> list[Event]:
    return [one for sample in looks for one in watched.look(sample, at_sync=True)]


def test_stuck_is_told_at_the_second_boundary_and_not_before() -> None:
    watched = watch()
    assert kinds(watched.look(stuck_look(1, 1, 900))) == ["started"]
    assert watched.look(stuck_look(10, 2), at_sync=True) == []
    (stuck,) = watched.look(stuck_look(12, 3), at_sync=True)
    assert (stuck["type"], stuck["host"], stuck["uuid"]) == ("stuck", "kvm01", "U")
    assert stuck["diagnosis"]["verdict"] == "stuck"
    assert stuck["diagnosis"]["evidence"]["firm"] is True
    assert stuck["diagnosis"]["evidence"]["boundaries"] == [[2, 200 << 20], [3, 200 << 20]]
    assert stuck["job"] == {
        "pass": 3,
        "remaining_bytes": 200 << 20,
        "bandwidth_bytes_per_s": stuck["job"]["bandwidth_bytes_per_s"],
        "needed_downtime_ms": stuck["job"]["needed_downtime_ms"],
        "throttle_percent": 0,
        "elapsed_ms": 12_000,
        "sent_bytes": 1200 << 20,
        "memory_bytes": 1000 << 20,
    }


TWO_HOSTS = {**HOSTS, "kvm02": "qemu+ssh://kvm02/system"}


def test_a_start_is_told_when_the_destination_is_known() -> None:
    watched = watch(hosts=TWO_HOSTS)
    assert watched.look(stuck_look(1, 1, 900)) == []
    assert watched.awaits_destination
    watched.destination = "kvm02"
    (started,) = watched.look(stuck_look(1.5, 1, 800))
    assert not watched.awaits_destination
    # What it says is of the first look.
    assert (started["type"], started["destination"]) == ("started", "kvm02")
    assert started["job"]["remaining_bytes"] == 900 << 20


def test_a_start_is_told_without_a_destination_after_three_seconds() -> None:
    watched = watch(hosts=TWO_HOSTS)
    found = run(watched, [stuck_look(1 + at / 2, 1, 900) for at in range(6)])
    assert found == []
    (started,) = watched.look(stuck_look(4, 1, 900))
    assert started["type"] == "started"
    assert "destination" not in started


def test_a_short_migration_is_told_to_have_started_before_it_has_ended() -> None:
    watched = watch(hosts=TWO_HOSTS)
    found = run(watched, [stuck_look(1, 1, 900), stuck_look(2, 2, phase=Phase.COMPLETED)])
    assert kinds(found) == ["started", "ended"]


def test_one_look_at_a_job_that_was_met_late_is_not_enough() -> None:
    assert kinds(watch().look(stuck_look(60, 9, expected_downtime_ms=2000))) == ["started"]


def test_compression_that_saves_nothing_is_told() -> None:
    """By the counters of xbzrle, and on several connections by pages and bytes, where that is known."""
    missed = [XbzrleCounters(64 << 20, 0, 0, 51_200 * number) for number in range(1, 4)]
    looks = [stuck_look(8 + 2 * n, n, xbzrle=one) for n, one in enumerate(missed, start=2)]
    sent = [stuck_look(8 + 2 * n, n, normal_pages=256 * (800 + 200 * n)) for n in range(2, 5)]
    for watched, given, reason in (
        (watch(), looks, "COMPRESSION_USELESS"),
        (
            GuestWatch("kvm01", watch_options({"hosts": HOSTS}), Context(parallel_compression=True)),
            sent,
            "COMPRESSION_USELESS",
        ),
        (watch(), sent, "DIRTY_RATE"),
    ):
        told = [one for one in run(watched, given) if one["type"] == "stuck"]
        assert told[-1]["diagnosis"]["reason"] == reason


def test_it_is_not_told_at_each_pass_but_again_after_a_time() -> None:
    watched = watch(stuck_again_s=60, progress_s=1000)
    found = run(watched, (stuck_look(1 + 2.0 * number, number) for number in range(1, 60)))
    assert kinds(found) == ["started", "stuck", "stuck"]


def test_another_reason_is_told_at_once() -> None:
    watched = watch(progress_s=1000)
    run(watched, [stuck_look(1, 1), stuck_look(10, 2), stuck_look(12, 3)])
    quiet = [stuck_look(at_s, 3, sent_mib=1200) for at_s in (13, 18)]
    (stalled,) = run(watched, quiet)
    assert (stalled["type"], stalled["diagnosis"]["reason"]) == ("stuck", "NETWORK_STALL")


def test_a_job_that_gets_on_again_may_get_stuck_again() -> None:
    watched = watch(progress_s=1000)
    passes = [(10, 200), (12, 200), (14, 100), (15, 50), (16, 50)]
    found = run(watched, [stuck_look(1, 1), *[stuck_look(at, n + 2, left) for n, (at, left) in enumerate(passes)]])
    assert kinds(found) == ["started", "stuck", "stuck"]


def test_what_gets_less_is_not_stuck() -> None:
    watched = watch(progress_s=1000)
    passes = [(10, 400), (14, 200), (16, 100)]
    found = run(watched, [stuck_look(1, 1), *[stuck_look(at, n + 2, left) for n, (at, left) in enumerate(passes)]])
    assert kinds(found) == ["started"]


def test_progress_is_bounded() -> None:
    watched = watch(progress_s=30)
    found = run(watched, (look(1 + number / 2, 1, 900 - number, uuid="U") for number in range(200)))
    assert kinds(found) == ["started", "progress", "progress", "progress"]


def test_a_new_phase_is_told_at_once() -> None:
    watched = watch()
    watched.look(stuck_look(1, 1))
    (told,) = watched.look(stuck_look(2, 2, phase=Phase.POSTCOPY))
    assert (told["type"], told["phase"], told["diagnosis"]["reason"]) == ("progress", "postcopy", "POSTCOPY_RUNNING")


def test_a_broken_postcopy() -> None:
    watched = watch()
    watched.look(stuck_look(1, 1))
    watched.look(stuck_look(2, 2, phase=Phase.POSTCOPY))
    broken = watched.look(stuck_look(3, 2, phase=Phase.POSTCOPY_FAILED))[0]
    assert (broken["type"], broken["diagnosis"]["verdict"]) == ("postcopy_broken", "broken")
    assert kinds(watched.look(stuck_look(8, 2, phase=Phase.POSTCOPY_FAILED))) == []


def test_the_end_has_what_was_sent_although_libvirt_has_forgotten_it() -> None:
    watched = watch()
    watched.look(stuck_look(5, 1))
    gone = look(6, None, 0, sent_mib=0, total_mib=0, phase=Phase.FAILED, name="erp01", uuid="U")
    (ended,) = watched.look(gone)
    assert (ended["type"], ended["outcome"], ended["job"]["sent_bytes"]) == ("ended", "failed", 500 << 20)
    assert watched.ended
    assert watched.look(gone) == []


def test_what_the_engine_would_do_is_said_and_not_to_be_applied() -> None:
    watched = watch(policy_overrides={"max_downtime_ms": 8000})
    events = run(watched, [stuck_look(1, 1, 900), stuck_look(10, 2), stuck_look(12, 3), stuck_look(14, 4)])
    stuck = next(one for one in events if one["type"] == "stuck")["would_do"]
    assert [(one["action"], one["apply"]) for one in stuck] == [("set_downtime", False)]
    assert stuck[0]["value"] > 2000


def test_a_long_migration_keeps_few_looks() -> None:
    watched = watch()
    for number in range(2000):
        watched.look(stuck_look(number * 0.5, 1 + number // 10))
    assert len(watched._looks) < 200


def test_a_name_is_no_template_and_does_nothing_to_a_terminal() -> None:
    named = "{{ lookup('pipe', 'id') }}\x1b[2J{%{{{"
    (started,) = watch().look(look(1, 1, name=named, uuid="U"))
    told = json.dumps(started)
    assert not any(mark in told for mark in ("{{", "{%", "{#", "\\u001b"))
    assert started["name"].startswith("{ { lookup")


@pytest.mark.parametrize("obstacles", [[], postcopy_obstacles(1), [Obstacle("NVDIMM", "it has an NVDIMM")]])
def test_post_copy_is_not_proposed_for_a_guest_that_cannot(obstacles: list[Obstacle]) -> None:
    options = watch_options({"hosts": HOSTS, "policy": "post_copy"})
    known = Context(postcopy_flag=True, postcopy_obstacles=obstacles)
    watched = GuestWatch("kvm01", options, known, host_devices=len(obstacles))
    found = run(watched, [stuck_look(at, 1, 1000 - 100 * at) for at in range(1, 10)])
    found += run(watched, [stuck_look(10 + 2 * at, 2 + at) for at in range(8)])
    told = [one for one in found if one["type"] == "stuck"]
    proposed = {action["action"] for one in told for action in one["would_do"]}
    remedies = {one["action"]: one["allowed"] for one in told[-1]["diagnosis"]["remedies"]}
    assert ("start_postcopy" in proposed) is not bool(obstacles), proposed
    assert remedies["postcopy"] is not bool(obstacles)


@pytest.mark.parametrize("flag", [None, False, True])
def test_a_throttle_is_a_remedy_where_a_job_has_none(flag: t.Optional[bool]) -> None:
    watched = GuestWatch("kvm01", watch_options({"hosts": HOSTS}), Context(auto_converge_flag=flag))
    found = run(watched, [stuck_look(at, 1, 1000 - 100 * at) for at in range(1, 10)])
    found += run(watched, [stuck_look(10 + 2 * at, 2 + at) for at in range(8)])
    remedies = [one["diagnosis"]["remedies"] for one in found if one["type"] == "stuck"][-1]
    assert ("throttle" in [one["action"] for one in remedies]) is (flag is False)
