# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.remedies import (
    Remedies,
    Remedy,
    guest_word,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.observation import Observation
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    sample_from_stats,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import MIB, MIGRATING

UUID = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"
LOOK = sample_from_stats(MIGRATING, name="erp01", uuid=UUID)


def remedies(
    sample: JobSample = LOOK, policy: Policy | None = None, flag: bool | None = None, link: int | None = None
) -> Remedies:
    return Remedies(Observation([sample]), policy or Policy(), flag, link)


def all_of(can: Remedies) -> list[Remedy]:
    return [
        can.bandwidth(),
        can.downtime(),
        can.postcopy(),
        can.suspend(),
        can.quiesce(),
        can.network(),
        can.wait("Wait."),
        can.recover(),
        can.abort(),
    ]


# name, its word on a command line
NAMES = [
    ("erp01", "erp01"),
    ("web server", "'web server'"),
    ("it's", "'it'\"'\"'s'"),
    ('"quoted"', "'\"quoted\"'"),
    ("a;reboot", "'a;reboot'"),
    ("$(reboot)", "'$(reboot)'"),
    ("`reboot`", "'`reboot`'"),
    ("a&b|c>d", "'a&b|c>d'"),
    ("Gäste-Häuser", "'Gäste-Häuser'"),
    ("ゲスト", "'ゲスト'"),
    ("--help", UUID),
    ("-1", UUID),
    ("two\nlines", UUID),
    ("tab\there", UUID),
    ("escape\x1b[2J", UUID),
    ("", UUID),
    ("{guest}", "'{guest}'"),
]


@pytest.mark.parametrize(("name", "word"), NAMES)
def test_guest_on_a_command_line(name: str, word: str) -> None:
    assert guest_word(name, UUID) == word
    for remedy in all_of(remedies(replace(LOOK, name=name))):
        if remedy.command:
            words = shlex.split(remedy.command)
            assert words[0] == "virsh"
            assert name in words or UUID in words
            assert "\n" not in remedy.command


def test_guest_without_a_uuid() -> None:
    assert guest_word("", "") == "GUEST"


@given(name=st.text())
def test_every_name_is_one_word_and_no_option(name: str) -> None:
    (word,) = shlex.split(guest_word(name, UUID))
    assert word in (name, UUID)
    assert not word.startswith("-")


@given(name=st.text(min_size=1))
@example("-x")
@example("--")
def test_no_name_without_a_uuid_becomes_an_option(name: str) -> None:
    (word,) = shlex.split(guest_word(name, ""))
    assert word == (f"--domain={name}" if name.startswith("-") else name)


def test_every_remedy_says_what_it_does_and_risks() -> None:
    for remedy in all_of(remedies()):
        assert remedy.expected
        assert remedy.risk
        assert list(remedy.document()) == ["action", "command", "module", "expected", "risk", "allowed"]


def test_commands_of_virsh() -> None:
    assert [remedy.command for remedy in all_of(remedies()) if remedy.command] == [
        "virsh migrate-setspeed erp01 0",
        "virsh migrate-setmaxdowntime erp01 3000",
        "virsh migrate-postcopy erp01",
        "virsh suspend erp01",
        "virsh domjobinfo erp01",
        "virsh migrate --live --p2p --postcopy --postcopy-resume erp01 DESTINATION_URI",
        "virsh domjobabort erp01",
    ]


@pytest.mark.parametrize(("allowed_ms", "allowed"), [(1000, False), (2999, False), (3000, True), (8000, True)])
def test_downtime_is_allowed_by_the_policy(allowed_ms: int, allowed: bool) -> None:
    assert remedies(policy=Policy(max_downtime_ms=allowed_ms)).downtime().allowed is allowed


def test_downtime_that_qemu_would_refuse_is_not_allowed() -> None:
    slow = replace(LOOK, bandwidth_bytes_per_s=1024, expected_downtime_ms=None)
    assert remedies(slow, Policy(max_downtime_ms=2_000_000)).downtime().allowed is False


def test_downtime_that_is_not_known_is_not_allowed() -> None:
    remedy = remedies(replace(LOOK, bandwidth_bytes_per_s=0)).downtime()
    assert (remedy.allowed, remedy.command) == (False, "virsh migrate-setmaxdowntime erp01 MS")


@pytest.mark.parametrize(
    ("policy", "flag", "allowed"),
    [
        ("never", True, False),
        ("never", None, False),
        ("if_needed", False, False),
        ("if_needed", None, True),
        ("if_needed", True, True),
        ("prefer", True, True),
        ("prefer", False, False),
    ],
)
def test_postcopy_is_allowed_by_policy_and_job(policy: str, flag: bool | None, allowed: bool) -> None:
    remedy = remedies(policy=Policy(postcopy=policy), flag=flag).postcopy()
    assert remedy.allowed is allowed
    assert ("Not possible in this job" in remedy.expected) is (flag is False)
    assert ("Only if" in remedy.expected) is (flag is None)
    assert "cannot be undone" in remedy.risk


@pytest.mark.parametrize(("pause_s", "allowed"), [(0, False), (4.5, False), (4.56, True), (60, True)])
def test_suspend_is_allowed_by_the_policy(pause_s: float, allowed: bool) -> None:
    assert remedies(policy=Policy(max_pause_s=pause_s)).suspend().allowed is allowed


def test_suspend_of_unknown_length_is_not_allowed() -> None:
    unknown = replace(LOOK, bandwidth_bytes_per_s=0)
    assert remedies(unknown, Policy(max_pause_s=9999)).suspend().allowed is False


def test_bandwidth_says_what_would_be_needed() -> None:
    limited = replace(LOOK, limits=Limits(500, 100))
    expected = remedies(limited, link=125 * MIB).bandwidth().expected
    assert expected == (
        "Lifts the limit of 100 MiB/s, up to about 125.0 MiB/s; 512.0 MiB/s would be needed to fit the downtime limit"
        " without any other change."
    )
    assert remedies().bandwidth().expected == "Sends as fast as the link carries."


def test_numbers_are_told() -> None:
    can = remedies()
    assert "2.6 s" in can.downtime().expected
    assert "4.6 s" in can.suspend().expected
    assert "100.0 MiB/s" in can.quiesce().expected
    assert "200.0 MiB" in can.recover().expected
    assert "5.0 GiB" in can.abort().expected
