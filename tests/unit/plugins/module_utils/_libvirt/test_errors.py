# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.errors import translate
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import libvirtError


def test_translate_keeps_the_facts() -> None:
    error = translate(libvirtError(42, "Domain nicht gefunden.", 10), "There is no guest 'x' on this host.")
    assert error.reason == "GUEST_NOT_FOUND"
    assert error.problem == "There is no guest 'x' on this host. libvirt says: Domain nicht gefunden."
    assert error.evidence == {
        "libvirt_code": 42,
        "libvirt_domain": 10,
        "libvirt_message": "Domain nicht gefunden.",
    }


def test_translate_tells_the_state_of_the_guest() -> None:
    refusal = libvirtError(55, "no job is active on the domain")
    told = translate(refusal, "It was not done.", guest_state="running (booted)").state
    assert told == "The request was refused and changed nothing. The guest is running (booted) here."
    assert translate(refusal, "It was not done.", state="All is well.").state == "All is well."


class Bare:
    """An error of the binding that carries nothing, as after a failure without a connection."""

    def get_error_code(self) -> None:
        return None

    def get_error_domain(self) -> None:
        return None

    def get_error_message(self) -> None:
        return None

    def __str__(self) -> str:
        return "virConnectOpen() failed"


def test_translate_an_error_that_carries_nothing() -> None:
    error = translate(Bare(), "It was not done.")
    assert error.reason == "LIBVIRT_ERROR"
    assert "virConnectOpen() failed" in str(error)
    assert error.evidence["libvirt_code"] == 0
