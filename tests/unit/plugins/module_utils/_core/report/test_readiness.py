# SPDX-License-Identifier: GPL-3.0-or-later
"""The readiness of a fleet: worst first, and the least that would help."""

from __future__ import annotations

import re

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.page import page
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.readiness import (
    Check,
    Guest,
    Host,
    Nearest,
    changes,
    guests_of,
    section,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pages import made
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import readiness


def test_readiness_is_worst_first() -> None:
    hosts = readiness(40)
    report = report_of({"readiness": hosts})
    body = page(report).partition("</style>")[2]
    rows = re.findall(r'<tr><th scope="row"><bdi>(guest-\d+)</bdi>', body)
    guests = {one["name"]: one for host in hosts for one in host["guests"]}
    reach = [len(guests[name]["can_go_to"]) for name in rows]
    assert len(rows) == 40
    assert reach == sorted(reach)
    assert reach[0] == 0
    assert "The smallest changes that help" in body
    assert any("more could with" in line for line in report.lines)


def test_hosts_that_are_too_many_for_columns() -> None:
    body = made(readiness=readiness(50, 50)).partition("</style>")[2]
    assert "49 hosts" not in body
    assert "50 hosts are too many for a column each." in body


def nowhere(name: str, destination: str, *checks: str) -> Guest:
    nearest = Nearest(destination, [Check(one, f"{one} is wrong.", f"Mend {one}.") for one in checks])
    return Guest(name, "kvm01", [], {destination: "1 check failed"}, nearest=nearest)


ALL = [
    nowhere("a", "kvm02", "cpu"),
    nowhere("b", "kvm02", "disks", "cpu"),
    nowhere("c", "kvm02", "cpu", "disks"),
    nowhere("d", "kvm03", "cpu"),
    Guest("e", "kvm01", ["kvm02"], {"kvm03": "no"}, ["clock"]),
    Guest("f", "kvm01", ["kvm02", "kvm03"]),
]


def test_changes_that_let_the_most_guests_go_come_first_and_of_equals_the_smaller_one() -> None:
    assert [(one.destination, one.checks, [guest.name for guest in one.guests]) for one in changes(ALL)] == [
        ("kvm02", ("cpu", "disks"), ["b", "c"]),
        ("kvm02", ("cpu",), ["a"]),
        ("kvm03", ("cpu",), ["d"]),
    ]


def test_nobody_who_can_go_somewhere_needs_a_change() -> None:
    assert changes([Guest("e", "kvm01", ["kvm02"], nearest=Nearest("kvm03", [Check("cpu")]))]) == []


def test_order() -> None:
    """Of those that can go nowhere, the one that lacks the most is first."""
    assert [one.name for one in guests_of([Host("kvm01", list(reversed(ALL)))])] == ["b", "c", "a", "d", "e", "f"]


@pytest.mark.parametrize(
    ("guest", "status"),
    [(ALL[0], ("nowhere", "bad")), (ALL[4], ("some hosts", "wary")), (ALL[5], ("all hosts", "ok"))],
)
def test_status(guest: Guest, status: tuple[str, str]) -> None:
    assert guest.status == status


def test_cells() -> None:
    text = section([Host("kvm01", ALL, ["kvm02", "kvm03"])], "r")
    rows = dict(re.findall(r'<tr><th scope="row"><bdi>(.)</bdi></th>(.*?)</tr>', text))
    assert 'title="kvm02: 1 check failed">✗</td><td class="none">-</td>' in rows["a"]
    assert 'title="with warnings: clock">!</td>' in rows["e"]
    assert 'title="kvm03: no">✗</td>' in rows["e"]
    assert '<td class="go">✓</td><td class="go">✓</td>' in rows["f"]
    assert "to <bdi>kvm02</bdi>: disks: Mend disks.; cpu: Mend cpu." in rows["b"]
    assert re.findall(r"<strong>(.)</strong>", text) == ["6", "1", "1", "4"]


def test_of_many_guests_that_a_change_helps_five_are_named() -> None:
    text = section([Host("kvm01", [nowhere(f"g{number}", "kvm02", "cpu") for number in range(7)])], "r")
    assert "<bdi>g4</bdi> and 2 more" in text


def test_no_guests_at_all() -> None:
    assert "No guests." in section([Host("kvm01", [])], "r")
