# Copyright (c) 2026, The virtops maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest is moved to a host, whatever is missing for that; its memory is checked after every test."""

from __future__ import annotations

import typing as t

from bench.runs import Ansible, Result, Task, assert_done, assert_refused, task
from bench.subject import LINK_MBIT, Subject

MODULE = "migration"
LINK_MIB_PER_S = LINK_MBIT * 0.114  # what arrives of it


def move(guest: Subject, /, *, check: bool = False, to: str = "", **arguments: t.Any) -> Task:
    """To its other host."""
    there = f"qemu+tcp://{to or guest.destination}/system"
    words = {"name": guest.name, "destination_uri": there, "link_mib_per_s": LINK_MIB_PER_S, **arguments}
    return task(MODULE, check=check, **words)


def actions(result: Result) -> list[str]:
    return [action["action"] for action in result["actions"]]


def test_an_idle_guest(ansible: Ansible, crm01: Subject) -> None:
    source, destination = crm01.source, crm01.destination
    crm01.virsh("autostart")
    foreseen, first, second = ansible.run(source, move(crm01, check=True), move(crm01), move(crm01))
    assert_done(foreseen, True, outcome="moved", runs_on=source)
    assert_done(first, True, outcome="moved", runs_on=destination)
    assert foreseen["diff"] == first["diff"]
    assert first["diff"]["before"] == {"autostart": True, "defined_on": [source], "runs_on": source}
    assert first["diff"]["after"] == {"autostart": True, "defined_on": [destination], "runs_on": destination}
    assert 0 < first["downtime_ms"] <= 500
    assert first["record"]["outcome"] == "completed"
    assert_done(second, False, outcome="already_there", runs_on=destination)
    crm01.has_moved()
    assert crm01.state(crm01.destination) == ""
    information = crm01.virsh("dominfo")
    assert "Autostart:      enable" in information
    assert "Persistent:     yes" in information
    assert "carried" not in crm01.virsh("dumpxml", "--inactive")


def test_a_busy_guest_by_postcopy(ansible: Ansible, erp01: Subject) -> None:
    result = ansible.run(erp01.source, move(erp01, policy_overrides={"postcopy": "if_needed"}))[0]
    assert_done(result, True, outcome="moved", runs_on=erp01.destination)
    assert result["forecast"]["way"] == "postcopy"
    assert "start_postcopy" in actions(result)
    assert result["downtime_ms"] <= 500
    erp01.has_moved()


def test_a_busy_guest_by_downtime(ansible: Ansible, erp01: Subject) -> None:
    allowed = {"max_downtime_ms": 8000, "max_throttle_percent": 0}
    result = ansible.run(erp01.source, move(erp01, policy_overrides=allowed))[0]
    assert_done(result, True, outcome="moved", runs_on=erp01.destination)
    assert result["forecast"]["way"] == "precopy"
    assert 300 < result["downtime_ms"] <= 8000
    erp01.has_moved()
