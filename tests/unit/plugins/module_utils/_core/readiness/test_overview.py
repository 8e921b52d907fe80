# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.overview import (
    overview,
    overview_lines,
)


def entry(destination: str, fails: int, warns: int = 0, name: str = "erp01") -> dict[str, t.Any]:
    checks = [{"id": f"f{n}", "status": "fail", "summary": "It fails.", "remedy": "Mend it."} for n in range(fails)]
    checks += [{"id": f"w{n}", "status": "warn", "summary": "", "remedy": ""} for n in range(warns)]
    return {
        "name": name,
        "uuid": name,
        "destination": destination,
        "ready": fails == 0,
        "checks": checks,
        "counts": {"fail": fails, "warn": warns},
        "summary": f"to {destination}",
    }


def test_one_row_for_each_guest() -> None:
    entries = [entry("kvm02", 0, 1), entry("kvm03", 2), entry("kvm02", 2, name="crm01"), entry("kvm03", 1, 3, "crm01")]
    can, cannot = overview(entries, "kvm01")
    assert (can["name"], can["host"], can["can_go_to"], can["nearest"]) == ("erp01", "kvm01", ["kvm02"], None)
    assert (can["cannot_go_to"], can["warnings"]) == ({"kvm03": "to kvm03"}, ["w0"])
    assert (cannot["can_go_to"], cannot["nearest"]["destination"]) == ([], "kvm03")  # with the fewest failures
    assert [one["id"] for one in cannot["nearest"]["checks"]] == ["f0"]


def test_in_lines() -> None:
    lines = overview_lines(overview([entry("kvm02", 1), entry("kvm02", 0, name="crm01")], "kvm01"))
    assert lines[0].split()[:2] == ["guest", "on"]
    assert "nowhere" in lines[1]
    assert lines[-2:] == ["erp01, to go to kvm02:", "  f0: It fails. Mend it."]
    assert overview_lines([]) == ["No guests."]


def test_what_is_neither() -> None:
    with pytest.raises(MigrationError) as caught:
        overview([{}], "kvm01")
    assert caught.value.reason == "NOT_READINESS"
    with pytest.raises(MigrationError) as caught:
        overview_lines([{}])
    assert caught.value.reason == "NOT_AN_OVERVIEW"
