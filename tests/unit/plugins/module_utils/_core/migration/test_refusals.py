# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domain_state import DomainState
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.location import (
    GuestLocation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.refusals import bad_end, refusal

RUNNING = DomainState(1, 1)


IO_ERROR = DomainState(3, 5)


ARRIVING = DomainState(3, 2)


CRASHED = DomainState(5, 3)


BROKEN_SOURCE = DomainState(3, 13)


BROKEN_DESTINATION = DomainState(1, 11)


OFF = DomainState(5, 1)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (GuestLocation(RUNNING, RUNNING), "SPLIT_BRAIN"),
        (GuestLocation(RUNNING, None, Phase.PRECOPY), "JOB_ELSEWHERE"),
        (GuestLocation(BROKEN_SOURCE, BROKEN_DESTINATION, Phase.POSTCOPY_FAILED), "POSTCOPY_BROKEN"),
        (GuestLocation(BROKEN_SOURCE, OFF, Phase.POSTCOPY_FAILED), "HALF_ENDED"),
        (GuestLocation(CRASHED, BROKEN_DESTINATION), "HALF_ENDED"),
        (GuestLocation(BROKEN_SOURCE, None, Phase.POSTCOPY_FAILED), "JOB_ELSEWHERE"),
        (GuestLocation(None, ARRIVING), "INCOMING"),
        (GuestLocation(OFF, None), "GUEST_NOT_RUNNING"),
        (GuestLocation(None, None), "GUEST_NOT_FOUND"),
        (GuestLocation(RUNNING, ARRIVING), "UNCLEAR"),
    ],
)
def test_what_is_said(where: GuestLocation, reason: str) -> None:
    error = refusal(where, "erp01", "kvm01", "kvm02")
    assert error.reason == reason
    assert "Nothing was changed." in error.state
    assert where.state_text() in error.state
    assert "'erp01'" in error.problem
    assert error.remedy
    assert error.evidence["on_source"] == (where.here.state_text if where.here else None)


def test_what_runs_split_is_not_to_be_aborted() -> None:
    plain = refusal(GuestLocation(RUNNING, None, Phase.PRECOPY), "erp01", "kvm01", "kvm02")
    split = refusal(GuestLocation(BROKEN_SOURCE, None, Phase.POSTCOPY_FAILED), "erp01", "kvm01", "kvm02")
    assert "migration_abort" in plain.remedy
    assert "migration_abort" not in split.remedy


def test_a_guest_that_stopped_on_the_way() -> None:
    error = bad_end(GuestLocation(OFF, None), "erp01", "kvm01", "kvm02", cause=None, facts={"runs_on": None})
    assert (error.reason, error.facts) == ("GUEST_STOPPED", {"runs_on": None})
    assert "Nothing was changed" not in str(error)


def test_a_guest_that_stands_still_there() -> None:
    error = bad_end(GuestLocation(None, IO_ERROR), "erp01", "kvm01", "kvm02", cause=None, facts={})
    assert error.reason == "NOT_RUNNING_THERE"
    assert "paused (I/O error) on the destination" in error.state


LOST = "What it had in memory is lost"


@pytest.mark.parametrize(
    ("where", "host", "lost"),
    [
        (GuestLocation(BROKEN_SOURCE, CRASHED, Phase.POSTCOPY_FAILED), "kvm02", True),
        (GuestLocation(BROKEN_SOURCE, OFF, Phase.POSTCOPY_FAILED), "kvm02", False),
        (GuestLocation(BROKEN_SOURCE, None, Phase.POSTCOPY_FAILED), "kvm02", True),
        (GuestLocation(CRASHED, BROKEN_DESTINATION), "kvm01", True),
        (GuestLocation(CRASHED, DomainState(1, 10)), "kvm01", True),
        (GuestLocation(None, DomainState(1, 10)), "kvm01", True),
    ],
)
def test_a_guest_that_has_lost_a_half(where: GuestLocation, host: str, lost: bool) -> None:
    error = bad_end(where, "erp01", "kvm01", "kvm02", cause=None, facts={"runs_on": "kvm02"})
    assert error.reason == "HALF_ENDED"
    assert error.facts["runs_on"] is None
    assert f"on {host}" in error.problem
    assert (LOST in error.problem) is lost
    assert "virsh destroy" in error.remedy
    assert where.state_text() in error.state


def test_what_arrives_from_a_third_host_is_not_called_lost() -> None:
    error = bad_end(GuestLocation(None, ARRIVING), "erp01", "kvm01", "kvm02", cause=None, facts={})
    assert error.reason == "INCOMING"
    assert LOST not in error.problem
