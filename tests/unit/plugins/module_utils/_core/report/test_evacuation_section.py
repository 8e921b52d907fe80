# SPDX-License-Identifier: GPL-3.0-or-later
"""The section of an evacuation: where each guest is, and why something did not move."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.evacuation import (
    evacuation_of,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.evacuation_section import section
from ansible_collections.virtops.live_migration.tests.unit.plugins.pages import made, within
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import evacuation


def test_an_evacuation() -> None:
    text = made(evacuations=[evacuation(80)])
    body = text.partition("</style>")[2]
    assert body.count("<tr") > 80
    assert "78 of 80" in body
    assert "What did not move, and why" in body
    assert body.count("<code>NO_WAY</code>") == 2
    assert "kvm01</bdi> → <bdi>kvm02</bdi>: 40 guests" in body
    assert within(body, "s-measured") == 81  # each guest, and the legend
    assert "dotted: what a link carries" in body
    assert "When it would end, as it was told" in body
    plain = made(evacuations=[{"guests": [{"name": "erp01", "outcome": "moved"}]}])
    assert "Load of each link" not in plain


def shown(**run: t.Any) -> str:
    return section(evacuation_of({"guests": [], **run}), "e")


@pytest.mark.parametrize(
    ("outcome", "class_", "good"),
    [("moved", "ok", True), ("already_off", "ok", True), ("left", "wary", False), ("failed", "bad", False)],
)
def test_outcomes(outcome: str, class_: str, good: bool) -> None:
    run = {"guests": [{"name": "erp01", "outcome": outcome}]}
    assert evacuation_of(run).guests[0].good is good
    assert f'<span class="pill {class_}">{outcome.replace("_", " ")}</span>' in shown(**run)


def test_the_course_of_a_guest() -> None:
    stages = [[0, "waiting", "b"], [10, "preparing", "b"], [20, "sending", "b"], [70, "sent", "b"], [80, "done", "b"]]
    text = shown(elapsed_s=100.0, guests=[{"name": "erp01", "outcome": "moved", "stages": stages}])
    sent, verified = "sent to b for 50.0 s, from 20.0 s on", "verified for 10.0 s, from 1 min 10 s on"
    assert f"<title>measured for 10.0 s, from 10.0 s on; {sent}; {verified}</title>" in text
    # A hundred seconds are 400 wide.
    for x, width, class_ in ((40, 40, "s-measured"), (80, 200, "s-sent"), (280, 40, "s-verified")):
        assert f'<rect x="{x}" y="1" width="{width}" height="10" class="{class_}"/>' in text
    assert "no course is known" in shown(guests=[{"name": "erp01", "outcome": "moved"}])


def test_what_moved_where() -> None:
    guests = [
        {"name": "erp01", "outcome": "moved", "runs_on": "kvm03", "sent_bytes": 1 << 20},
        {"name": "crm01", "outcome": "moved", "runs_on": "kvm02", "sent_bytes": 1 << 20},
        {"name": "web01", "outcome": "moved", "source": "kvm09", "destination": "kvm02"},
        {"name": "off01", "outcome": "shut_down", "strategy": "shutdown", "runs_on": "kvm01"},
        {"name": "db01", "outcome": "moved", "runs_on": "kvm02", "sent_bytes": 2 << 20},
    ]
    items = shown(host="kvm01", guests=guests).partition("What moved where</h3>")[2].partition("</ul>")[0].split("<li>")
    assert [one.replace("<bdi>", "").replace("</bdi>", "").removesuffix("</li>") for one in items[1:]] == [
        "kvm01 → kvm02: 2 guests, 3.0 MiB", "kvm01 → kvm03: 1 guest, 1.0 MiB", "kvm09 → kvm02: 1 guest, 0 B",
    ]  # fmt: skip
