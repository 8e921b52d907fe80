# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls for which libvirt would wait 30 s, or for ever, are answered in time and say why."""

from __future__ import annotations

import pytest
from bench.runs import Ansible, assert_refused, task
from bench.subject import Subject

LIMIT_S = 25

# Each module that changes something or measures, with what it needs.
CALLS = {
    "migration_abort": {},
    "migration_bandwidth": {"bandwidth_mib_per_s": 10},
    "migration_compression_cache": {"size_bytes": 32 * 1024**2},
    "migration_dirty_rate_info": {},
    "migration_downtime": {"max_downtime_ms": 500},
    "migration_postcopy": {},
    "migration_suspend": {"max_pause_s": 1},
}


@pytest.mark.fast
def test_on_the_destination(ansible: Ansible, erp01: Subject) -> None:
    migration = erp01.migrate("--postcopy")
    calls = [task(module, timeout_s=LIMIT_S, name="erp01", **arguments) for module, arguments in CALLS.items()]
    for result in ansible.run(erp01.destination, *calls):
        assert_refused(result, "INCOMING")
        assert "source" in result["remedy"] or "comes from" in result["remedy"]
    assert migration.exit_code() is None


def test_a_qemu_that_stands_still(ansible: Ansible, crm01: Subject) -> None:
    crm01.lab.stop_qemu(crm01.uuid, host=crm01.source)
    result = ansible.module(crm01.source, "migration_downtime", timeout_s=60, name="crm01", max_downtime_ms=500)
    crm01.lab.cont_qemu(crm01.uuid, host=crm01.source)
    assert_refused(result, "MONITOR_HUNG")
    assert "stopped" in result["remedy"]


def test_a_qemu_that_stands_still_while_it_migrates(ansible: Ansible, erp01: Subject) -> None:
    erp01.migrate()
    erp01.lab.stop_qemu(erp01.uuid, host=erp01.source)
    one = ansible.module(erp01.source, "migration_job_info", timeout_s=60, name="erp01")
    erp01.lab.cont_qemu(erp01.uuid, host=erp01.source)
    assert_refused(one, "MONITOR_HUNG")


def test_a_daemon_that_stops_while_it_is_asked(ansible: Ansible, erp01: Subject) -> None:
    """The module ends, and its process with it: the binding would wait for the daemon to say goodbye."""
    erp01.migrate()
    before = erp01.clients()
    running = ansible.begin(erp01.source, task("migration_job_info", timeout_s=240, name="erp01", observe_s=60))
    erp01.has_client(running, before)
    erp01.lab.stop_libvirtd(erp01.source)
    try:
        (result,) = running.wait(240).results
    finally:
        erp01.lab.cont_libvirtd(erp01.source)
    assert result["failed"], result
    assert result["reason"] in ("CONNECTION_LOST", "MONITOR_HUNG"), result
