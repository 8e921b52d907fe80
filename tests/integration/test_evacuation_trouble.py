# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong while a host is emptied, and what a user asks for beside moving; checked from inside the guests."""

from __future__ import annotations

import json
import time
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from bench.house import FACT, HOME, LINK_MIB_PER_S, QUIET, WITH_A_DISK, House, rows, three_hosts
from bench.runs import Result, Task, assert_done, assert_refused
from bench.subject import LINK_MBIT, wait_for

pytestmark = pytest.mark.wide

# One after the other, and each slow enough to be caught on its way.
SLOW = {"measure": False, "bandwidth_mib_per_s": 6, "slots": {"per_source": 1, "ahead": 0}}
QUICK = {"measure": False, "bandwidth_mib_per_s": 0}
FILE = "/run/cancel-evacuation"
PLAN = {"crm01": "kvm02", "mail01": "kvm03", "-dns 'a'": "kvm02", "web01": "kvm03"}
TWO = {"crm01": "kvm02", "web01": "kvm02"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[House]:
    yield from three_hosts(tmp_path_factory.mktemp("evacuation"), dict.fromkeys(PLAN, QUIET))


@pytest.fixture(autouse=True)
def at_home(home: House) -> t.Iterator[None]:
    yield
    home.gather()
    home.unharmed()


def meanwhile(home: House, task: Task, then: t.Callable[[list[str]], t.Any], host: str = HOME) -> Result:
    """The result of the task, during which something happens when the first guest is on its way."""
    with ThreadPoolExecutor(1) as pool:
        running: Future[list[Result]] = pool.submit(home.ansible.run, host, task)
        then(wait_for(lambda: running.done() or home.moving(host), "a transfer"))
        return running.result()[0]


def outcomes(result: Result) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in result.get("guests", [])}


@pytest.mark.parametrize("how", ["file", "signal"])
@pytest.mark.parametrize("then", ["abort", "finish"])
def test_cancelled(home: House, how: str, then: str) -> None:
    """Nothing is half-moved: what was on its way is aborted or has arrived, the others have not begun."""

    def cancel(_moving: list[str]) -> None:
        if how == "signal":
            assert home.terminate_module(HOME) > 0
        else:
            home.lab.execute(HOME, "touch", FILE)

    wanted = home.evacuation(TWO, **SLOW, on_cancel=then, cancel_file=FILE)
    try:
        result = meanwhile(home, wanted, cancel)
    finally:
        home.lab.execute(HOME, "rm", "-f", FILE)
    assert_refused(result, "CANCELLED")
    assert outcomes(result) == {"crm01": "aborted" if then == "abort" else "moved", "web01": "not_started"}
    assert result["changed"] is (then == "finish")
    where = {"crm01": HOME if then == "abort" else "kvm02", "web01": HOME}
    assert {name: home.where()[name] for name in TWO} == where
    assert home.homes(HOME) == {}
    again = home.ansible.run(HOME, home.evacuation(TWO, **QUICK))[0]
    assert again["stopped"] == ""
    assert set(outcomes(again).values()) <= {"moved", "already_there"}


def test_a_destination_that_dies_in_the_middle(home: House) -> None:
    """Its guests go to the other host; what has arrived there before is seen to run when it is back."""
    plan = {"crm01": "kvm02", "web01": "kvm02", "-dns 'a'": "kvm03", "mail01": "kvm03"}
    wanted = home.evacuation(plan, **SLOW, others=("kvm02", "kvm03"))
    result = meanwhile(home, wanted, lambda _moving: home.lab.kill_libvirtd("kvm02"))
    assert_done(result, True, empty=True)
    assert {row["runs_on"] for row in result["guests"]} == {"kvm03"}
    assert set(outcomes(result).values()) == {"moved"}
    assert set(home.where().values()) == {"kvm03"}


def test_two_sources_of_one_play_share_the_place_at_a_destination(home: House) -> None:
    """Each looks at the destination before it starts; here it is looked at from outside, too."""
    home.start({"dns02": QUIET, "dns03": QUIET}, host="kvm02")
    plan = {HOME: ("crm01", "web01"), "kvm02": ("dns02", "dns03")}
    guests = {
        host: [{"uuid": home.uuids[name], "destination": "kvm03"} for name in names] for host, names in plan.items()
    }
    slots = {"per_source": 2, "per_destination": 1, "ahead": 1}
    wanted = home.evacuation({}, measure=False, bandwidth_mib_per_s=12, slots=slots, purpose="return")
    wanted["virtops.live_migration.evacuation"] |= {
        "guests": "{{ plan[inventory_hostname] }}",
        "destinations": home.destinations(["kvm03"]),
    }
    seen: list[int] = []
    try:
        play = home.ansible.begin(":".join(plan), wanted, variables={"plan": guests})
        while play.process.poll() is None:
            seen.append(home.arriving("kvm03"))
            time.sleep(0.2)
        results = play.wait().results
        assert {result.get("host", str(result)): outcomes(result) for result in results} == {
            host: dict.fromkeys(names, "moved") for host, names in plan.items()
        }
        assert {home.where()[name] for names in plan.values() for name in names} == {"kvm03"}
        # One place, and one more for the other host, if both look at the same moment. Not looking there, it were four.
        assert 1 <= max(seen) <= 2, seen
    finally:
        home.end("dns02", "dns03")


def test_guests_that_are_shut_down_and_guests_that_stay(home: House) -> None:
    """One obeys, one does not and is not destroyed, one is left by request; the first is started at its home again."""
    plan = dict(PLAN)
    del plan["crm01"], plan["web01"], plan["mail01"]
    wanted = home.evacuation(plan, **QUICK, shutdown_timeout_s=12)
    guests = wanted["virtops.live_migration.evacuation"]["guests"]
    guests += [{"uuid": home.uuids[name], "strategy": "shutdown"} for name in ("crm01", "web01")]
    guests.append({"uuid": home.uuids["mail01"], "strategy": "leave"})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(home.ansible.run, HOME, wanted)
        wait_for(lambda: "shutdown" in home.lab.virsh(HOME, "dumpxml", home.uuids["crm01"]).stdout, "the mark")
        home.lab.guest_power("crm01", again=False)
        result = running.result()[0]
    assert_refused(result, "GUESTS_FAILED")
    assert outcomes(result) == {"-dns 'a'": "moved", "crm01": "shut_down", "web01": "failed", "mail01": "left"}
    assert rows(result)["web01"]["reason"] == "STILL_RUNNING"
    assert [one["name"] for one in result["remaining"]["running"]] == ["web01"]
    start = {"uuid": home.uuids["crm01"], "strategy": "start"}
    words = {"purpose": "return", "guests": [start], "destinations": home.destinations(["kvm02", "kvm03"])}
    first, second = home.ansible.run(HOME, *[home.evacuation({}, **words)] * 2)
    assert_done(first, True)
    assert outcomes(first) == {"crm01": "started"}
    assert_done(second, False)
    assert outcomes(second) == {"crm01": "already_there"}


def test_a_guest_with_a_local_disk_comes_and_goes(home: House) -> None:
    home.start({"files 01": WITH_A_DISK})
    try:
        there = home.evacuation({"files 01": "kvm02", "crm01": "kvm02"}, **QUICK)
        guests = there["virtops.live_migration.evacuation"]["guests"]
        guests[0]["copy_storage"] = "all"
        guests += [{"uuid": home.uuids[name], "strategy": "leave"} for name in ("web01", "-dns 'a'", "mail01")]
        first = home.ansible.run(HOME, there)[0]
        assert_done(first, True, empty=True)
        assert outcomes(first)["files 01"] == "moved"
        run = home.ansible.playbook("virtops.live_migration.return_home", **words())
        assert run.code == 0, run.output
        assert home.where()["files 01"] == HOME
        assert home.homes(HOME) == {}
    finally:
        home.end("files 01")


def words() -> dict[str, t.Any]:
    return {
        "live_migration_hosts": HOME,
        "live_migration_destination_uri": "qemu+tcp://{host}/system",
        "live_migration_link_mib_per_s": LINK_MIB_PER_S,
        "live_migration_postcopy": "if_needed",
    }


def test_the_controller_is_killed_and_another_goes_on(home: House) -> None:
    """The module of the first run still works on the host when the second run begins."""
    home.lab.link_set(HOME, mbit=40)
    first = home.ansible.begin_playbook("virtops.live_migration.evacuate", **words())
    wait_for(lambda: first.process.poll() is not None or home.moving(HOME), "a transfer", 180)
    first.kill()
    home.lab.link_set(HOME, mbit=LINK_MBIT)
    again = home.ansible.playbook("virtops.live_migration.evacuate", **words())
    assert again.code == 0, again.output
    assert HOME not in home.where().values()
    assert set(home.where().values()) == {"kvm02", "kvm03"}
    assert json.loads(home.lab.execute(HOME, "cat", FACT).stdout) == {"cordoned": True}
    third = home.ansible.playbook("virtops.live_migration.evacuate", **words())
    assert (third.code, third.changed) == (0, []), third.output


def test_what_came_of_it_is_handed_on_by_a_playbook_that_fails(home: House) -> None:
    home.lab.execute(HOME, "touch", FILE)
    try:
        run = home.ansible.playbook("virtops.live_migration.evacuate", **words(), live_migration_cancel_file=FILE)
    finally:
        home.lab.execute(HOME, "rm", "-f", FILE)
    assert run.code != 0
    assert "It was cancelled" in run.failure
    told = run.stats["live_migration_evacuate"][HOME]
    assert {row["name"]: row["outcome"] for row in told} == dict.fromkeys(PLAN, "not_started")


def test_check_mode_tells_who_would_go(home: House) -> None:
    run = home.ansible.playbook("virtops.live_migration.evacuate", "--check", **words())
    assert run.code == 0, run.output
    told = run.stats["live_migration_evacuate"][HOME]
    assert {row["name"]: row["outcome"] for row in told} == dict.fromkeys(PLAN, "moved")
    assert set(home.where().values()) == {HOME}
    assert home.lab.execute(HOME, "test", "-e", FACT, check=False).returncode != 0


def test_nothing_begins_when_a_guest_can_go_nowhere(home: House) -> None:
    """Its disk is on the host alone, and nobody said that it is to be copied."""
    home.start({"files 01": WITH_A_DISK})
    try:
        run = home.ansible.playbook("virtops.live_migration.evacuate", **words())
        assert run.code != 0
        assert "Nothing was moved" in run.failure
        assert "files 01" in run.failure
        assert set(home.where().values()) == {HOME}
        left = home.ansible.playbook("virtops.live_migration.evacuate", **words(), live_migration_leave=["files 01"])
        assert left.code == 0, left.output
        assert [name for name, host in home.where().items() if host == HOME] == ["files 01"]
    finally:
        home.end("files 01")
