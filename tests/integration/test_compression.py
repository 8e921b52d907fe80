# SPDX-License-Identifier: GPL-3.0-or-later
"""Compression that saves nothing is seen on the real thing: a cache that is too small, and pages that do not get
shorter."""

from __future__ import annotations

import typing as t

import pytest
from bench.moving import move
from bench.runs import Ansible, Result, assert_refused
from bench.subject import Subject
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

MIB = 1024**2
SMALL_CACHE, LARGE_CACHE = 4 * MIB, 256 * MIB
WHOLE = GuestOptions(ram_mib=256, hot_mib=64, cold_mib=8, pages_per_s=30_000, whole_pages=True)


@pytest.fixture
def whole01(lab: Lab) -> t.Iterator[Subject]:
    """Rewrites 64 MiB, all of each page with what cannot be compressed."""
    guest = Subject(lab, "whole01", WHOLE)
    guest.start()
    yield guest
    guest.stop()


def with_xbzrle(guest: Subject, cache_bytes: int) -> None:
    guest.migrate("--compressed", "--comp-methods", "xbzrle", "--comp-xbzrle-cache", str(cache_bytes))
    guest.in_pass(3)


def diagnosis(ansible: Ansible, guest: Subject) -> Result:
    result = ansible.module(guest.source, "migration_job_info", name=guest.name, observe_s=8)
    assert not result["failed"], result
    (job,) = result["jobs"]
    assert job["xbzrle"]["cache_bytes"] > 0
    found = t.cast(Result, job["diagnosis"])
    assert (found["verdict"], found["reason"]) == ("stuck", "COMPRESSION_USELESS"), found
    return found


def remedy(found: Result, action: str) -> Result:
    return next(each for each in found["remedies"] if each["action"] == action)


def in_two_passes(guest: Subject) -> tuple[int, int]:
    """Pages found in the cache and not found, from the beginning of the pass after the next one on."""
    guest.in_pass(guest.job()["memory_iteration"] + 2)
    before = guest.job()
    guest.in_pass(before["memory_iteration"] + 1)
    after = guest.job()
    found, missed = (after[key] - before[key] for key in ("compression_pages", "compression_cache_misses"))
    return found, missed


def test_a_cache_that_is_too_small_and_its_remedy(ansible: Ansible, erp01: Subject) -> None:
    with_xbzrle(erp01, SMALL_CACHE)
    found = diagnosis(ansible, erp01)
    evidence = found["evidence"]
    assert evidence["cache_misses_percent"] > 95, evidence
    assert evidence["compressed_to_percent"] > 95, evidence
    assert evidence["compression_cache_bytes"] == SMALL_CACHE
    assert remedy(found, "without_compression")["module"] == "migration"
    words = remedy(found, "larger_cache")["command"].split()
    size = words[words.index("--comp-xbzrle-cache") + 1]
    # QEMU compares the new size with what it has just noted as the size, and leaves the cache as it was.
    erp01.virsh("migrate-compcache", "--size", size)
    pages, missed = in_two_passes(erp01)
    assert missed > 0.9 * (pages + missed), (pages, missed)
    # What the remedy says is what helps: the pages differ by four words, once they are found.
    erp01.abort()
    erp01.arrives(erp01.migrate("--compressed", "--comp-methods", "xbzrle", "--comp-xbzrle-cache", size))


def test_pages_that_are_no_shorter(ansible: Ansible, whole01: Subject) -> None:
    with_xbzrle(whole01, LARGE_CACHE)
    found = diagnosis(ansible, whole01)
    evidence = found["evidence"]
    assert evidence["compressed_to_percent"] > 90, evidence
    assert evidence["compression_pages"] > 1024
    assert [each["action"] for each in found["remedies"]][-2:] == ["without_compression", "abort"]
    whole01.abort()
    whole01.verify()


def test_zstd_that_a_host_does_not_have(ansible: Ansible, crm01: Subject) -> None:
    """libvirt 9.0 does not; where it is only to be chosen if it pays, it is not."""
    without = "libvirt 9.0" in crm01.lab.virsh(crm01.source, "version").stdout
    wishes = {"policy_overrides": {"postcopy": "never"}, "measure": False, "check": True}
    refused, chosen = ansible.run(
        crm01.source,
        move(crm01, compression="zstd", **wishes),
        move(crm01, compression="auto_zstd", **wishes),
    )
    assert not chosen["failed"], chosen["msg"]
    if without:
        assert_refused(refused, "NOT_SUPPORTED")
        assert "libvirt 9.4 and QEMU 5.0" in refused["msg"]
    else:
        assert refused["forecast"]["flags"]["zstd_level"] == 1
    assert (chosen["forecast"]["basis"]["idle_processors"] is None) is without
