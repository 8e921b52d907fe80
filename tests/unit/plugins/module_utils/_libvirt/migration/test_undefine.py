# SPDX-License-Identifier: GPL-3.0-or-later

"""A definition is taken off the source, and nothing that belongs to the guest goes with it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration import (
    definition,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.definition import (
    _undefine,
    loses_tpm_state,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    GONE,
    MIGRATED,
    UNANSWERED,
    Call,
    FakeDomain,
    FakeLibvirt,
    libvirtError,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Guest as FakeGuest

NO_TPM = "<domain><devices/></domain>"
EMULATED = "<domain><devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'{}/></tpm></devices></domain>"
PASSED = "<domain><devices><tpm model='tpm-tis'><backend type='passthrough'/></tpm></devices></domain>"
EXTERNAL = "<domain><devices><tpm model='tpm-crb'><backend type='external'/></tpm></devices></domain>"


@pytest.fixture
def erp01(libvirt: FakeLibvirt) -> Guest:
    libvirt.states["erp01"] = MIGRATED
    return Guest(FakeDomain(libvirt, FakeGuest()), "erp01", ERP01)


def unknown(flags: int) -> Call:
    return Call("undefineFlags", flags).raises(8, f"unsupported flags (0x{flags:x}) in function undefine")


def test_nvram_and_tpm_are_kept(libvirt: FakeLibvirt, erp01: Guest) -> None:
    libvirt.expect(Call("undefineFlags", 8 | 64))
    _undefine(erp01)


@pytest.mark.parametrize("xml", [NO_TPM, PASSED, EXTERNAL, EMULATED.format(" persistent_state='yes'")])
def test_libvirt_before_8_9_has_nothing_to_lose(libvirt: FakeLibvirt, erp01: Guest, xml: str) -> None:
    libvirt.expect(unknown(72), Call("XMLDesc", 2).returns(xml), Call("undefineFlags", 8))
    _undefine(erp01)


def test_libvirt_before_2_3_refuses_an_nvram_itself(libvirt: FakeLibvirt, erp01: Guest) -> None:
    libvirt.expect(unknown(72), Call("XMLDesc", 2).returns(NO_TPM), unknown(8), Call("undefineFlags", 0))
    _undefine(erp01)


@pytest.mark.parametrize("state", ["", " persistent_state='no'"])
def test_libvirt_before_8_9_would_delete_the_tpm(libvirt: FakeLibvirt, erp01: Guest, state: str) -> None:
    libvirt.expect(unknown(72), Call("XMLDesc", 2).returns(EMULATED.format(state)))
    with pytest.raises(MigrationError) as caught:
        _undefine(erp01)
    assert caught.value.reason == "TPM_STATE_AT_RISK"
    assert "Nothing was deleted" in caught.value.state


def test_two_tpms(libvirt: FakeLibvirt) -> None:
    """A pass-through one before an emulated one."""
    both = PASSED.replace("</devices></domain>", "") + EMULATED.format("").replace("<domain><devices>", "")
    assert loses_tpm_state(both)


@pytest.mark.parametrize(
    "message",
    [
        "Requested operation is not valid: Refusing to undefine while domain managed save image exists",
        "Requested operation is not valid: cannot delete inactive domain with 2 snapshots",
        "Requested operation is not valid: cannot delete inactive domain with 1 checkpoints",
    ],
)
def test_what_libvirt_refuses_is_not_forced(libvirt: FakeLibvirt, erp01: Guest, message: str) -> None:
    libvirt.expect(Call("undefineFlags", 72).raises(55, message))
    with pytest.raises(libvirtError):
        _undefine(erp01)


def test_another_run_was_faster(libvirt: FakeLibvirt, erp01: Guest) -> None:
    libvirt.expect(Call("undefineFlags", 72).raises(42, "Domain not found").leaves(GONE))
    _undefine(erp01)


def test_a_daemon_that_is_gone_has_undefined_nothing(libvirt: FakeLibvirt, erp01: Guest) -> None:
    libvirt.expect(Call("undefineFlags", 72).raises(38, "Cannot recv data: Connection reset").leaves(UNANSWERED))
    with pytest.raises(libvirtError):
        _undefine(erp01)


def attributes(node: ast.AST, *names: str) -> list[ast.Attribute]:
    return [one for one in ast.walk(node) if isinstance(one, ast.Attribute) and one.attr in names]


def test_one_place_undefines_guests() -> None:
    """With the flags that keep what belongs to the guest.

    Two others take a note of our own away, on which no guest depends: a secret, looked up as such by the UUID that we
    gave it.
    """
    plugins = next(one for one in Path(definition.__file__).resolve().parents if one.name == "plugins")
    guests, secrets = set(), set()
    for file in sorted(plugins.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
        of_secrets = [one for one in functions if attributes(one, "secretLookupByUUIDString")]
        known = [call for function in of_secrets for call in attributes(function, "undefine")]
        for call in attributes(tree, "undefine", "undefineFlags"):
            (secrets if call in known else guests).add(file.name)
    assert (guests, secrets) == ({"definition.py"}, {"cordon_secret.py", "lease.py"})
