# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of migrations to a host that is being emptied, which were to be cancelled."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.incoming import not_cancelled

ARRIVING = [{"name": "erp01", "uuid": "u1", "operation": "incoming", "phase": "precopy"}]
NOBODY = {"item": "kvm03", "jobs": [], "guests": []}


def sender(phase: str = "", state: str = "running") -> dict[str, t.Any]:
    jobs = [{"name": "erp01", "uuid": "u1", "operation": "outgoing", "phase": phase}] if phase else []
    return {"item": "kvm02", "jobs": jobs, "guests": [{"name": "erp01", "uuid": "u1", "state": state}]}


def abort(**result: t.Any) -> dict[str, t.Any]:
    return {"item": {"name": "erp01", "uuid": "u1", "host": "kvm02"}, **result}


@pytest.mark.parametrize(
    ("senders", "aborted"),
    [
        ([NOBODY, sender("setup")], [abort(phase="cancelled", changed=True)]),
        ([NOBODY, sender("precopy")], []),  # it sends, and is not to be cancelled
        ([sender("postcopy")], []),
    ],
)
def test_what_is_as_it_should_be_is_not_told(senders: list[t.Any], aborted: list[t.Any]) -> None:
    assert not_cancelled(ARRIVING, senders, aborted) == []


def test_one_of_which_its_source_tells_nothing() -> None:
    """As libvirt 9.0 while packets of the stream are dropped: the guest is there, and each question about its job ends
    as MONITOR_HUNG, which migration_job_info passes over where the host has other guests."""
    (found,) = not_cancelled(ARRIVING, [NOBODY, sender()], [])
    assert (found["host"], found["reason"]) == ("kvm02", "JOB_NOT_TOLD")
    assert "virsh domjobabort u1" in found["msg"]


@pytest.mark.parametrize(
    ("senders", "says"),
    [
        ([NOBODY], "none of those that were asked tells of it. It arrives"),
        ([NOBODY, sender(state="shut off")], "none of those that were asked"),  # a definition that was left behind
        ([{"item": "kvm02", "msg": "The job hangs.", "reason": "MONITOR_HUNG"}], "kvm02 (The job hangs.)"),
        ([{"item": "kvm02", "unreachable": True}], "kvm02 (it does not answer)"),
        ([], "none of those that were asked"),
    ],
)
def test_one_whose_source_is_not_known(senders: list[t.Any], says: str) -> None:
    (found,) = not_cancelled(ARRIVING, senders, [])
    assert (found["host"], found["reason"]) == ("", "SOURCE_NOT_KNOWN")
    assert says in found["msg"]


@pytest.mark.parametrize(
    ("result", "reason"),
    [({"reason": "MONITOR_HUNG", "msg": "It hangs."}, "MONITOR_HUNG"), ({"msg": "It broke down."}, "NOT_ABORTED")],
)
def test_one_that_could_not_be_aborted(result: dict[str, t.Any], reason: str) -> None:
    (found,) = not_cancelled(ARRIVING, [sender("setup")], [abort(**result)])
    assert (found["host"], found["reason"], found["msg"]) == ("kvm02", reason, result["msg"])


def test_others_that_migrate_are_none_of_them() -> None:
    assert not_cancelled([{**ARRIVING[0], "operation": "outgoing"}, {}], [NOBODY], []) == []
