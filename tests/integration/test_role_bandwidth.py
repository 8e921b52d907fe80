# SPDX-License-Identifier: GPL-3.0-or-later
"""The role bandwidth on real hosts: parts of a link before and during migrations, and back again."""

from __future__ import annotations

import json
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from bench.runs import Ansible, Run, changed_again
from bench.subject import Subject, wait_for

NOTES = "/var/lib/virtops.live_migration/bandwidth.json"
UNLIMITED = "8796093022207"


def role(ansible: Ansible, host: str, entry_point: str, *options: str, twice: bool = False, **variables: t.Any) -> Run:
    given = {f"bandwidth_{key}": value for key, value in variables.items()}
    return ansible.role("bandwidth", host, entry_point, *options, twice=twice, **given)


def notes(guest: Subject) -> dict[str, t.Any]:
    done = guest.lab.execute(guest.source, "cat", NOTES, check=False)
    return t.cast("dict[str, t.Any]", json.loads(done.stdout or "{}"))


def speed(guest: Subject) -> str:
    return guest.virsh("migrate-getspeed")


def on_one_host(erp01: Subject, crm01: Subject) -> str:
    """Both are there; the one has no limit, the other its own."""
    if erp01.source != crm01.source:
        erp01.load(0)
        erp01.arrives(erp01.migrate())
    erp01.virsh("migrate-setspeed", UNLIMITED)
    crm01.virsh("migrate-setspeed", "33")
    return erp01.source


@pytest.mark.fast
def test_before_a_migration_and_back(ansible: Ansible, erp01: Subject, crm01: Subject) -> None:
    host = on_one_host(erp01, crm01)
    before = role(ansible, host, "main", "--check", link_mib_per_s=40, streams=2)
    assert before.code == 0, before.output
    assert {"Set | Give each its part", "Notes | Write them"} <= {name.split(" : ")[-1] for name in before.changed}
    assert (speed(erp01), speed(crm01), notes(erp01)) == (UNLIMITED, "33", {})

    first = role(ansible, host, "main", link_mib_per_s=40, streams=2, twice=True)
    assert (first.code, changed_again(first)) == (0, []), first.output
    assert (speed(erp01), speed(crm01)) == ("20", "20")
    noted = {one["name"]: (one["former_mib_per_s"], one["set_mib_per_s"]) for one in notes(erp01).values()}
    assert noted == {"erp01": (0, 20), "crm01": (33, 20)}
    back = role(ansible, host, "restore", twice=True)
    assert (back.code, changed_again(back)) == (0, []), back.output
    assert (speed(erp01), speed(crm01), notes(erp01)) == (UNLIMITED, "33", {})


def test_another_part_and_what_somebody_else_sets(ansible: Ansible, erp01: Subject, crm01: Subject) -> None:
    """Another part keeps what was noted first; what somebody has set meanwhile stays."""
    host = on_one_host(erp01, crm01)
    assert role(ansible, host, "main", link_mib_per_s=40, streams=2).code == 0
    unknown = role(ansible, host, "main", link_mib_per_s=40, guests=["crm01", "nobody"])
    assert (unknown.code, speed(crm01)) == (2, "20")
    assert "these guests: nobody" in unknown.failure
    assert role(ansible, host, "main", link_mib_per_s=40, guests=["crm01"]).code == 0
    assert (speed(erp01), speed(crm01)) == ("20", "40")
    assert notes(crm01)[crm01.uuid] == {"name": "crm01", "former_mib_per_s": 33, "set_mib_per_s": 40}
    erp01.virsh("migrate-setspeed", "7")
    back = role(ansible, host, "restore")
    assert back.code == 0, back.output
    assert (speed(erp01), speed(crm01), notes(erp01)) == ("7", "33", {})
    assert "Somebody else has changed it" in back.output


@pytest.mark.wide
def test_a_measured_guest_gets_what_it_needs(ansible: Ansible, erp01: Subject) -> None:
    run = role(
        ansible,
        erp01.source,
        "main",
        link_mib_per_s=4000,
        streams=400,
        guests=["erp01"],
        measure=True,
        policy_overrides={"max_throttle_percent": 0},
    )
    assert run.code == 0, run.output
    assert 10 < int(speed(erp01)) < 4000
    erp01.lab.execute(erp01.source, "rm", NOTES)


def test_shared_while_they_run(ansible: Ansible, erp01: Subject, crm01: Subject) -> None:
    if erp01.source != crm01.source:
        crm01.arrives(crm01.migrate())
    crm01.load(20_000)
    host = erp01.source
    first, second = erp01.migrate("--bandwidth", "6"), crm01.migrate("--bandwidth", "3")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(role, ansible, host, "resize", link_mib_per_s=20, observe_s=3, watch_s=120)
        wait_for(lambda: (speed(erp01), speed(crm01)) == ("10", "10"), "equal parts")
        crm01.load(0)
        crm01.arrives(second)
        # What its neighbour leaves is its own.
        wait_for(lambda: speed(erp01) == "20", "all of the link")
        assert first.exit_code() is None
        assert set(notes(erp01)) == {erp01.uuid, crm01.uuid}
        erp01.load(0)
        erp01.virsh("migrate-setmaxdowntime", "8000")
        erp01.arrives(first)
        run = running.result()
    assert run.code == 0, run.output
    assert role(ansible, host, "restore").code == 0
    assert erp01.lab.execute(host, "test", "-e", NOTES, check=False).returncode == 1
