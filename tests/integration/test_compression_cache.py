# SPDX-License-Identifier: GPL-3.0-or-later
"""migration_compression_cache on a real guest."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.subject import Subject

MODULE = "migration_compression_cache"
DEFAULT = 64 * 1024**2


def in_force(guest: Subject) -> int:
    words = guest.virsh("migrate-compcache").split()
    unit = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}[words[-1]]
    return int(float(words[-2]) * unit)


@pytest.mark.fast
def test_set_once_and_told_right(ansible: Ansible, crm01: Subject) -> None:
    size = 32 * 1024**2
    foreseen = ansible.module(crm01.source, MODULE, check=True, name="crm01", size_bytes=size)
    assert_done(foreseen, True)
    before = in_force(crm01)
    assert before == DEFAULT, "check mode has set it"
    first, second = ansible.run(
        crm01.source, task(MODULE, name="crm01", size_bytes=size), task(MODULE, guest="crm01", size_bytes=size)
    )
    assert_done(first, True)
    assert_done(second, False)
    assert first["size_bytes"] == second["size_bytes"] == size
    assert first["diff"] == foreseen["diff"] == {"before": {"size_bytes": DEFAULT}, "after": {"size_bytes": size}}
    assert in_force(crm01) == size
    assert ansible.module(crm01.source, MODULE, name="crm01", size_bytes=DEFAULT)["changed"]


def test_during_a_migration(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate("--compressed", "--comp-methods", "xbzrle", "--bandwidth", "4")
    result = ansible.module(erp01.source, MODULE, name="erp01", size_bytes=128 * 1024**2)
    assert_done(result, True)
    assert in_force(erp01) == 128 * 1024**2


def test_sizes_that_qemu_does_not_take(ansible: Ansible, crm01: Subject) -> None:
    sizes = (0, 2048, 100_000_000, -4096)
    for result in ansible.run(crm01.source, *(task(MODULE, name="crm01", size_bytes=size) for size in sizes)):
        assert_refused(result, "OUT_OF_RANGE")
    assert in_force(crm01) == DEFAULT
