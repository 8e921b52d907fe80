# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import cordon
from ansible_collections.virtops.live_migration.plugins.modules import host_cordon
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Call, FakeLibvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

OPEN = Call("open", "qemu:///system")
XML = (
    f"<secret ephemeral='no' private='no'><uuid>{cordon.UUID}</uuid>"
    f"<description>{cordon.DESCRIPTION}</description></secret>"
)


class Secret:
    undefined = False

    def undefine(self) -> None:
        self.undefined = True


def asked() -> Call:
    return Call("secretLookupByUUIDString", cordon.UUID)


def none() -> Call:
    return asked().raises(66, "Secret not found")


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
