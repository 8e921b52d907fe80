# SPDX-License-Identifier: GPL-3.0-or-later
"""A host is emptied and its guests come home, with three hosts of their own; checked from inside the guests."""

from __future__ import annotations

import json
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from bench.house import BUSY, FACT, LINK_MIB_PER_S, QUIET, House, rows, three_hosts
from bench.runs import Task, assert_done, changed_again
from bench.subject import LINK_MBIT, wait_for

_SLOW_MBIT = 20
PLAN = {"crm01": "kvm02", "busy one": "kvm03", "-dns 'a'": "kvm02", "web01": "kvm03"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[House]:
    guests = {name: BUSY if name == "busy one" else QUIET for name in PLAN}
    yield from three_hosts(tmp_path_factory.mktemp("evacuation"), guests)


def away(house: House, *names: str) -> None:
    """These are where the plan has them, with a mark, and all others at home: as the tests before leave it.

    Where one of them has failed, or did not run, it is made so.
    """
    plan = {name: PLAN[name] for name in names}
    if house.where() == {**dict.fromkeys(PLAN, "kvm01"), **plan}:
        return
    house.gather()
    if plan:
        assert_done(house.ansible.run("kvm01", only(house, plan))[0], True)


def only(house: House, plan: t.Mapping[str, str], /, **arguments: t.Any) -> Task:
    """These leave, and all others stay."""
    wanted = house.evacuation(plan, **arguments)
    stay = [{"uuid": uuid, "strategy": "leave"} for name, uuid in house.uuids.items() if name not in plan]
    wanted["virtops.live_migration.evacuation"]["guests"] += stay
    return wanted


def test_a_host_is_emptied_and_its_guests_come_home(house: House) -> None:
    away(house)
    tasks = [house.evacuation(PLAN, check=True), house.evacuation(PLAN), house.evacuation(PLAN)]
    foreseen, first, second = house.ansible.run("kvm01", *tasks)
    assert_done(foreseen, True)
    assert foreseen["diff"]["after"] == {"running_here": []}
    assert_done(first, True, empty=True, stopped="")
    assert first["diff"]["before"]["running_here"] == sorted(PLAN)
    for name, row in rows(first).items():
        assert (row["outcome"], row["runs_on"]) == ("moved", PLAN[name]), row
        assert row["remedies"] == (["start_postcopy"] if name == "busy one" else []), row
        assert row["downtime_ms"] > 0
        assert row["sent_bytes"] > 0
    assert_done(second, False, empty=True)
    assert {row["outcome"] for row in second["guests"]} == {"already_there"}
    assert house.where() == PLAN
    assert house.homes("kvm02") == {"-dns 'a'": "kvm01", "crm01": "kvm01"}
    house.unharmed()


def test_killed_in_the_middle_and_run_again(house: House) -> None:
    """After the first test everybody is away from home: the way back is the one that is interrupted."""
    away(house, *PLAN)
    back = {name: "kvm01" for name, there in house.where().items() if there == "kvm02"}
    assert len(back) == 2
    slow = {"purpose": "return", "measure": False, "bandwidth_mib_per_s": 1, "slots": {"per_source": 1, "ahead": 0}}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.ansible.run, "kvm02", house.evacuation(back, **slow))
        moving = wait_for(lambda: house.moving("kvm02"), "a transfer")
        assert house.kill_module("kvm02") > 0
        killed = running.result()[0]
    assert killed["failed"], killed
    assert house.moving("kvm02") == moving, "libvirt goes on without it"
    # The limit of what is adopted is raised, since it is what holds it back.
    again = house.evacuation(back, purpose="return", measure=False, bandwidth_mib_per_s=1000)
    first, second = house.ansible.run("kvm02", again, again)
    assert_done(first, True)
    assert {row["name"]: row["outcome"] for row in first["guests"]} == {
        name: "adopted" if name in moving else "moved" for name in back
    }
    assert_done(second, False)
    assert house.homes("kvm02") == {}
    assert house.homes("kvm01") == {}
    house.unharmed()


def test_who_waits_for_its_turn_is_measured_meanwhile(house: House) -> None:
    """And is then split within its first pass, as nothing else moves it. The guest before it is held up until then."""
    away(house)
    order = {"crm01": "kvm02", "busy one": "kvm03"}
    wanted = only(house, order, slots={"per_source": 1, "ahead": 1})
    house.lab.link_set("kvm01", mbit=_SLOW_MBIT)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.ansible.run, "kvm01", wanted)
        try:
            wait_for(lambda: measured_for_longer(house, "busy one") or running.done(), "the measurement to end")
        finally:
            house.lab.link_set("kvm01", mbit=LINK_MBIT)
        (result,) = running.result()
    assert_done(result, True)
    (busy,) = [one for one in result["record"]["guests"] if one["name"] == "busy one"]
    assert [reason for _at_ms, _action, reason, _because in busy["decisions"]] == ["POSTCOPY_PLANNED"]
    assert busy["expected"]["way"] == "postcopy"
    house.unharmed()


def measured_for_longer(house: House, name: str) -> bool:
    """Whether QEMU has a result of more than the first second."""
    stats = house.lab.virsh("kvm01", "domstats", "--dirtyrate", house.uuids[name], check=False).stdout
    return "calc_status=2" in stats and "calc_period=1\n" not in stats


@pytest.mark.fast
def test_emptied_and_home_by_the_playbook(house: House) -> None:
    """Those that are at home leave, the host is seen to be cordoned, and all come home, from both hosts."""
    away(house, *(name for name, host in PLAN.items() if host == "kvm03"))
    seen = house.where()
    assert set(seen.values()) == {"kvm01", "kvm03"}
    between = house.ansible.directory / "between.yml"
    between.write_text(json.dumps([{"name": "Cordoned?", "ansible.builtin.command": f"cat {FACT}"}]), encoding="utf-8")
    run = house.ansible.playbook(
        "virtops.live_migration.evacuate",
        live_migration_hosts="kvm01",
        live_migration_destination_uri="qemu+tcp://{host}/system",
        live_migration_link_mib_per_s=LINK_MIB_PER_S,
        live_migration_postcopy="if_needed",
        live_migration_between=str(between),
        live_migration_return=True,
    )
    assert run.code == 0, run.output
    (shown,) = [record["result"]["stdout"] for record in run.tasks if record["task"] == "Cordoned?"]
    assert json.loads(shown) == {"cordoned": True}
    gone = run.stats["live_migration_evacuate"]["kvm01"]
    assert {row["name"]: row["outcome"] for row in gone} == {name: "moved" for name in PLAN if seen[name] == "kvm01"}
    assert "2 of 2 guests done" in run.output
    assert house.where() == dict.fromkeys(PLAN, "kvm01")
    assert house.homes("kvm01") == {}
    assert house.lab.execute("kvm01", "test", "-e", FACT, check=False).returncode != 0
    house.unharmed()


def test_a_second_run_of_the_roles_changes_nothing(house: House) -> None:
    away(house)
    ansible, uri = house.ansible, "qemu+tcp://{host}/system"
    home = {"destination_uri": uri, "link_mib_per_s": LINK_MIB_PER_S}
    others = ["kvm02", "kvm03"]
    gone_by = {**home, "destinations": others, "policy_overrides": {"postcopy": "if_needed"}}
    gone = ansible.role(
        "evacuate_host", "kvm01", twice=True, **{f"evacuate_host_{key}": value for key, value in gone_by.items()}
    )
    assert (gone.code, changed_again(gone)) == (0, []), gone.output
    assert "Move the guests away" in "".join(gone.changed)
    assert "kvm01" not in house.where().values()
    asked = {**home, "hosts": others, "policy_overrides": {"postcopy": "if_needed"}}
    back = ansible.role(
        "return_home", "kvm01", twice=True, **{f"return_home_{key}": value for key, value in asked.items()}
    )
    assert (back.code, changed_again(back)) == (0, []), back.output
    assert house.where() == dict.fromkeys(PLAN, "kvm01")
    assert house.lab.execute("kvm01", "test", "-e", FACT, check=False).returncode != 0
    house.unharmed()
