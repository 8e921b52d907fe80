# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.report import report_lines
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.text import WIDTH

GIB = 1 << 30

SAMPLE = JobSample(
    phase=Phase.PRECOPY,
    operation="outgoing",
    elapsed_ms=723_000,
    pass_number=12,
    memory=Progress(4 * GIB, 10 * GIB, GIB),
    bandwidth_bytes_per_s=100 << 20,
    dirty_pages_per_s=20_000,
    expected_downtime_ms=5600,
    throttle_percent=30,
    limits=Limits(300, 100, 0),
    name="erp01",
    uuid="5f0c3d1e-0000-4000-8000-000000000001",
)
DIAGNOSIS = {
    "verdict": "stuck",
    "reason": "DIRTY_RATE",
    "summary": "erp01 rewrites its memory. " * 8,
    "evidence": {
        "looks": 7,
        "observed_s": 20.5,
        "boundaries": [[number, number * GIB] for number in range(6, 13)],
        "firm": True,
        "needed_downtime_ms": 5600,
        "needed_bandwidth_bytes_per_s": 3 << 30,
        "dirty_to_bandwidth_ratio": 0.98,
        "something_new_percent": 7,
        "a_flag": True,
        "a_text": "as it is",
    },
    "remedies": [
        {
            "action": "downtime",
            "command": "virsh migrate-setmaxdowntime erp01 6490",
            "module": "migration_downtime",
            "expected": "The guest stands still once for about 5.6 s, then runs on the destination. " * 2,
            "risk": "Clients see errors.",
            "allowed": False,
        },
        {"action": "quiesce", "command": "", "module": "", "expected": "", "risk": "None.", "allowed": True},
    ],
}
REPORT = """\
erp01 (5f0c3d1e-0000-4000-8000-000000000001): stuck, DIRTY_RATE
  erp01 rewrites its memory. erp01 rewrites its memory. erp01 rewrites its memory. erp01 rewrites its memory.
  erp01 rewrites its memory. erp01 rewrites its memory. erp01 rewrites its memory. erp01 rewrites its memory.

  Migration  outgoing, precopy, pass 12, for 12 min 3 s
  Memory     1.0 GiB left of 4.0 GiB, 10.0 GiB sent (2.50 times over)
  Rates      100.0 MiB/s sent, 78.1 MiB/s rewritten (20000 pages/s)
  Limits     downtime 300 ms (QEMU expects 5.6 s), bandwidth 100 MiB/s, post-copy bandwidth unlimited
  Throttle   the guest is slowed down by 30 %
  Passes     8.0 GiB left at pass 8, 9.0 GiB left at pass 9, 10.0 GiB left at pass 10, 11.0 GiB left at pass
             11, 12.0 GiB left at pass 12
  Evidence   needed downtime 5.6 s; needed bandwidth 3.0 GiB/s; dirty to bandwidth ratio 0.98; something new 7
             %; a flag true; a text as it is
  Seen       in 7 looks over 20.5 s

  What can be done:
  1. downtime (module migration_downtime) - not allowed here
     $ virsh migrate-setmaxdowntime erp01 6490
     Effect: The guest stands still once for about 5.6 s, then runs on the destination. The guest stands still
             once for about 5.6 s, then runs on the destination.
     Risk:   Clients see errors.
  2. quiesce
     Risk:   None."""


def test_the_whole_report() -> None:
    assert "\n".join(report_lines([SAMPLE.document(DIAGNOSIS)])) == REPORT


def test_no_job() -> None:
    assert report_lines([]) == ["No migration job."]


def test_jobs_are_apart() -> None:
    lines = report_lines([SAMPLE.document(), SAMPLE.named("erp02", "").document()])
    assert [lines[0], lines[lines.index("erp02: precopy") - 1]] == [f"erp01 ({SAMPLE.uuid}): precopy", ""]


# what differs from the sample, evidence, a line that must be there
LINES: list[tuple[dict[str, t.Any], dict[str, t.Any], str]] = [
    ({"phase": Phase.NONE}, {}, "  Migration  none"),
    (
        {"phase": Phase.COMPLETED, "downtime_ms": 351},
        {},
        "  Migration  outgoing, completed, pass 12, in 12 min 3 s, the guest stood still for 351 ms",
    ),
    ({"pass_number": None}, {}, "  Migration  outgoing, precopy, for 12 min 3 s"),
    ({"pass_number": 1, "dirty_pages_per_s": 0}, {}, "  Rates      100.0 MiB/s sent, rewritten: not known yet"),
    ({"phase": Phase.POSTCOPY, "dirty_pages_per_s": 0}, {}, "  Rates      100.0 MiB/s sent"),
    ({"disk": Progress(GIB, 0, GIB)}, {}, "  Disks      1.0 GiB left of 1.0 GiB"),
    ({"memory": Progress()}, {}, "  Memory     0 B left of 0 B, 0 B sent"),
    (
        {"limits": Limits(), "expected_downtime_ms": None},
        {},
        "  Limits     downtime not known, bandwidth not known, post-copy bandwidth not known",
    ),
    ({}, {"looks": 1, "firm": False}, "  Seen       in one look; the verdict is a likely one, not a firm one"),
]


@pytest.mark.parametrize(("changes", "evidence", "line"), LINES)
def test_lines(changes: dict[str, t.Any], evidence: dict[str, t.Any], line: str) -> None:
    assert line in report_lines([replace(SAMPLE, **changes).document({"evidence": evidence})])


def test_a_name_cannot_speak_to_the_terminal() -> None:
    hostile = "\x1b[2J\u202eerp"
    remedy = {"action": "abort", "command": f"virsh domjobabort '{hostile}'"}
    lines = report_lines([SAMPLE.named(hostile, "").document({"summary": hostile, "remedies": [remedy]})])
    assert all(line.isprintable() for line in lines)


@given(name=st.text(), summary=st.text(max_size=500))
def test_no_line_is_too_long(name: str, summary: str) -> None:
    lines = report_lines([SAMPLE.named(name, "").document({**DIAGNOSIS, "summary": summary})])
    assert [line for line in lines if len(line) > WIDTH or not line.isprintable()] == []


# not a job document, what the message says
OTHERS: list[tuple[t.Any, str]] = [
    (3, "a int"),
    (None, "a NoneType"),
    ({}, "without the key 'memory'"),
    ({**SAMPLE.document(), "phase": "lunch"}, "'lunch' is not a valid Phase"),
    ({**SAMPLE.document(), "memory": 7}, "a value that does not fit"),
    ({**SAMPLE.document(), "limits": "none"}, "a value that does not fit"),
    ({**SAMPLE.document(), "elapsed_ms": float("inf")}, "a value that does not fit"),
]


@pytest.mark.parametrize(("other", "message"), OTHERS)
def test_not_a_job(other: t.Any, message: str) -> None:
    with pytest.raises(MigrationError, match="Expected a job document") as caught:
        report_lines([other])
    assert message in str(caught.value)
    assert caught.value.reason == "NOT_A_JOB"
