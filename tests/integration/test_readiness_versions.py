# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness between two versions of libvirt and QEMU: Debian 12 and 13, in a lab of their own.

The first run installs Debian 13 beside the lab, which takes two minutes.
"""

from __future__ import annotations

import os
import typing as t

import pytest
from bench.runs import Ansible, Result, task
from bench.subject import LINK_MBIT, Subject
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

pytestmark = pytest.mark.wide

NEW = GuestOptions(ram_mib=160, hot_mib=24, cold_mib=8, machine="pc-q35-10.0")
OLD = GuestOptions(ram_mib=160, hot_mib=24, cold_mib=8)


@pytest.fixture(scope="module")
def mixed() -> t.Iterator[Lab]:
    with Lab(f"it-{os.getpid()}-mixed") as made:
        made.up(host_count=2, link_mbit=LINK_MBIT, on={"kvm02": "trixie"})
        yield made


@pytest.fixture(scope="module")
def on_both(mixed: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("ansible"), mixed.inventory())


def checks(ansible: Ansible, name: str, source: str, destination: str) -> dict[str, Result]:
    look = {**task("migration_host_info", load_window_s=0), "delegate_to": destination, "register": "there"}
    asked = {"name": name, "destination": "{{ there.host }}", "ask_qemu": True}
    uri = f"qemu+tcp://{destination}/system"
    tasks = [task("migration_readiness_info", **asked), task("migration_readiness_info", destination_uri=uri, **asked)]
    _document, result, by_libvirt = ansible.run(source, look, *tasks)
    assert not result["failed"], result["msg"]
    found, told = ({check["id"]: check for check in one["domains"][0]["checks"]} for one in (result, by_libvirt))
    # Whether its libvirt is asked or not, the answer is the same.
    assert told["cpu_compatible"]["status"] == found["cpu_compatible"]["status"], told["cpu_compatible"]
    return found


def test_to_newer_versions(mixed: Lab, on_both: Ansible) -> None:
    """The guest goes there, at a risk of its own.

    Its processor is all that the QEMU of its host can emulate, of which another QEMU lacks some. libvirt does not look.
    """
    guest = Subject(mixed, "old", OLD)
    guest.start()
    try:
        found = checks(on_both, "old", "kvm01", "kvm02")
        assert [check for check, one in found.items() if one["status"] == "fail"] == []
        assert found["cpu_compatible"]["status"] == "warn"
        assert "can emulate (maximum), and the destination lacks" in found["cpu_compatible"]["summary"]
        passed = ("versions", "machine_type", "qemu_blockers", "emulator_path")
        assert {check: found[check]["status"] for check in passed} == dict.fromkeys(passed, "pass")
        assert found["postcopy_advisable"]["status"] == "warn"  # 11.3 crashes when a broken one is resumed
        guest.arrives(guest.migrate())
        guest.verify()
        # The newer libvirt says the same of it, and lets it stay as it is.
        back = checks(on_both, "old", "kvm02", "kvm01")
        assert (back["versions"]["status"], back["qemu_blockers"]["status"]) == ("warn", "pass")
        assert "libvirt 11.3.0 to 9.0.0 and QEMU 10.0" in back["versions"]["summary"], back["versions"]
        assert guest.state().startswith("running")
    finally:
        guest.stop()


def test_a_machine_that_is_too_new(mixed: Lab, on_both: Ansible) -> None:
    guest = mixed.guest_start("new", host="kvm02", options=NEW)
    try:
        found = checks(on_both, "new", "kvm02", "kvm01")
        assert (found["versions"]["status"], found["machine_type"]["status"]) == ("warn", "fail")
        assert "pc-q35-10.0" in found["machine_type"]["summary"]
        words = ("migrate", "--live", "--p2p", guest.uuid, "qemu+tcp://kvm01/system")
        refused = mixed.virsh("kvm02", *words, check=False)
        assert "machine type" in refused.stderr, refused
    finally:
        mixed.guest_stop("new")
