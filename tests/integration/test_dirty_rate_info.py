# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_dirty_rate_info on real guests."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, assert_refused, task
from bench.subject import Subject

MODULE = "migration_dirty_rate_info"
MIB = 1024**2


@pytest.mark.fast
def test_a_busy_guest_and_a_quiet_one(ansible: Ansible, erp01: Subject, crm01: Subject) -> None:
    hosts = {erp01.name: erp01.source, crm01.name: crm01.source}
    busy, quiet = (ansible.module(host, MODULE, name=name) for name, host in hosts.items())
    assert not busy["failed"], busy
    assert not busy["changed"]
    assert (busy["name"], busy["uuid"]) == ("erp01", erp01.uuid)
    seen = busy["dirty_rate"]
    assert seen["mode"] == "page-sampling"
    assert [window["window_s"] for window in seen["windows"]] == [1, 4]
    # It rewrites 96 MiB at 20,000 pages a second; QEMU looks at 128 pages of a guest of this size.
    largest = max(window["unique_bytes"] + window["tolerance_bytes"] for window in seen["windows"])
    assert 40 * MIB < seen["working_set_bytes"] < 256 * MIB
    assert largest > 60 * MIB
    assert seen["dirty_bytes_per_s"] > 10 * MIB
    assert seen["memory_bytes"] >= 256 * MIB
    assert quiet["dirty_rate"]["dirty_bytes_per_s"] < seen["dirty_bytes_per_s"] / 4, quiet


def test_refused_at_once_while_it_migrates(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate()
    result = ansible.module(erp01.source, MODULE, timeout_s=25, name="erp01")
    assert_refused(result, "JOB_RUNNING")


def test_modes_that_would_hurt_or_cannot_be(ansible: Ansible, crm01: Subject) -> None:
    bitmap, ring = ansible.run(
        crm01.source,
        task(MODULE, name="crm01", mode="dirty-bitmap"),
        task(MODULE, name="crm01", mode="dirty-ring"),
    )
    assert_refused(bitmap, "DIRTY_BITMAP_NEEDS_KVM")
    assert_refused(ring, "DIRTY_RING_OFF")
    assert crm01.state().startswith("running")


def test_windows_that_qemu_does_not_take(ansible: Ansible, crm01: Subject) -> None:
    windows = ([0, 4], [1, 61], [2, 2], [1])
    for result in ansible.run(crm01.source, *(task(MODULE, name="crm01", windows_s=each) for each in windows)):
        assert_refused(result, "BAD_WINDOWS")
