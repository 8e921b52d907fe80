# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.compression import compression_use
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domjobinfo import parse_domjobinfo
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Progress,
    XbzrleCounters,
    read_job,
    sample_from_stats,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import GIB, MIB, MIGRATING

CACHE = 64 * MIB
STATS = {
    **MIGRATING,
    "memory_normal": 1_200_000,
    "compression_cache": CACHE,
    "compression_bytes": 4_096_000,
    "compression_pages": 10_000,
    "compression_cache_misses": 90_000,
    "compression_overflow": 500,
}
# As virsh of libvirt 9.0 prints them.
TEXT = """\
Job type:         Unbounded
Operation:        Outgoing migration
Time elapsed:     60000        ms
Memory processed: 5.000 GiB
Memory remaining: 200.000 MiB
Memory total:     4.000 GiB
Memory bandwidth: 100.000 MiB/s
Dirty rate:       25600        pages/s
Page size:        4096         bytes
Iteration:        5
Normal pages:     1200000
Normal data:      4.578 GiB
Expected downtime: 2560         ms
Compression cache: 64.000 MiB
Compressed data:  3.906 MiB
Compressed pages: 10000
Compression cache misses: 90000
Compression overflows: 500
"""


def job(number: int, pages: int, misses: int, encoded: int = 0, overflows: int = 0) -> JobSample:
    counters = XbzrleCounters(CACHE, encoded, pages, misses, overflows)
    return replace(sample_from_stats(MIGRATING), pass_number=number, xbzrle=counters)


def test_the_counters_of_libvirt() -> None:
    found = sample_from_stats(STATS)
    assert found.xbzrle == XbzrleCounters(CACHE, 4_096_000, 10_000, 90_000, 500)
    assert found.normal_pages == 1_200_000
    assert sample_from_stats(MIGRATING).xbzrle is None


def test_a_document_keeps_them() -> None:
    found = sample_from_stats(STATS)
    document = found.document()
    assert document["xbzrle"]["cache_misses"] == 90_000
    assert replace(read_job(document), at_s=0.0) == found
    # A document of a version that had none of it.
    del document["xbzrle"], document["memory"]["normal_pages"]
    assert (read_job(document).xbzrle, read_job(document).normal_pages) == (None, None)


@pytest.mark.parametrize("text", [TEXT, " ".join(TEXT.split()), "\n".join(f"> {line}" for line in TEXT.splitlines())])
def test_the_text_of_virsh(text: str) -> None:
    found = parse_domjobinfo(text)
    assert found.xbzrle == XbzrleCounters(CACHE, round(3.906 * MIB), 10_000, 90_000, 500)
    assert found.normal_pages == 1_200_000


def test_the_raw_text_of_virsh() -> None:
    lines = [f"{key}: {value}" for key, value in STATS.items() if key != "type"]
    assert parse_domjobinfo("Job type: 2\n\n" + "\n".join(lines)).xbzrle == sample_from_stats(STATS).xbzrle


def test_misses_and_what_the_found_ones_took() -> None:
    found = compression_use([job(5, 10_000, 90_000, 4_096_000)])
    assert found is not None
    assert (found.pages, found.missed_share, found.cache_bytes) == (100_000, 0.9, CACHE)
    # 90,000 whole pages, and a tenth of each of 10,000
    assert found.wire_share == pytest.approx(0.91)
    assert found.evidence() == {
        "compressed_to_percent": 91.0,
        "compression_pages": 100_000,
        "compression_cache_bytes": CACHE,
        "cache_misses_percent": 90.0,
    }


def test_pages_that_do_not_get_shorter_are_found_and_sent_whole() -> None:
    """As QEMU counts from 5.1 on, and as it did before: neither a page nor its bytes."""
    now = compression_use([job(5, 10_000, 0, 10_000 * 4096, 10_000)])
    before = compression_use([job(5, 0, 0, 0, 10_000)])
    assert now is not None
    assert now.wire_share == pytest.approx(1.0)
    assert now == before


def test_the_pass_that_fills_the_cache_says_nothing() -> None:
    """All pages of the second pass are missed; so one look tells from the fourth on, when the third has shown it."""
    assert compression_use([job(2, 0, 65_536)]) is None
    assert compression_use([job(2, 0, 60_000), job(2, 0, 65_536)]) is None
    assert compression_use([job(3, 60_000, 65_536, 6_000 * 4096)]) is None
    assert compression_use([job(4, 60_000, 65_536, 6_000 * 4096)]) is not None


def test_what_was_watched_counts_more_than_what_was_before() -> None:
    """Of the pages of the third pass, all are found; those that filled the cache are passed over."""
    looks = [job(2, 0, 65_000), job(3, 100, 65_536, 10 * 4096), job(3, 40_100, 65_536, 4_010 * 4096)]
    found = compression_use(looks)
    assert found is not None
    assert (found.pages, found.missed_share) == (40_000, 0.0)
    assert found.wire_share == pytest.approx(0.1)


@pytest.mark.parametrize(("pages", "known"), [(1023, False), (1024, True)])
def test_few_pages_say_nothing(pages: int, known: bool) -> None:
    assert (compression_use([job(6, 0, pages)]) is not None) is known
    looks = [connections(0, 0), connections(pages, pages * 4096)]
    assert (compression_use(looks, parallel=True) is not None) is known


def connections(pages: t.Optional[int], sent: int) -> JobSample:
    return replace(sample_from_stats(MIGRATING), normal_pages=pages, memory=Progress(4 * GIB, sent, GIB))


def test_several_connections_by_pages_and_bytes() -> None:
    """64 GiB in 22.2 GiB is what the corpus of zstd comes to; while it was watched it was half."""
    whole = connections(16 * 1024**2, int(22.2 * GIB))
    found = compression_use([whole], parallel=True)
    assert found is not None
    assert found.wire_share == pytest.approx(0.347, abs=0.001)
    assert found.evidence() == {"compressed_to_percent": 34.7, "compression_pages": 16 * 1024**2}
    later = connections(16 * 1024**2 + 2048, int(22.2 * GIB) + 1024 * 4096)
    watched = compression_use([whole, later], parallel=True)
    assert watched is not None
    assert (watched.pages, watched.wire_share) == (2048, 0.5)


def test_without_compression_nothing_is_said() -> None:
    assert compression_use([connections(100_000, 100_000 * 4096)]) is None
    assert compression_use([connections(None, 100_000 * 4096)], parallel=True) is None
