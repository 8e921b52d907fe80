# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each guest runs, by what several hosts tell."""

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.running_guests import RunningGuests


def arriving() -> RunningGuests:
    guests = RunningGuests()
    guests.note("a", "U", active=True, running=True)
    guests.note("b", "U", active=True, running=False)
    return guests


def test_a_guest_that_arrives_runs_on_one_host() -> None:
    guests = arriving()
    assert guests.hosts_of("U") == ["a"]
    assert guests.other_host("U", "a") == "b"
    assert guests.alarm("U") is None


def test_it_changes_hosts() -> None:
    guests = arriving()
    assert not guests.note("a", "U", active=True, running=False)
    assert not guests.note("b", "U", active=True, running=True)
    assert not guests.note("a", "U", active=False, running=False)
    assert guests.hosts_of("U") == ["b"]


def test_it_runs_twice() -> None:
    guests = arriving()
    assert guests.note("b", "U", active=True, running=True)
    assert guests.alarm("U") == ["a", "b"]
    assert guests.alarm("U") is None, "told once"
    assert not guests.note("a", "U", active=False, running=False)
    assert guests.note("a", "U", active=True, running=True)
    assert guests.alarm("U") == ["a", "b"], "and when it happens again"


def test_where_it_is_awaited_is_not_known_of_two() -> None:
    guests = arriving()
    guests.note("c", "U", active=True, running=False)
    assert guests.other_host("U", "a") is None


def test_a_host_that_is_not_heard_says_nothing() -> None:
    guests = arriving()
    guests.note("b", "U", active=True, running=True)
    guests.forget("b")
    assert guests.alarm("U") is None
    assert guests.other_host("U", "a") is None
