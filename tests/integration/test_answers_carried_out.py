# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks and roles with answers as AWX hands them on: empty texts, numbers that are 0, names that look like numbers.

Before ansible-core 2.19 what a template yields is a text, so "make test" runs this with an old one, too.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from bench.house import FACT, HOME, QUIET, House, three_hosts
from bench.runs import Result, Run, unsafe

GUESTS = ("0123", "no", "1.10")
NOTES = "/var/lib/virtops.live_migration/bandwidth.json"
UNLIMITED = "8796093022207"
URI = "qemu+tcp://{host}/system"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[House]:
    yield from three_hosts(tmp_path_factory.mktemp("answers"), dict.fromkeys(GUESTS, QUIET))


def run(house: House, playbook: str, *options: str, **answers: str) -> Run:
    """With a file of answers that AWX would write."""
    return house.ansible.playbook(
        f"virtops.live_migration.{playbook}", "-e", f"@{unsafe(house.ansible.directory, answers)}", *options
    )


def arguments(done: Run, task: str) -> Result:
    """What a module was called with."""
    found = [one["result"] for one in done.tasks if one["task"] == task and one["status"] != "skipped"]
    assert found, done.output
    return t.cast(Result, found[0]["invocation"]["module_args"])


def speed(house: House, name: str) -> str:
    return house.lab.virsh(HOME, "migrate-getspeed", house.uuids[name]).stdout.strip()


def notes(house: House) -> Result:
    done = house.lab.execute(HOME, "cat", NOTES, check=False)
    return {one["name"]: one for one in json.loads(done.stdout or "{}").values()}


@pytest.mark.parametrize("link", ["", pytest.param("0", marks=pytest.mark.wide)])
def test_emptied_and_home_without_the_speed_of_the_link(house: House, link: str) -> None:
    """One guest stays; the others leave, and come home."""
    done = run(
        house,
        "evacuate",
        live_migration_hosts=HOME,
        live_migration_pool="kvm01\nkvm02\nkvm03\n",
        # On a line alone it would be read as a boolean, and not even be taken for one.
        live_migration_leave="- no" if link else '["no"]',
        live_migration_shutdown="",
        live_migration_copy_storage="",
        live_migration_plan="",
        live_migration_serial="100%",
        live_migration_destination_uri=URI,
        live_migration_link_mib_per_s=link,
        live_migration_postcopy="",
        live_migration_return="true",
        live_migration_between="",
        live_migration_cancel_file="",
    )
    assert done.code == 0, done.output
    gone = {row["name"]: row["outcome"] for row in done.stats["live_migration_evacuate"][HOME]}
    assert gone == {"0123": "moved", "1.10": "moved", "no": "left"}
    assert house.where() == dict.fromkeys(GUESTS, HOME)
    assert house.homes(HOME) == {}
    assert house.lab.execute(HOME, "test", "-e", FACT, check=False).returncode != 0
    house.unharmed()


def test_limits_are_noted_and_put_back(house: House) -> None:
    house.lab.virsh(HOME, "migrate-setspeed", house.uuids["1.10"], "33")
    first = house.ansible.role("bandwidth", HOME, bandwidth_link_mib_per_s="40", bandwidth_streams="2")
    assert first.code == 0, first.output
    assert {speed(house, name) for name in GUESTS} == {"20"}
    noted = {name: (one["former_mib_per_s"], one["set_mib_per_s"]) for name, one in notes(house).items()}
    assert noted == {"0123": (0, 20), "no": (0, 20), "1.10": (33, 20)}
    again = house.ansible.role(
        "bandwidth", HOME, bandwidth_link_mib_per_s="40", bandwidth_streams="2", bandwidth_measure="false"
    )
    assert (again.code, again.changed) == (0, []), again.output
    # Those that are named only, and somebody else's change stays.
    house.lab.virsh(HOME, "migrate-setspeed", house.uuids["no"], "7")
    back = house.ansible.role("bandwidth", HOME, "restore", bandwidth_guests="no\n1.10\n")
    assert back.code == 0, back.output
    assert [speed(house, name) for name in GUESTS] == ["20", "7", "33"]
    assert "Somebody else has changed it" in back.output
    assert set(notes(house)) == {"0123"}
    assert house.ansible.role("bandwidth", HOME, "restore").code == 0
    assert speed(house, "0123") == UNLIMITED
    assert notes(house) == {}


@pytest.mark.fast
def test_zero_is_an_answer(house: House) -> None:
    """Nothing but an empty text counts as none: a pause of 0 s is none, and not what the policy has."""
    common = {"live_migration_guest": '["0123"]', "live_migration_destination_uri": "qemu+tcp://kvm02/system"}
    zero = {"live_migration_policy": "suspend_workload", "live_migration_max_pause_s": "0"}
    done = run(house, "migrate", "--check", **common, **zero, live_migration_link_mib_per_s="0")
    assert done.code == 0, done.output
    overrides = arguments(done, "Migrate | Move it")["policy_overrides"]
    assert (overrides["max_pause_s"], overrides["max_downtime_ms"]) == (0, None)
    blank = run(house, "migrate", "--check", **common, **{**zero, "live_migration_max_pause_s": ""})
    assert arguments(blank, "Migrate | Move it")["policy_overrides"]["max_pause_s"] is None
    looked = run(
        house, "diagnose", live_migration_observe_s="0", live_migration_max_pause_s="", live_migration_guest=""
    )
    assert looked.code == 0, looked.output
    assert arguments(looked, "Watch the migrations")["observe_s"] == 0


def test_readiness_of_the_only_guest_that_is_named(house: House) -> None:
    done = run(house, "readiness", live_migration_guest='["1.10"]', live_migration_fail_on="")
    assert done.code == 0, done.output
    found = {one["host"]: [guest["name"] for guest in one["guests"]] for one in done.stats["live_migration_readiness"]}
    assert found == {"kvm01": ["1.10"], "kvm02": [], "kvm03": []}


@pytest.mark.parametrize(
    ("playbook", "answers"),
    [
        ("evacuate", {"live_migration_hosts": HOME, "live_migration_leave": "no\nnobody\n"}),
        ("evacuate", {"live_migration_hosts": HOME, "live_migration_shutdown": "nobody"}),
        ("readiness", {"live_migration_guest": "nobody"}),
        ("diagnose", {"live_migration_guest": "nobody", "live_migration_observe_s": "0"}),
        ("migrate", {"live_migration_guest": "nobody", "live_migration_destination": "kvm02"}),
        ("rescue", {"live_migration_guest": "nobody"}),
    ],
)
def test_what_was_named_and_is_nowhere_is_no_good_end(house: House, playbook: str, answers: dict[str, str]) -> None:
    before = house.where()
    done = run(house, playbook, live_migration_destination_uri=URI, **answers)
    assert done.code != 0, done.output
    assert "nobody" in done.failure
    assert house.where() == before
    assert house.lab.execute(HOME, "test", "-e", FACT, check=False).returncode != 0


def test_hosts_of_which_none_takes_guests_are_no_good_end(house: House) -> None:
    done = run(house, "readiness", live_migration_hosts=HOME)
    assert done.code != 0
    assert "No other host of the play may take the guests of kvm01" in done.failure
