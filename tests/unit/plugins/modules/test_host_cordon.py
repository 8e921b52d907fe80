# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import cordon_secret
from ansible_collections.virtops.live_migration.plugins.modules import host_cordon
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Call, FakeLibvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

OPEN = Call("open", "qemu:///system")
XML = (
    f"<secret ephemeral='no' private='no'><uuid>{cordon_secret.UUID}</uuid>"
    f"<description>{cordon_secret.DESCRIPTION}</description></secret>"
)


class Secret:
    undefined = False

    def undefine(self) -> None:
        self.undefined = True


def asked() -> Call:
    return Call("secretLookupByUUIDString", cordon_secret.UUID)


def none() -> Call:
    return asked().raises(66, "Secret not found")


CLOSED = '{"cordoned": true}'
OTHER_HOST = "qemu+ssh://root@kvm02/system"


@pytest.fixture
def fact(tmp_path: Path) -> Path:
    """The local fact of the role evacuate_host."""
    file = tmp_path / "virtops_live_migration.fact"
    file.write_text(CLOSED)
    return file


@pytest.mark.parametrize("check", [True, False])
def test_the_fact_goes_with_the_note(libvirt: FakeLibvirt, run: ModuleRunner, fact: Path, check: bool) -> None:
    libvirt.expect(OPEN, none())
    result = run(host_cordon, check=check, state="absent", fact_path=str(fact.parent))
    assert (result["changed"], result["cordoned"]) == (True, False)
    assert result["diff"] == {"before": {"cordoned": True}, "after": {"cordoned": False}}
    assert fact.exists() is check


def test_a_second_time_there_is_nothing_to_do(libvirt: FakeLibvirt, run: ModuleRunner, fact: Path) -> None:
    fact.write_text('{"cordoned": true, "only_return_left": true}')
    libvirt.expect(OPEN, none(), OPEN, none())
    asked_for = {"state": "absent", "fact_path": str(fact.parent)}
    assert run(host_cordon, **asked_for)["changed"] is True
    assert run(host_cordon, **asked_for)["changed"] is False
    assert "only_return_left" in fact.read_text()


def test_a_fact_that_cannot_be_read_is_told_before_anything_is_changed(
    libvirt: FakeLibvirt, run: ModuleRunner, fact: Path
) -> None:
    fact.write_text("{")
    libvirt.expect(OPEN, asked().returns(Secret()))
    assert run.fails(host_cordon, state="absent", fact_path=str(fact.parent))["reason"] == "BAD_FACT"


@pytest.mark.parametrize(
    "given", [{"state": "present"}, {"state": "absent", "uri": OTHER_HOST}, {"state": "absent", "fact_path": ""}]
)
def test_the_fact_is_left_alone(libvirt: FakeLibvirt, run: ModuleRunner, fact: Path, given: dict[str, str]) -> None:
    """When the host is closed, when it is another host's, and when nobody wants it."""
    note = Secret()
    opened = Call("open", given.get("uri", "qemu:///system"))
    lifted = [asked().returns(note)] if given["state"] == "absent" else []
    libvirt.expect(opened, asked().returns(note), *lifted)
    run(host_cordon, **{"fact_path": str(fact.parent), **given})
    assert fact.read_text() == CLOSED


@pytest.mark.parametrize("check", [True, False])
def test_a_note_is_left(libvirt: FakeLibvirt, run: ModuleRunner, check: bool) -> None:
    written = [] if check else [Call("secretDefineXML", XML, 0).returns(Secret())]
    libvirt.expect(OPEN, none(), *written)
    result = run(host_cordon, check=check)
    assert (result["changed"], result["cordoned"]) == (True, True)
    assert result["diff"] == {"before": {"cordoned": False}, "after": {"cordoned": True}}


def test_it_is_there_already(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(OPEN, asked().returns(Secret()))
    result = run(host_cordon)
    assert (result["changed"], result["cordoned"]) == (False, True)


def test_it_is_taken_away(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    note = Secret()
    libvirt.expect(OPEN, asked().returns(note), asked().returns(note))
    result = run(host_cordon, state="absent")
    assert (result["changed"], result["cordoned"], note.undefined) == (True, False, True)


def test_there_is_none_to_take_away(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(OPEN, none())
    result = run(host_cordon, state="absent")
    assert (result["changed"], result["cordoned"]) == (False, False)


def test_a_libvirt_without_a_place_for_notes(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(OPEN, asked().raises(3, "this function is not supported by the connection driver"))
    assert run.fails(host_cordon)["reason"] == "NO_NOTES"


def test_which_has_none_to_take_away_either(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(OPEN, asked().raises(38, "Failed to connect socket to '/run/libvirt/virtsecretd-sock'"))
    assert run(host_cordon, state="absent")["changed"] is False
