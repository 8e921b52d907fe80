# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.diagnosis import diagnose
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.report import report_lines
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import (
    Context,
    Diagnosis,
    Reason,
    Verdict,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Progress,
    XbzrleCounters,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import GIB, MIB
from ansible_collections.virtops.live_migration.tests.unit.plugins.stuck_job import STUCK, actions, passes, says


def with_xbzrle(
    looks: t.Sequence[JobSample], *, missed: float, shorter_to: float = 0.1, cache: int = 64 * MIB
) -> list[JobSample]:
    """The looks with counters as they grow when 100,000 pages are looked up between two of them."""
    found = []
    for number, look in enumerate(looks, start=10):
        pages = 100_000 * number
        hits = int(pages * (1 - missed))
        overflows = hits if shorter_to >= 1 else 0
        counters = XbzrleCounters(cache, int(hits * 4096 * shorter_to), hits, pages - hits, overflows)
        found.append(replace(look, xbzrle=counters))
    return found


def useless(looks: t.Sequence[JobSample], context: t.Optional[Context] = None) -> Diagnosis:
    found = diagnose(looks, context)
    assert says(found) == (Verdict.STUCK, Reason.COMPRESSION_USELESS), found
    return found


def test_the_published_one() -> None:
    """A cache of 4 GiB missed by 99.6 % of the pages, while the rate fell from 111 to 34 MiB/s."""
    memory = [Progress(64 * GIB, int((6660 + 34 * at_s) * MIB), GIB) for at_s in (0, 2, 4, 6)]
    looks = [
        replace(STUCK, at_s=2.0 * n, memory=one, pass_number=9 + n, bandwidth_bytes_per_s=34 * MIB, limits=Limits(300))
        for n, one in enumerate(memory)
    ]
    found = useless(with_xbzrle(looks, missed=0.996, cache=4 * GIB))
    assert "99.6% of the pages are not in its cache of 4.0 GiB" in found.summary
    assert "comparing takes time: 111.0 MiB/s were sent before" in found.summary
    assert found.evidence["cache_misses_percent"] == 99.6
    assert found.evidence["compressed_to_percent"] == 99.6
    assert found.evidence["bandwidth_before_bytes_per_s"] == 111 * MIB
    # What a pass rewrites, 1 GiB, would fit: a larger cache is no remedy.
    assert actions(found) == ["downtime", "postcopy", "suspend", "quiesce", "without_compression", "abort"]


def test_a_larger_cache_where_the_set_would_fit() -> None:
    """It comes after what can be done in the job, since it takes another start."""
    found = useless(with_xbzrle(passes(256, 255, 256), missed=1.0, cache=64 * MIB))
    assert actions(found)[-3:] == ["larger_cache", "without_compression", "abort"]
    cache = found.remedies[-3]
    assert (cache.module, cache.allowed) == ("migration", True)
    assert f"--comp-xbzrle-cache {256 * MIB} DESTINATION_URI" in cache.command
    assert "256.0 MiB" in cache.expected
    # 2049 MiB need a cache of 4 GiB, which is all of the guest's memory.
    large = useless(with_xbzrle(passes(2049, 2049, 2049), missed=1.0)).remedies[-3]
    assert (str(4 * GIB) in large.command, large.allowed) == (True, False)


def test_a_single_look_does_not_know_which_cache_would_do() -> None:
    (look,) = with_xbzrle([replace(STUCK, expected_downtime_ms=None)], missed=0.99)
    assert "larger_cache" not in actions(useless([look]))
    (look,) = with_xbzrle([STUCK], missed=0.99)
    # By QEMU's expected downtime 256 MiB are rewritten in a pass.
    assert "larger_cache" in actions(useless([look]))


def test_pages_that_are_found_and_no_shorter() -> None:
    found = useless(with_xbzrle(passes(256, 255), missed=0.0, shorter_to=1.0))
    assert "no shorter encoded" in found.summary
    assert found.evidence["cache_misses_percent"] == 0
    assert actions(found)[-2:] == ["without_compression", "abort"]
    assert "larger_cache" not in actions(found)


@pytest.mark.parametrize(
    ("missed", "reason"), [(0.888, Reason.DIRTY_RATE), (0.9, Reason.COMPRESSION_USELESS), (0.0, Reason.DIRTY_RATE)]
)
def test_it_is_useless_from_a_tenth_on(missed: float, reason: Reason) -> None:
    """Of pages that are found a tenth is sent: with 88.8 % misses it is 89.9 % of all."""
    found = diagnose(with_xbzrle(passes(256, 255), missed=missed))
    assert found.reason is reason
    assert found.evidence["cache_misses_percent"] == round(missed * 100, 1)


def test_its_place_among_the_causes() -> None:
    """A limit, and a throttle at its end, are more to the point; a link that is slower may be slowed by it."""
    looks = with_xbzrle(passes(256, 255), missed=1.0)
    policy = Policy(max_downtime_ms=5000)
    useless(looks, Context(policy, link_bytes_per_s=GIB, other_streams=2))
    capped = [*looks[:-1], replace(looks[-1], limits=Limits(300, 100))]
    assert diagnose(capped).reason is Reason.BANDWIDTH_CAP
    throttled = [*looks[:-1], replace(looks[-1], throttle_percent=99)]
    assert diagnose(throttled).reason is Reason.THROTTLE_EXHAUSTED


def test_one_that_gets_on_is_left_alone() -> None:
    found = diagnose(with_xbzrle(passes(800, 400), missed=1.0))
    assert says(found) == (Verdict.CONVERGING, Reason.CONVERGING)
    assert found.evidence["compressed_to_percent"] == 100


# --- several connections


def over_connections(share: float, **changes: t.Any) -> list[JobSample]:
    """100 MiB/s on the wire, each byte of which stands for so much of a page."""
    found = []
    for look in passes(256, 255, **changes):
        pages = int(look.memory.processed_bytes / 4096 / share)
        found.append(replace(look, normal_pages=pages))
    return found


ZSTD = Context(parallel_compression=True)


def test_memory_that_does_not_get_shorter() -> None:
    found = useless(over_connections(1.0), ZSTD)
    assert "saves nothing: a page takes 100% of its size" in found.summary
    assert "encrypted" in found.summary
    assert "cache_misses_percent" not in found.evidence
    assert actions(found)[-2:] == ["without_compression", "abort"]
    assert "larger_cache" not in actions(found)


def test_without_compression_all_pages_are_sent_whole_and_that_is_no_fault() -> None:
    assert diagnose(over_connections(1.0)).reason is Reason.DIRTY_RATE


def test_compression_that_works_is_not_the_cause() -> None:
    found = diagnose(over_connections(0.35), ZSTD)
    assert found.reason is Reason.DIRTY_RATE
    assert found.evidence["compressed_to_percent"] == 35.0


@pytest.mark.parametrize(
    ("busy", "link_mib", "reason"),
    [
        (0.97, None, Reason.COMPRESSION_USELESS),
        # 100 MiB/s on the wire at 35 % are 286 MiB/s of memory.
        (0.97, 300, Reason.COMPRESSION_USELESS),
        (0.97, 280, Reason.LINK_SLOW),
        (0.89, 300, Reason.LINK_SLOW),
        (None, 300, Reason.LINK_SLOW),
        (0.89, None, Reason.DIRTY_RATE),
    ],
)
def test_processors_that_are_the_limit(busy: t.Optional[float], link_mib: t.Optional[int], reason: Reason) -> None:
    link = link_mib * MIB if link_mib else None
    found = diagnose(over_connections(0.35), replace(ZSTD, sending_busy=busy, link_bytes_per_s=link))
    assert found.reason is reason
    if reason is Reason.COMPRESSION_USELESS:
        assert found.evidence["sending_busy_percent"] == 97
        assert found.evidence["compressed_memory_bytes_per_s"] == pytest.approx(286 * MIB, rel=0.01)
        assert ("300.0 MiB/s" in found.summary) == bool(link)


def test_the_processor_of_xbzrle_may_be_the_limit_too() -> None:
    looks = with_xbzrle(passes(256, 255), missed=0.2)
    found = useless(looks, Context(sending_busy=1.0, link_bytes_per_s=GIB))
    assert "The processors that compress erp01 are the limit" in found.summary


def test_a_report_of_it_can_be_read() -> None:
    looks = with_xbzrle(passes(256, 255), missed=1.0)
    lines = "\n".join(report_lines([looks[-1].document(useless(looks).document())]))
    assert "stuck, COMPRESSION_USELESS" in lines
    assert "cache misses 100.0 %" in lines
    assert "--comp-xbzrle-cache" in lines
