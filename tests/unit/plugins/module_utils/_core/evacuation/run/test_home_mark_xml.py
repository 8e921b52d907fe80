# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.home_mark_xml import (
    HomeMark,
    mark_to_write,
    parse_home,
    read_mark,
    started_again,
)

KVM01 = HomeMark("kvm01", "uuid-1", "2026-11-25T15:00:00Z", "migrate", "kvm02")


@pytest.mark.parametrize("host", ["kvm01", "a \"quoted\" <name> & 'more'", "höst"])
def test_what_is_written_is_read(host: str) -> None:
    home = replace(KVM01, host=host)
    assert parse_home(home.xml()) == home


def test_as_libvirt_gives_it_back() -> None:
    text = '<home xmlns="https://example.org/home" host="kvm01" host_uuid="uuid-1" since="now" strategy="shutdown"/>'
    assert parse_home(text) == HomeMark("kvm01", "uuid-1", "now", "shutdown", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<home",
        "<other host_uuid='1'/>",
        "<home host='kvm01'/>",
        "<home host_uuid='\ud800'/>",
        "\0",
        None,
        7,
    ],
)
def test_what_is_no_mark(text: object) -> None:
    assert parse_home(text) is None


def test_a_visitor_that_moves_on_keeps_its_home() -> None:
    assert mark_to_write(KVM01, HomeMark("kvm02", "uuid-2", "later")) is None


OFF_AWAY = replace(KVM01, strategy="shutdown", shut_down_on="kvm02", shut_down_on_uuid="uuid-2")


def test_a_visitor_that_is_shut_down_keeps_its_home_and_says_where() -> None:
    written = mark_to_write(KVM01, HomeMark("kvm02", "uuid-2", "later", "shutdown"))
    assert written == OFF_AWAY
    assert (written.off_at, KVM01.off_at) == ("uuid-2", "")
    assert mark_to_write(OFF_AWAY, HomeMark("kvm02", "uuid-2", "later still", "shutdown")) is None
    assert started_again(OFF_AWAY) == KVM01


def test_one_that_runs_again_and_moves_on_is_not_to_be_started_any_more() -> None:
    assert mark_to_write(OFF_AWAY, HomeMark("kvm02", "uuid-2", "later", "migrate", "kvm03")) == KVM01


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('copy_storage="bogus"', "copy_storage is 'bogus'"),
        ('strategy="start"', "strategy is 'start'"),
        ('guest_uuid="erp01"', "guest_uuid is 'erp01'"),
        (f'host="{"x" * 256}"', "host is longer"),
        (f'strategy="shutdown" shut_down_on="{"x" * 256}"', "shut_down_on is longer"),
    ],
)
def test_what_cannot_be_understood_is_a_problem_of_that_guest(said: str, told: str) -> None:
    found = read_mark(f'<home host_uuid="uuid-1" {said}/>')
    assert found is not None
    assert told in found.problem
    assert found.home.copy_storage == "none"
    assert found.home.strategy in ("migrate", "shutdown")


OWN, OTHER = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11", "2f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c22"


@pytest.mark.parametrize(
    ("marked", "carrier", "of_another"),
    [(OWN, OWN, False), (OWN.upper(), OWN, False), (OWN, OTHER, True), ("", OTHER, False), (OWN, "", False)],
)
def test_whose_mark_it_is(marked: str, carrier: str, of_another: bool) -> None:
    """An old mark names no guest: it is taken for the guest's own where it is moved, and starts none."""
    found = read_mark(replace(KVM01, guest_uuid=marked).xml(), carrier)
    assert found is not None
    assert (found.of_another, found.problem) == (of_another, "")


def test_a_mark_is_written_once() -> None:
    assert mark_to_write(None, KVM01) is KVM01
    assert mark_to_write(KVM01, replace(KVM01, since="later")) is None
    elsewhere = replace(KVM01, destination="kvm03")
    assert mark_to_write(KVM01, elsewhere) is elsewhere
