# SPDX-License-Identifier: GPL-3.0-or-later
"""What users get wrong, and names that are right but unusual."""

from __future__ import annotations

import typing as t

import pytest
from bench.runs import Ansible, assert_done, assert_refused, task
from bench.subject import Subject
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

MODULES: dict[str, dict[str, t.Any]] = {
    "migration_abort": {},
    "migration_bandwidth": {"bandwidth_mib_per_s": 10},
    "migration_compression_cache": {"size_bytes": 32 * 1024**2},
    "migration_dirty_rate_info": {},
    "migration_downtime": {"max_downtime_ms": 500},
    "migration_job_info": {},
    "migration_postcopy": {},
    "migration_suspend": {"max_pause_s": 1},
}
UNKNOWN_UUID = "00000000-0000-4000-8000-000000000001"


def test_a_guest_that_is_not_there(ansible: Ansible) -> None:
    calls = [task(module, name="erp99", **more) for module, more in MODULES.items()]
    calls += [task(module, uuid=UNKNOWN_UUID, **more) for module, more in MODULES.items()]
    for result in ansible.run("kvm01", *calls):
        assert_refused(result, "GUEST_NOT_FOUND")
        assert "erp99" in result["msg"] or UNKNOWN_UUID in result["msg"]
        assert result["evidence"]["libvirt_code"] == 42
        assert result["state"]
        assert result["remedy"]


def test_one_guest_and_one_way_to_name_it(ansible: Ansible) -> None:
    neither, both, no_uuid = ansible.run(
        "kvm01",
        task("migration_abort"),
        task("migration_abort", name="erp01", uuid=UNKNOWN_UUID),
        task("migration_abort", uuid="not a uuid"),
    )
    assert neither["failed"]
    assert "one of the following is required: name, uuid" in neither["msg"]
    assert both["failed"]
    assert "mutually exclusive" in both["msg"]
    assert no_uuid["failed"], no_uuid
    assert no_uuid["reason"], no_uuid


def test_a_wrong_option_of_a_module_that_tells_its_progress_is_named(ansible: Ansible) -> None:
    """They run detached, and are no victims of anybody when they end at once."""
    wrong = {"policy_overrides": {"max_downtime": 500}}
    there = {"destination_uri": "qemu+tcp://kvm02/system"}
    nobody = {"guests": [{"name": "erp01", "destinations": "kvm02"}], "destinations": []}
    results = ansible.run(
        "kvm01",
        task("migration", name="erp01", **there, **wrong),
        task("migration_rescue", name="erp01", **wrong),
        task("evacuation", **nobody),
        task("migration_recover", name="erp01", **there, attempts="many"),
    )
    for result, option in zip(results, ("max_downtime", "max_downtime", "destination found in guests", "attempts")):
        assert result["failed"], result
        assert "reason" not in result, result
        assert option in result["msg"], result


def test_a_daemon_that_does_not_answer(ansible: Ansible) -> None:
    closed, unknown, nonsense = ansible.run(
        "kvm01",
        task("migration_job_info", uri="qemu+tcp://kvm02:1/system", timeout_s=60),
        task("migration_job_info", uri="qemu+tcp://no-such-host.invalid/system", timeout_s=60),
        task("migration_job_info", uri="nonsense"),
    )
    assert_refused(closed, "CONNECTION_FAILED")
    assert "qemu+tcp://kvm02:1/system" in closed["msg"]
    assert_refused(unknown, "NAME_NOT_RESOLVED")
    assert nonsense["failed"], nonsense
    assert nonsense["reason"], nonsense


def test_from_another_host(ansible: Ansible, erp01: Subject) -> None:
    uri = f"qemu+tcp://{erp01.source}/system"
    erp01.migrate("--postcopy")
    looked, limited = ansible.run(
        erp01.destination,
        task("migration_job_info", uri=uri, name="erp01", observe_s=1),
        task("migration_downtime", uri=uri, name="erp01", max_downtime_ms=400),
    )
    assert looked["jobs"][0]["operation"] == "outgoing"
    assert_done(limited, True)
    assert erp01.virsh("migrate-getmaxdowntime") == "400"


@pytest.mark.fast
def test_options_that_make_no_sense(ansible: Ansible) -> None:
    results = ansible.run(
        "kvm01",
        task("migration_job_info", observe_s=-1),
        task("migration_job_info", link_mbit_per_s=0),
        task("migration_job_info", contract={"postcopy": "perhaps"}),
        task("migration_job_info", contract={"patience": 5}),
        task("migration_suspend", name="erp01"),
    )
    assert all(result["failed"] for result in results)
    assert [result.get("reason") for result in results[:2]] == ["OUT_OF_RANGE", "OUT_OF_RANGE"]


# libvirt refuses a slash and an empty name, and takes all of these.
NAMES = ["erp 01", 'it\'s "quoted"', "données-ÄÖ-数据", "--help", "-1", "$HOME;`id`", "a{{b", "%s"]


def define(lab: Lab, name: str) -> bool:
    """Define a guest that never starts; whether libvirt takes its name."""
    from xml.sax.saxutils import escape

    xml = (
        f"<domain type='qemu'><name>{escape(name, {chr(10): '&#10;'})}</name><memory unit='MiB'>16</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"
    )
    return lab.execute("kvm01", "virsh", "define", "/dev/stdin", input_text=xml, check=False).returncode == 0


@pytest.fixture
def defined(lab: Lab) -> t.Iterator[list[str]]:
    names = [name for name in [*NAMES, "two\nlines"] if define(lab, name)]
    yield names
    for name in names:
        lab.virsh("kvm01", "undefine", "--domain", name)


@pytest.mark.fast
def test_unusual_names(ansible: Ansible, defined: list[str]) -> None:
    assert set(NAMES) <= set(defined)
    # As variables of inventory would be: what looks like a template stays text.
    calls = []
    for name in defined:
        word = {"__ansible_unsafe": name}
        calls += [task("migration_job_info", name=word), task("migration_bandwidth", name=word, bandwidth_mib_per_s=9)]
    results = ansible.run("kvm01", *calls)
    for name, looked, limited in zip(defined, results[::2], results[1::2]):
        assert not looked["failed"], looked
        assert [guest["name"] for guest in looked["guests"]] == [name]
        assert_done(limited, True)
        assert limited["name"] == name, limited
    (every,) = ansible.run("kvm01", task("migration_job_info"))
    assert set(defined) <= {guest["name"] for guest in every["guests"]}


@pytest.mark.parametrize("name", ['-it\'s an "odd" ünïcode name'])
def test_a_migration_under_an_unusual_name(ansible: Ansible, lab: Lab, name: str) -> None:
    guest = Subject(lab, name, GuestOptions(ram_mib=192, hot_mib=64, cold_mib=8, pages_per_s=20_000))
    guest.start()
    try:
        migration = guest.migrate("--postcopy")
        guest.in_pass(2)
        (job,) = ansible.module(guest.source, "migration_job_info", name=name, observe_s=5)["jobs"]
        assert job["name"] == name
        remedies = {remedy["action"]: remedy for remedy in job["diagnosis"]["remedies"]}
        # The command can be pasted: the name would be taken for an option, so it has the UUID.
        assert remedies["postcopy"]["command"] == f"virsh migrate-postcopy {guest.uuid}"
        assert remedies["postcopy"]["allowed"] is True, "the flags of the job were found"
        # On a busy machine the guard may find the network unsteady.
        assert ansible.module(guest.source, "migration_postcopy", name=name, guard=False)["changed"]
        guest.arrives(migration)
        guest.verify()
    finally:
        guest.stop()
