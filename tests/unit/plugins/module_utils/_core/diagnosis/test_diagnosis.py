# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.diagnosis import diagnose
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import (
    Context,
    Reason,
    Verdict,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domjobinfo import parse_domjobinfo
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.postcopy_obstacles import postcopy_obstacles
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import MIB
from ansible_collections.virtops.live_migration.tests.unit.plugins.stuck_job import (
    STUCK,
    actions,
    at,
    says,
)

CHAPTER = (
    "Job type: Unbounded / Operation: Outgoing migration / Time elapsed: 168286974 ms / Data processed: 26.106 TiB /"
    " Data remaining: 34.383 MiB / Data total: 10.586 TiB / Memory processed: 26.106 TiB / Memory remaining: 34.383 MiB"
    " / Memory total: 10.586 TiB / Memory bandwidth: 29.056 MiB/s / Dirty rate: 17225 pages/s / Page size: 4096 bytes"
)


def test_the_example_of_the_chapter() -> None:
    diagnosis = diagnose([parse_domjobinfo(CHAPTER)])
    assert says(diagnosis) == (Verdict.STUCK, Reason.DIRTY_RATE)
    assert diagnosis.evidence["dirty_bytes_per_s"] == 17225 * 4096
    assert diagnosis.evidence["bandwidth_bytes_per_s"] == round(29.056 * MIB)
    assert diagnosis.evidence["dirty_to_bandwidth_ratio"] == pytest.approx(2.316, abs=0.001)
    assert diagnosis.evidence["sent_over_memory"] == 2.47
    for number in ("67.3 MiB/s", "29.1 MiB/s", "1.2 s", "2.47 times over"):
        assert number in diagnosis.summary


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (Phase.NONE, Reason.NO_JOB),
        (Phase.COMPLETED, Reason.COMPLETED),
        (Phase.FAILED, Reason.FAILED),
        (Phase.CANCELLED, Reason.CANCELLED),
    ],
)
def test_ended(phase: Phase, reason: Reason) -> None:
    diagnosis = diagnose([replace(STUCK, phase=phase, downtime_ms=351)])
    assert says(diagnosis) == (Verdict.NONE, reason)
    assert "erp01" in diagnosis.summary
    assert actions(diagnosis) == []
    assert ("351 ms" in diagnosis.summary) is (phase is Phase.COMPLETED)


@pytest.mark.parametrize("phase", [Phase.SETUP, Phase.PRECOPY, Phase.SWITCHOVER, Phase.POSTCOPY])
def test_incoming(phase: Phase) -> None:
    assert says(diagnose([replace(STUCK, phase=phase, operation="incoming")])) == (Verdict.UNKNOWN, Reason.INCOMING)


def test_incoming_and_broken() -> None:
    broken = replace(STUCK, phase=Phase.POSTCOPY_FAILED, operation="incoming", memory=Progress())
    assert says(diagnose([broken])) == (Verdict.BROKEN, Reason.POSTCOPY_BROKEN)


def test_not_a_migration() -> None:
    diagnosis = diagnose([replace(STUCK, operation="other")])
    assert says(diagnosis) == (Verdict.NONE, Reason.NOT_A_MIGRATION)
    assert "another job" in diagnosis.summary


@pytest.mark.parametrize(
    ("elapsed_ms", "expected"),
    [
        (29_999, (Verdict.UNKNOWN, Reason.FIRST_PASS)),
        (30_000, (Verdict.STALLED, Reason.SETUP_SLOW)),
    ],
)
def test_setup(elapsed_ms: int, expected: tuple[Verdict, Reason]) -> None:
    assert says(diagnose([JobSample(Phase.SETUP, "outgoing", elapsed_ms)])) == expected


@pytest.mark.parametrize(
    ("phase", "moving", "silent"),
    [
        (Phase.PRECOPY, (Verdict.STUCK, Reason.DIRTY_RATE), (Verdict.STALLED, Reason.NETWORK_STALL)),
        (Phase.SWITCHOVER, (Verdict.FINISHING, Reason.SUSPENDED), (Verdict.STALLED, Reason.SWITCHOVER_BLOCKED)),
        (Phase.POSTCOPY, (Verdict.FINISHING, Reason.POSTCOPY_RUNNING), (Verdict.STALLED, Reason.NETWORK_STALL)),
    ],
)
def test_silence_of_five_seconds(phase: Phase, moving: tuple[Verdict, Reason], silent: tuple[Verdict, Reason]) -> None:
    assert says(diagnose([at(0, phase=phase), at(6, phase=phase)])) == moving
    assert says(diagnose([at(0, 0, phase=phase), at(4.9, 0, phase=phase)]))[0] is not Verdict.STALLED
    stalled = diagnose([at(0, 0, phase=phase), at(5, 0, phase=phase)])
    assert says(stalled) == silent
    assert stalled.evidence["silent_s"] == 5.0
    assert actions(stalled)[0] == "network"


def test_a_glance_at_a_moment_without_traffic_blames_nobody() -> None:
    diagnosis = diagnose([replace(STUCK, bandwidth_bytes_per_s=0)])
    assert says(diagnosis) == (Verdict.UNKNOWN, Reason.NETWORK_STALL)
    assert says(diagnose([at(0, 0), at(4.9, 0)])) == (Verdict.UNKNOWN, Reason.NETWORK_STALL)


def test_in_postcopy_nothing_is_to_be_aborted() -> None:
    for looks in ([at(0, phase=Phase.POSTCOPY)], [at(0, 0, phase=Phase.POSTCOPY), at(9, 0, phase=Phase.POSTCOPY)]):
        assert "abort" not in actions(diagnose(looks))


def test_broken_postcopy() -> None:
    diagnosis = diagnose([replace(STUCK, phase=Phase.POSTCOPY_FAILED)])
    assert says(diagnosis) == (Verdict.BROKEN, Reason.POSTCOPY_BROKEN)
    assert actions(diagnosis) == ["network", "recover"]
    assert "200.0 MiB still on the source" in diagnosis.summary


def test_every_reason_is_told_by_a_test() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    untold = [reason.name for reason in Reason if f"Reason.{reason.name}" not in source]
    assert untold == []


def test_summary_names_the_guest_as_it_is_called() -> None:
    assert diagnose([replace(STUCK, name="web server")]).summary.startswith("web server rewrites")
    assert diagnose([replace(STUCK, name="")]).summary.startswith("1f3c rewrites")


def test_what_could_be_added_only_at_the_start() -> None:
    (remedy,) = [one for one in diagnose([STUCK], Context(postcopy_flag=False)).remedies if one.action == "postcopy"]
    assert remedy.allowed is False


def test_what_the_guest_cannot_do_is_no_remedy() -> None:
    found = diagnose([STUCK], Context(postcopy_flag=True, postcopy_obstacles=postcopy_obstacles(1)))
    (remedy,) = [one for one in found.remedies if one.action == "postcopy"]
    assert remedy.allowed is False
    assert remedy.expected == (
        "Not possible for this guest: it has 1 host device(s), whose state post-copy cannot fetch."
    )
    assert found.evidence["postcopy_obstacles"] == ["HOST_DEVICES"]


counts = st.integers(0, 1 << 48)


small = st.integers(0, 2000)


maybe = st.none() | small


@st.composite
def job_samples(draw: st.DrawFn) -> list[JobSample]:
    length = draw(st.integers(1, 12))
    moments = sorted(draw(st.lists(st.floats(0, 1e6), min_size=length, max_size=length)))
    progress = st.builds(Progress, counts, counts, counts) | st.builds(Progress, small, small, small)
    name = draw(st.text(st.characters(blacklist_characters="{}")))
    return [
        JobSample(
            phase=draw(st.sampled_from(list(Phase))),
            operation=draw(st.sampled_from(["outgoing", "outgoing", "incoming", "other"])),
            elapsed_ms=draw(counts),
            pass_number=draw(maybe),
            memory=draw(progress),
            disk=draw(progress),
            bandwidth_bytes_per_s=draw(counts | small),
            dirty_pages_per_s=draw(counts | small),
            page_size_bytes=draw(st.sampled_from([0, 4096, 65536])),
            expected_downtime_ms=draw(maybe | counts),
            downtime_ms=draw(maybe),
            throttle_percent=draw(st.integers(0, 99)),
            postcopy_requests=draw(small),
            limits=Limits(draw(maybe), draw(maybe), draw(maybe)),
            name=name,
            uuid=draw(st.sampled_from(["", "1f3c"])),
            at_s=moment,
        )
        for moment in moments
    ]


contexts = st.builds(
    Context,
    policy=st.builds(
        Policy, st.integers(1, 2_000_000), st.sampled_from(["never", "if_needed", "prefer"]), st.floats(0, 1e6)
    ),
    link_bytes_per_s=st.none() | counts,
    postcopy_flag=st.none() | st.booleans(),
    other_streams=st.integers(0, 9),
)


@given(looks=job_samples(), context=contexts)
def test_something_sensible_is_said_whatever_is_seen(looks: list[JobSample], context: Context) -> None:
    diagnosis = diagnose(looks, context)
    document = diagnosis.document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert Verdict(document["verdict"])
    assert Reason(document["reason"])
    texts = [diagnosis.summary, *(text for one in diagnosis.remedies for text in (one.expected, one.risk))]
    for text in texts:
        assert text.endswith((".", "?"))
        assert "{" not in text
        assert "}" not in text
        assert "None" not in text.replace("None for the guest", "").replace("None.", "").replace(looks[0].name, "")
    for one in diagnosis.remedies:
        assert "{" not in one.command
    assert looks[-1].phase.running or diagnosis.verdict is Verdict.NONE


OLD_REPORT = """\
Job type:         Unbounded
Time elapsed:     294154       ms
Memory processed: 32.196 GiB
Memory remaining: 26.287 GiB
Memory total:     32.009 GiB
Memory bandwidth: 101.960 MiB/s
Dirty rate:       31340        pages/s
Iteration:        9
Expected downtime: {} ms
"""


def test_a_report_of_a_libvirt_before_3_3() -> None:
    found = diagnose([parse_domjobinfo(OLD_REPORT.format(264000))])
    assert (found.verdict, found.reason) == (Verdict.STUCK, Reason.DIRTY_RATE)
    assert found.evidence["needed_downtime_ms"] == 264000


def test_a_report_of_a_qemu_before_3_0() -> None:
    found = diagnose([parse_domjobinfo(OLD_REPORT.format(1200))])
    assert (found.verdict, found.reason) == (Verdict.STUCK, Reason.DIRTY_RATE)
    assert "needed_downtime_ms" not in found.evidence
    assert "not known from one look at this QEMU" in found.summary
    assert "1.2 s" not in found.summary
    downtime = next(remedy for remedy in found.remedies if remedy.action == "downtime")
    assert not downtime.allowed
    assert downtime.command == "virsh migrate-setmaxdowntime GUEST MS"
    assert "Not known from one look" in downtime.expected
