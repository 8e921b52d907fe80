# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.readiness_overview import readiness_overview
from ansible_collections.virtops.live_migration.plugins.filter.readiness_table import readiness_table


def entry(guest: str, destination: str, *checks: tuple[str, str]) -> dict[str, t.Any]:
    counts = {status: sum(1 for _id, found in checks if found == status) for status in ("pass", "warn", "fail", "skip")}
    return {
        "name": guest,
        "uuid": f"uuid of {guest}",
        "destination": destination,
        "ready": counts["fail"] == 0,
        "checks": [
            {"id": i, "status": s, "summary": f"{i}.", "evidence": {}, "remedy": f"Mend {i}."} for i, s in checks
        ],
        "counts": counts,
        "summary": f"{guest} to {destination}",
    }


ENTRIES = [
    entry("erp01", "kvm02", ("disks_reachable", "fail"), ("machine_type", "fail")),
    entry("erp01", "kvm03", ("machine_type", "fail"), ("clock", "warn")),
    entry("crm01", "kvm02", ("clock", "warn")),
    entry("crm01", "kvm03", ("networks", "fail")),
]


def test_one_row_for_each_guest() -> None:
    erp01, crm01 = readiness_overview(ENTRIES, "kvm01")
    assert (erp01["name"], erp01["host"], erp01["can_go_to"]) == ("erp01", "kvm01", [])
    assert erp01["cannot_go_to"] == {"kvm02": "erp01 to kvm02", "kvm03": "erp01 to kvm03"}
    assert (crm01["can_go_to"], list(crm01["cannot_go_to"]), crm01["warnings"]) == (["kvm02"], ["kvm03"], ["clock"])
    assert crm01["nearest"] is None


def test_the_least_that_lets_a_guest_go() -> None:
    nearest = readiness_overview(ENTRIES, "kvm01")[0]["nearest"]
    assert nearest["destination"] == "kvm03"
    assert nearest["checks"] == [{"id": "machine_type", "summary": "machine_type.", "remedy": "Mend machine_type."}]


def test_the_table() -> None:
    assert readiness_table(readiness_overview(ENTRIES, "kvm01")) == [
        "guest  on     can go to  to be done first",
        "erp01  kvm01  nowhere    machine_type",
        "crm01  kvm01  kvm02      -",
        "",
        "erp01, to go to kvm03:",
        "  machine_type: machine_type. Mend machine_type.",
    ]
    assert readiness_table([]) == ["No guests."]


def test_a_name_breaks_no_line() -> None:
    rows = readiness_overview([entry("-e\nrp", "kvm02", ("networks", "fail"))], "kvm01")
    assert all("\n" not in line for line in readiness_table(rows))
    assert rows[0]["name"] == "-e\nrp"


@pytest.mark.parametrize("wrong", [None, "text", [1], [{"name": "erp01"}]])
def test_something_else_is_refused(wrong: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"readiness_overview: .*migration_readiness_info"):
        readiness_overview(wrong, "kvm01")
    with pytest.raises(AnsibleFilterError, match=r"readiness_table: .*readiness_overview"):
        readiness_table(wrong)
