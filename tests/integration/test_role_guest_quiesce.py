# SPDX-License-Identifier: GPL-3.0-or-later
"""Services stopped and put back: through a real guest agent, and over SSH on a host that stands for a guest.

The agent, its channel and what runs through it are real. One guest has the systemd of Debian; in the others and on the
host it is a script that keeps the state of its units in files (tests/lab/guest/systemctl.sh).
"""

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from bench.house import opened
from bench.inside import Inside
from bench.moving import LINK_MIB_PER_S
from bench.runs import Ansible, Run, assert_done, assert_refused, changed_again, task
from bench.subject import Subject, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

MODULE = "guest_agent_services"
UNITS = ["reports.service", "backup.timer", "idle.service", "nosuch.service"]
NOTE = "/run/virtops-live-migration-quiesced"
SYSTEMCTL = Path(__file__).parents[1] / "lab" / "guest" / "systemctl.sh"
OPTIONS = GuestOptions(ram_mib=192, hot_mib=16, cold_mib=8, pages_per_s=200, agent=True)


class Serving(Inside):
    def units(self) -> dict[str, str]:
        names = ("reports.service", "backup.timer", "idle.service", "stubborn.service")
        return {name: self.read(f"/run/units/{name}").strip() for name in names}


WORKING = {
    "reports.service": "active",
    "backup.timer": "active",
    "idle.service": "inactive",
    "stubborn.service": "active",
}
RESTING = {**WORKING, "reports.service": "inactive", "backup.timer": "inactive"}


@pytest.fixture(scope="module")
def web01(lab: Lab) -> t.Iterator[Serving]:
    subject = Serving(lab, "web01", OPTIONS)
    subject.start()
    yield subject
    subject.stop()


@pytest.mark.fast
def test_stopped_and_put_back(ansible: Ansible, web01: Serving) -> None:
    stop = {"name": "web01", "state": "stopped", "units": UNITS}
    predicted, first, second = ansible.run(
        web01.source, task(MODULE, check=True, **stop), task(MODULE, **stop), task(MODULE, **stop)
    )
    for result in (predicted, first):
        assert_done(result, True, units=["reports.service", "backup.timer"])
    assert_done(second, False, units=[])
    assert web01.units() == RESTING
    assert web01.read(NOTE).split() == ["reports.service", "backup.timer"]
    back, again = ansible.run(web01.source, *[task(MODULE, name="web01", state="restored")] * 2)
    assert_done(back, True, units=["reports.service", "backup.timer"])
    assert_done(again, False, units=[])
    assert (web01.units(), web01.read(NOTE)) == (WORKING, "")


def test_all_or_none(ansible: Ansible, web01: Serving) -> None:
    result = ansible.module(
        web01.source, MODULE, name="web01", state="stopped", units=["reports.service", "stubborn.service"]
    )
    assert_refused(result, "NOT_STOPPED")
    assert (web01.units(), web01.read(NOTE)) == (WORKING, "")


def test_a_guest_without_an_agent(ansible: Ansible, crm01: Subject) -> None:
    result = ansible.module(crm01.source, MODULE, name="crm01", state="restored")
    assert_refused(result, "NO_AGENT")


def test_as_part_of_a_migration_by_the_playbook(ansible: Ansible, web01: Serving) -> None:
    """The inventory names one unit, the metadata another one, and one that it may not name."""
    says = '<guest quiesce="backup.timer stubborn.service"/>'
    space = "https://github.com/virtops/ansible-live-migration/guest/1"
    web01.virsh("metadata", space, "--live", "--config", "--key", "virtops", "--set", says)
    asked = {
        "live_migration_guests": ["web01"],
        "live_migration_destination": web01.destination,
        "live_migration_destination_uri": "qemu+tcp://{host}/system",
        "live_migration_link_mib_per_s": LINK_MIB_PER_S,
        "live_migration_quiesce": {"web01": ["reports.service"], "other": ["x.service"]},
        "live_migration_quiesce_metadata_may": ["*.timer"],
    }
    run = ansible.playbook("virtops.live_migration.migrate", **asked)
    assert run.code == 0, run.output
    web01.has_moved()
    items = [one["result"] for one in run.tasks if one["task"].endswith(("to rest", "was stopped"))]
    results = [item for one in items for item in one.get("results", [])]
    done = [(one["changed"], sorted(one["units"])) for one in results if one.get("units")]
    assert done == [(True, ["backup.timer", "reports.service"])] * 2, results
    assert "may not have 'stubborn.service' stopped" in run.output
    wait_for(lambda: web01.agent("guest-ping") is not None, "the guest agent")
    assert (web01.units(), web01.read(NOTE)) == (WORKING, "")


def test_as_part_of_an_evacuation_by_the_playbook(ansible: Ansible, web01: Serving) -> None:
    source, destination = web01.source, web01.destination
    try:
        run = ansible.playbook(
            "virtops.live_migration.evacuate",
            live_migration_hosts=source,
            live_migration_pool=[destination],
            live_migration_destination_uri="qemu+tcp://{host}/system",
            live_migration_link_mib_per_s=LINK_MIB_PER_S,
            live_migration_quiesce={"web01": ["reports.service"]},
        )
    finally:
        opened(web01.lab, source)
    assert run.code == 0, run.output
    web01.has_moved()
    items = [one["result"] for one in run.tasks if one["task"].endswith(("to rest", "was stopped"))]
    done = [item["units"] for one in items for item in one.get("results", []) if item.get("units")]
    assert done == [["reports.service"]] * 2, items
    wait_for(lambda: web01.agent("guest-ping") is not None, "the guest agent")
    assert (web01.units(), web01.read(NOTE)) == (WORKING, "")


class Whole(Inside):
    """One with the systemd of Debian."""

    def units(self) -> dict[str, str]:
        names = list(WORKING)
        return dict(zip(names, self.said("systemctl", "is-active", *names).split(), strict=True))


@pytest.fixture
def whole01(lab: Lab) -> t.Iterator[Whole]:
    subject = Whole(lab, "whole01", replace(OPTIONS, ram_mib=256, systemd=True))
    try:
        subject.start()
        yield subject
    finally:
        subject.stop()


@pytest.mark.wide
def test_with_a_real_systemd(ansible: Ansible, whole01: Whole) -> None:
    """Asked for by the inventory while the playbook moves the guest, and before that by the module itself."""
    assert whole01.units() == WORKING
    stop = {"name": "whole01", "state": "stopped"}
    none, first, second = ansible.run(
        whole01.source,
        # systemd refuses to stop the second one, so that the first goes on.
        task(MODULE, **stop, units=["reports.service", "stubborn.service"]),
        task(MODULE, **stop, units=UNITS),
        task(MODULE, **stop, units=UNITS),
    )
    assert_refused(none, "NOT_STOPPED")
    assert_done(first, True, units=["reports.service", "backup.timer"])
    assert_done(second, False, units=[])
    assert (whole01.units(), whole01.read(NOTE).split()) == (RESTING, ["reports.service", "backup.timer"])
    back = ansible.module(whole01.source, MODULE, name="whole01", state="restored")
    assert_done(back, True, units=["reports.service", "backup.timer"])
    assert (whole01.units(), whole01.read(NOTE)) == (WORKING, "")
    run = ansible.playbook(
        "virtops.live_migration.migrate",
        live_migration_guests=["whole01"],
        live_migration_destination=whole01.destination,
        live_migration_destination_uri="qemu+tcp://{host}/system",
        live_migration_link_mib_per_s=LINK_MIB_PER_S,
        live_migration_quiesce={"whole01": ["reports.service", "backup.timer"]},
    )
    assert run.code == 0, run.output
    whole01.has_moved()
    items = [one["result"] for one in run.tasks if one["task"].endswith(("to rest", "was stopped"))]
    done = [item["units"] for one in items for item in one.get("results", []) if item.get("units")]
    assert [sorted(one) for one in done] == [["backup.timer", "reports.service"]] * 2, items
    wait_for(lambda: whole01.agent("guest-ping") is not None, "the guest agent")
    assert (whole01.units(), whole01.read(NOTE)) == (WORKING, "")
    whole01.verify()


def role(ansible: Ansible, hosts: str, entry_point: str, *options: str, twice: bool = False, **variables: t.Any) -> Run:
    given = {f"guest_quiesce_{key}": value for key, value in variables.items()}
    return ansible.role("guest_quiesce", hosts, entry_point, *options, twice=twice, **given)


def test_put_back_on_the_other_host(ansible: Ansible, web01: Serving) -> None:
    stopped = role(ansible, "all", "main", guest="web01", units=UNITS)
    assert stopped.code == 0, stopped.output
    assert web01.units() == RESTING
    web01.arrives(web01.migrate())
    wait_for(lambda: web01.agent("guest-ping") is not None, "the guest agent")
    assert web01.read(NOTE).split() == ["reports.service", "backup.timer"]
    back = role(ansible, "all", "restore", guest="web01", twice=True)
    assert (back.code, changed_again(back)) == (0, []), back.output
    assert (web01.units(), web01.read(NOTE)) == (WORKING, "")
    web01.verify()


@pytest.mark.wide
def test_a_guest_that_is_elsewhere(ansible: Ansible, web01: Serving) -> None:
    run = role(ansible, web01.destination, "main", guest="web01", units=UNITS)
    assert run.code != 0
    assert f"web01 runs on none of {web01.destination}" in run.failure


@pytest.mark.wide
def test_through_the_inventory(ansible: Ansible, lab: Lab) -> None:
    """kvm02 stands for the guest's own host: its systemd is the script."""
    script = SYSTEMCTL.read_text(encoding="utf-8")
    put = "mkdir -p /tmp/bin /run/units; cat > /tmp/bin/systemctl; chmod +x /tmp/bin/systemctl"
    lab.execute("kvm02", "sh", "-c", put, input_text=script)
    for unit, state in WORKING.items():
        lab.execute("kvm02", "sh", "-c", f"echo {state} > /run/units/{unit}")

    def units() -> dict[str, str]:
        return {unit: lab.execute("kvm02", "cat", f"/run/units/{unit}").stdout.strip() for unit in WORKING}

    def note() -> str:
        return lab.execute("kvm02", "cat", NOTE, check=False).stdout

    def inventory(entry_point: str, *options: str, **variables: t.Any) -> Run:
        ansible.environment = {"PATH": "/tmp/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        try:
            return role(
                ansible, "kvm01", entry_point, *options, method="inventory", inventory_host="kvm02", **variables
            )
        finally:
            ansible.environment = {}

    predicted = inventory("main", "--check", units=UNITS)
    assert predicted.code == 0, predicted.output
    assert "Stop | Stop them" in predicted.changed[-1]
    assert (units(), note()) == (WORKING, "")
    stopped = inventory("main", units=UNITS, twice=True)
    assert (stopped.code, changed_again(stopped)) == (0, []), stopped.output
    assert (units(), note().split()) == (RESTING, ["reports.service", "backup.timer"])
    stubborn = inventory("main", units=["stubborn.service", "idle.service"])
    assert stubborn.code != 0
    assert "stubborn.service" in stubborn.failure
    assert note().split() == ["reports.service", "backup.timer"]
    back = inventory("restore", twice=True)
    assert (back.code, changed_again(back)) == (0, []), back.output
    assert (units(), note()) == (WORKING, "")
