# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.published_facts import (
    course_document,
    facts_of,
    number_of,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.measured import MIB

ROW = {"ram_mib": "8192", "touched_mib": "4096", "bandwidth_mib_s": "129", "mode": "precopy"}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("8192", 8192),
        (8192, 8192),
        ("about 7500", 7500),
        ("105-112", 108.5),
        ("430 (243-587)", 430),
        (">1193", 1193),
        ("111, later 34", 111),
        ("1,865.6", 1865.6),
        ("", None),
        (None, None),
        ("about 0", 0),
        ("unknown", None),
        ("-", None),
        ("n/a", None),
        ("105 to 112", 108.5),
        ("105\u2013112", 108.5),
        ("~7500", 7500),
        ("1.", 1),
        (True, None),
    ],
)
def test_numbers_as_pages_have_them(value: t.Any, number: t.Optional[float]) -> None:
    assert number_of(value, "x") == number


@pytest.mark.parametrize("value", ["-5", -5, float("nan"), float("inf"), 1e15, "about -5", "9" * 400])
def test_what_is_no_amount_is_refused(value: t.Any) -> None:
    with pytest.raises(MigrationError) as caught:
        facts_of({**ROW, "touched_mib": value})
    assert caught.value.reason == "BAD_OPTION"


def test_what_the_mode_says() -> None:
    def of(mode: str) -> t.Any:
        return facts_of({**ROW, "mode": mode}).job

    assert of("postcopy at 5 s").postcopy_at_s == 5
    assert of("post-copy after 0.2 s").postcopy_at_s == 0.2
    assert of("postcopy").postcopy_at_s == 0
    assert of("precopy").postcopy_at_s is None
    assert of("precopy+auto-converge (old)").auto_converge
    assert not of("precopy").auto_converge
    assert of("precopy idle, multifd 8, no compression").connections == 8
    assert of("precopy, 4 multifd channels").connections == 4
    assert of("precopy idle, multifd 8 qatzip").compression == "qatzip"
    assert of("precopy, 8 channels, zstd").compression == "zstd"
    assert of("precopy idle, 4 VF").host_devices == 4
    assert of("precopy, 1 host device").host_devices == 1
    assert of("stopped guest").dirty_bytes_per_s == 0
    assert of("precopy, idle").dirty_bytes_per_s == 0
    assert of("precopy, memory workload ended just before").dirty_bytes_per_s == 0
    assert of("precopy, kernel build").dirty_bytes_per_s is None


def test_what_is_given_by_itself_counts_before_words() -> None:
    row = {
        **ROW,
        "mode": "postcopy at 5 s, 4 VF, multifd 8 zstd+auto-converge",
        "postcopy_at_s": 7,
        "host_devices": 2,
        "connections": 3,
        "compression": "zlib",
        "compression_ratio": "1.5",
        "auto_converge": "no",
    }
    job = facts_of(row).job
    assert (job.postcopy_at_s, job.host_devices, job.connections) == (7, 2, 3)
    assert (job.compression, job.compression_ratio, job.auto_converge) == ("zlib", 1.5, False)


def test_the_link_of_the_stack() -> None:
    def link(stack: str, **more: t.Any) -> float:
        return facts_of({**ROW, "stack": stack, **more}).job.link_bytes_per_s

    assert link("QEMU KVM, loopback") == link("QEMU KVM same host, speed limit 100G") == 2.5e9
    assert link("QEMU 2.5 KVM, default limit 32 MiB/s") == 2.5e9
    assert 1100 < link("QEMU 9.2 KVM 10 GbE") / MIB < 1130
    assert 110 < link("libvirt, mlx5 VFs, 1 GbE") / MIB < 115
    assert link("KVM") == 0
    assert link("KVM 1 GbE", link_mib_s=500) == 500 * MIB


def test_what_is_assumed_is_said() -> None:
    facts = facts_of({"ram_mib": 8192, "stack": "10 GbE", "mode": "precopy idle, zstd"})
    assert [text.split(":")[0] for text in facts.assumed] == [
        "touched_mib",
        "bandwidth_mib_s",
        "downtime_limit_ms",
        "dirty_rate_mib_s",
        "compression_ratio",
    ]
    assert facts_of({"touched_mib": 100, "bandwidth_mib_s": 10}).job.memory_bytes == 100 * MIB


def test_without_a_bandwidth_nothing_is_forecast() -> None:
    with pytest.raises(MigrationError) as caught:
        course_document({"ram_mib": 8192, "touched_mib": 4096})
    assert caught.value.reason == "BAD_OPTION"
    assert "bandwidth_mib_s" in str(caught.value)


def test_a_compression_that_is_not_known_is_refused() -> None:
    with pytest.raises(MigrationError) as caught:
        facts_of({**ROW, "compression": "lz4"})
    assert caught.value.reason == "BAD_OPTION"
    assert facts_of({**ROW, "compression": "none", "mode": "precopy, multifd 8 zstd"}).job.compression == "none"


def test_what_was_left_at_boundaries_is_no_working_set() -> None:
    row = {**ROW, "working_set_mib": 62.2, "dirty_rate_mib_s": 110}
    assert course_document(row)["outcome"] == "finishes"
    noted = course_document({**row, "note": "working_set = median left at boundaries from pass 3"})
    assert (noted["outcome"], noted["finishes"], noted["total_s"]) == ("does not finish", False, None)
    assert noted["floor_mib"] == 62.2
    assert "482 ms of downtime would have to be allowed instead of 300 ms" in noted["summary"]
    assert course_document({**row, "left_mib": 62.2})["outcome"] == "does not finish"


def test_the_document() -> None:
    found = course_document({**ROW, "dirty_rate_mib_s": "about 0", "stack": "loopback"})
    assert found["outcome"] == "finishes"
    assert found["finishes"] is True
    assert found["total_s"] == pytest.approx(31.6, rel=0.02)
    assert found["data_mib"] == pytest.approx(4113, rel=0.01)
    assert (found["passes"], found["throttle_percent"], found["postcopy_s"]) == (3, 0, 0)
    assert found["summary"].startswith("It finishes: 31")
    unknown = course_document(ROW)
    assert (unknown["outcome"], unknown["finishes"]) == ("not known", None)
    assert unknown["summary"].startswith("If the guest writes next to nothing it takes")
    split = course_document({**ROW, "mode": "postcopy at 5 s", "stack": "loopback"})
    assert split["outcome"] == "finishes by post-copy"
    assert split["postcopy_s"] > 1
    slowed = course_document({**ROW, "mode": "precopy+auto-converge", "dirty_rate_mib_s": 200})
    assert slowed["outcome"] == "finishes only with throttle"
    assert f"slowed down by {slowed['throttle_percent']} %" in slowed["summary"]
    nothing = course_document({"bandwidth_mib_s": 100, "mode": "precopy idle, 1 VF"})
    assert nothing["total_s"] is None
    assert nothing["downtime_ms"] == 333
    assert "cannot be told without the memory" in nothing["summary"]
