# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Endpoint, Graphics
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument as Guest
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import Assessor
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.residents import Residents
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import Setup

HERE = Guest("erp01", "a", state="running", vsock_cid=3)
THERE = Guest("erp01", "b", state="running", vsock_cid=3, graphics=[Graphics("vnc", port=5900)])
OFF = replace(THERE, name="off", uuid="c", state="shut off")
SERVER = Guest("web01", "d", state="running", endpoints=[Endpoint("serial", "tcp", "0.0.0.0", 4555)])


def test_what_an_arriving_guest_has_in_common_with_others() -> None:
    found = Residents([replace(HERE, state="shut off"), THERE, OFF, SERVER])
    assert found.of_uuid("a") == replace(HERE, state="shut off")
    assert found.of_uuid("x") is None
    assert found.other_of_name(HERE) is THERE
    assert found.other_of_name(SERVER) is None
    assert found.other_of_cid(HERE) is THERE
    assert found.other_of_cid(replace(HERE, vsock_cid=None)) is None
    assert found.on_port({5900, 4555}, HERE) == (4555, SERVER)
    assert found.on_port({5900}, HERE) == (5900, THERE)
    assert found.on_port({5900}, THERE) is None, "its own"
    assert Residents([OFF]).on_port({5900}, HERE) is None


def test_the_guests_of_a_destination_are_gone_through_once() -> None:
    """Not for each guest that is to go there."""
    gone_through = [0]

    class Counted(list[t.Any]):
        def __iter__(self) -> t.Iterator[t.Any]:
            gone_through[0] += 1
            return super().__iter__()

    setup = Setup()
    setup.pair.destination.domains[:] = []
    object.__setattr__(setup.pair.destination, "domains", Counted(setup.pair.destination.domains))
    assessor = Assessor(setup.pair)
    for number in range(200):
        assessor.assess(replace(HERE, name=f"g{number}", uuid=f"u{number}"))
    assert gone_through[0] <= 2
