# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of single guests and hosts holds while a host is emptied, with three hosts of their own."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from bench.house import BUSY, FACT, HOME, LINK_MIB_PER_S, QUIET, House, rows, three_hosts
from bench.runs import Result, Run, assert_done, task
from bench.subject import LIMIT_S, wait_for

OWN = "https://github.com/virtops/ansible-live-migration/guest/1"
GUESTS = {"crm01": QUIET, "web01": QUIET, "busy01": BUSY}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[House]:
    yield from three_hosts(tmp_path_factory.mktemp("rules"), GUESTS)


@pytest.fixture(autouse=True)
def at_home(house: House) -> t.Iterator[None]:
    yield
    house.gather()
    house.unharmed()


def say(house: House, name: str, attributes: str, host: str = HOME) -> None:
    for kind in ("--live", "--config"):
        words = ("--key", "guest", "--set", f"<guest {attributes}/>") if attributes else ("--remove",)
        house.lab.virsh(host, "metadata", house.uuids[name], OWN, kind, *words)


def emptied(house: House, *options: str, **variables: t.Any) -> Run:
    return house.ansible.playbook(
        "virtops.live_migration.evacuate",
        *options,
        live_migration_destination_uri="qemu+tcp://{host}/system",
        live_migration_link_mib_per_s=LINK_MIB_PER_S,
        **{
            "live_migration_hosts": HOME,
            "live_migration_postcopy": "if_needed",
            "live_migration_measure": False,
            **variables,
        },
    )


def test_a_guest_that_must_not_go_by_postcopy_does_not(house: House) -> None:
    """By its own word, although the task prefers it; by a list of the administrator's; then it may, and does."""
    stay = [{"uuid": house.uuids[name], "strategy": "leave"} for name in ("crm01", "web01")]
    prefers = {"postcopy": "prefer", "max_throttle_percent": 0}
    listed = [{"name": "busy*", "policy_overrides": {"postcopy": "never"}}]

    def sent(**more: t.Any) -> Result:
        house.gather()
        wanted = house.evacuation({"busy01": "kvm02"}, policy_overrides=prefers, **more)
        wanted["virtops.live_migration.evacuation"]["guests"] += stay
        result = house.ansible.run(HOME, wanted)[0]
        assert rows(result)["busy01"]["outcome"] == "moved" or rows(result)["busy01"]["reason"] == "NO_WAY", result
        return rows(result)["busy01"]

    say(house, "busy01", "postcopy='never'")
    assert sent()["remedies"].count("start_postcopy") == 0
    assert sent(heed_metadata=False, guest_options=listed)["remedies"].count("start_postcopy") == 0
    allowed = sent(heed_metadata=False)
    assert allowed["remedies"].count("start_postcopy") == 1, allowed
    say(house, "busy01", "", "kvm02")


def plan_of(house: House, to: dict[str, str], **rules: t.Any) -> dict[str, t.Any]:
    """As evacuation_plan_info returns it, as far as the role reads it."""
    moves = [
        {
            "name": name, "uuid": house.uuids[name], "from": HOME, "to": host, "order": order, "sent_bytes": 2**26,
            "policy_overrides": {},
        }
        for order, (name, host) in enumerate(to.items())
    ]  # fmt: skip
    stay = [
        {"name": name, "uuid": uuid, "host": HOME, "reason": "as asked for"}
        for name, uuid in house.uuids.items()
        if name not in to
    ]
    made_by = {
        "guests": [], "groups": [], "hosts": [], "uplinks": [], "policy": "minimal_downtime", "policy_overrides": {},
        "metadata_may": [], "destinations": ["kvm02", "kvm03"], "link_mib_per_s": LINK_MIB_PER_S, **rules,
    }  # fmt: skip
    return {"guests": moves, "shutdown": [], "left": stay, "unplaceable": [], "rules": made_by}


@pytest.mark.parametrize("apart", [True, False])
def test_another_destination_is_taken_by_the_rules_of_the_plan(house: House, apart: bool) -> None:
    """kvm02 does not answer. What belongs apart from a guest on kvm03 stays rather than go there."""
    groups = [{"name": "pair", "guests": ["crm01", "web01"], "rule": "apart", "hard": True}] if apart else []
    plan = plan_of(house, {"crm01": "kvm03", "web01": "kvm02"}, groups=groups)
    house.lab.kill_libvirtd("kvm02")
    run = emptied(house, live_migration_plan=plan)
    where = house.where()
    sent = [record["result"] for record in run.tasks if "Move the guests away" in record["task"]]
    assert where["crm01"] == "kvm03", sent
    if apart:
        assert run.code != 0
        assert where["web01"] == HOME
        assert "still runs web01" in run.failure
    else:
        assert run.code == 0, run.output
        assert where["web01"] == "kvm03"
    assert where["busy01"] == HOME


def test_a_cordon_holds_for_everybody(house: House) -> None:
    """For the module that moves one guest, for an evacuation that is under way, and for readiness; and it is undone."""
    cordon = {"virtops.live_migration.host_cordon": {}}
    lifted = {"virtops.live_migration.host_cordon": {"state": "absent"}}
    first, second, document = house.ansible.run("kvm02", cordon, cordon, task("migration_host_info"))
    assert_done(first, True, cordoned=True)
    assert_done(second, False, cordoned=True)
    assert document["host"]["cordoned"] is True
    uri = "qemu+tcp://kvm02/system"
    asked = {"name": "crm01", "destination_uri": uri, "measure": False}
    refused, evacuated, moved = house.ansible.run(
        HOME,
        task("migration", **asked),
        house.evacuation({"crm01": "kvm02", "web01": "kvm02"}, measure=False),
        task("migration", ignore_cordon=True, **asked),
    )
    assert (refused["reason"], refused["runs_on"]) == ("DESTINATION_CORDONED", HOME)
    assert {one["reason"] for one in rows(evacuated).values()} <= {"DESTINATION_CORDONED", "DESTINATION_GIVEN_UP"}
    assert_done(moved, True, outcome="moved")
    assert_done(house.ansible.run("kvm02", lifted)[0], True, cordoned=False)
    again = house.ansible.run(HOME, house.evacuation({"web01": "kvm02"}, measure=False))[0]
    assert rows(again)["web01"]["outcome"] == "moved"


IN_LIBVIRT = {"virtops.live_migration.host_cordon": {}}
IN_A_FACT = {"ansible.builtin.copy": {"dest": FACT, "content": '{"cordoned": true}'}}


@pytest.mark.parametrize("noted", [IN_LIBVIRT, IN_A_FACT], ids=["in libvirt", "in a fact"])
def test_either_note_closes_a_host(house: House, noted: dict[str, t.Any]) -> None:
    """The roles write and take away both; where only one is there it holds, and host_cordon takes away either."""
    place = {"ansible.builtin.file": {"path": FACT.rpartition("/")[0], "state": "directory", "mode": "0755"}}
    lifted = {"virtops.live_migration.host_cordon": {"state": "absent"}}
    house.ansible.run("kvm02", place, noted)
    asked = {
        "live_migration_hosts": HOME,
        "live_migration_link_mib_per_s": LINK_MIB_PER_S,
        "live_migration_measure": False,
        "live_migration_postcopy": "if_needed",
    }

    def destinations() -> set[str]:
        planned = house.ansible.playbook("virtops.live_migration.plan", **asked)
        assert "live_migration_plan" in planned.stats, planned.output
        return {one["to"] for one in planned.stats["live_migration_plan"]["guests"]}

    try:
        assert destinations() == {"kvm03"}
    finally:
        first, second = house.ansible.run("kvm02", lifted, lifted)
    assert_done(first, True, cordoned=False)
    assert_done(second, False, cordoned=False)
    assert house.lab.execute("kvm02", "test", "-e", FACT, check=False).returncode != 0
    assert destinations() == {"kvm02", "kvm03"}


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_host_is_taken_only_where_that_is_said(house: House, ignored: bool) -> None:
    """By the playbook that empties, which makes the plan; the only destination that it may take is closed."""
    house.ansible.run("kvm02", IN_LIBVIRT)
    given = {"live_migration_pool": ["kvm02"], "live_migration_ignore_cordon": ignored}
    run = emptied(house, live_migration_leave=["busy01", "web01"], **given)
    assert house.where()["crm01"] == ("kvm02" if ignored else HOME), run.output
    if not ignored:
        assert run.code != 0
        assert "kvm02 is cordoned" in run.output


def test_a_busy_guest_waits_and_keeps_nobody_from_leaving(house: House) -> None:
    """By its policy it has no way as long as it is busy: it leaves in its calm moment, after the others."""
    never = {"postcopy": "never", "max_throttle_percent": 0}
    wanted = house.evacuation({"busy01": "kvm02", "crm01": "kvm02"}, policy_overrides=never, calm_wait_s=240)
    wanted["virtops.live_migration.evacuation"]["guests"] += [{"uuid": house.uuids["web01"], "strategy": "leave"}]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(house.ansible.run, HOME, wanted)
        wait_for(lambda: running.done() or house.where()["crm01"] == "kvm02", "the other guest to leave", 240)
        assert house.where()["busy01"] == HOME
        house.lab.guest_load("busy01", pages_per_s=0, timeout_s=90)
        result = running.result()[0]
    house.lab.guest_load("busy01", pages_per_s=BUSY.pages_per_s, timeout_s=90)
    row = rows(result)["busy01"]
    assert (row["outcome"], row["remedies"], row["runs_on"]) == ("moved", [], "kvm02"), result


@pytest.mark.parametrize("flags", [(), ("--parallel", "--parallel-connections", "2")], ids=["libvirt", "QEMU"])
def test_what_has_not_begun_to_send_is_cancelled(house: House, flags: tuple[str, ...]) -> None:
    """On its way to the host that is emptied, where what comes for QEMU is dropped.

    While QEMU connects to it the job can be aborted, which QEMU does at the latest when its kernel gives up: where that
    is not within a minute, it is told. While libvirt connects, 9.0 answers nobody about this guest, which is told; 11.3
    lets it be aborted.
    """
    closed, uuid = "kvm02", house.uuids["web01"]
    house.lab.drop_packets(closed, "-p", "tcp", "--dport", "49152:49215")
    try:
        migration = house.lab.migrate(uuid, source=HOME, destination=closed, flags=flags)
        wait_for(lambda: house.arriving(closed), "its QEMU on the host that is emptied")
        run = emptied(house, live_migration_hosts=closed, live_migration_on_incoming="cancel")
        assert house.where()["web01"] == HOME
    finally:
        house.lab.drop_none(closed)
    if flags or run.code == 0:
        assert run.code == 0 or "was told to abort, but its job has not ended" in run.output, run.output
        assert migration.wait(LIMIT_S) != 0
        assert house.where()["web01"] == HOME
        wait_for(lambda: not house.arriving(closed), "the end of its QEMU there")
    else:
        assert "web01 comes from kvm01, where nothing tells how far its migration is" in run.output
        assert "Migrations still go on there: web01" in run.failure
        assert migration.wait(LIMIT_S) is not None


@pytest.mark.fast
def test_only_planned(house: House) -> None:
    """By the playbook that plans; nothing is moved."""
    asked = {
        "live_migration_hosts": HOME,
        "live_migration_link_mib_per_s": LINK_MIB_PER_S,
        "live_migration_measure": False,
        "live_migration_within_s": 1,
        "live_migration_postcopy": "if_needed",
    }
    planned = house.ansible.playbook("virtops.live_migration.plan", **asked)
    assert planned.code == 0, planned.output
    assert planned.changed == []
    plan = planned.stats["live_migration_plan"]
    assert sorted(one["name"] for one in plan["guests"]) == sorted(GUESTS)
    assert {one["from"] for one in plan["guests"]} == {HOME}
    assert {one["to"] for one in plan["guests"]} == {"kvm02", "kvm03"}
    assert plan["deadline"]["kept"] is False
    assert plan["deadline"]["late"]
    assert "Not all have arrived within" in planned.output
    assert set(house.where().values()) == {HOME}


def test_check_mode_of_the_playbook_that_empties_shows_the_plan(house: House) -> None:
    checked = emptied(house, "--check", live_migration_within_s=1)
    assert checked.code == 0, checked.output
    for text in ("Not all have arrived within", *GUESTS):
        assert text in checked.output, checked.output
    assert set(house.where().values()) == {HOME}


def test_two_hosts_do_not_take_the_last_place_both(house: House) -> None:
    """Both begin at the same moment, to a destination with one place; a limit over both is kept there, too."""
    ahead = house.evacuation({"web01": "kvm03"}, measure=False)
    others = [{"uuid": house.uuids[name], "strategy": "leave"} for name in ("busy01", "crm01")]
    ahead["virtops.live_migration.evacuation"]["guests"] += others
    assert_done(house.ansible.run(HOME, ahead)[0], True)
    limits = {"kept_at": "kvm02", "limits": [{"name": "all", "at_most": 1}]}
    slow = {"measure": False, "bandwidth_mib_per_s": 6, "slots": {"per_destination": 1}, "shared_limits": limits}
    stay = [{"uuid": house.uuids["busy01"], "strategy": "leave"}]
    tasks = {HOME: house.evacuation({"crm01": "kvm02"}, **slow), "kvm03": house.evacuation({"web01": "kvm02"}, **slow)}
    for one in tasks.values():
        one["virtops.live_migration.evacuation"]["destinations"][0]["crosses"] = ["all"]
    tasks[HOME]["virtops.live_migration.evacuation"]["guests"] += stay
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(house.ansible.run, host, one) for host, one in tasks.items()]
        most = 0
        while not all(one.done() for one in running):
            most = max(most, house.arriving("kvm02"))
            time.sleep(0.3)
        for one in running:
            assert_done(one.result()[0], True, empty=True)
    assert most == 1
    assert "virtops.live_migration/" not in house.lab.virsh("kvm02", "secret-list").stdout
