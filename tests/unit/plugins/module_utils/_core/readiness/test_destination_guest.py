# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that are others on the destination: the document of a guest and its definition say the same of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.destination_changes import DestinationChanges
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import Filesystem
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Endpoint, Graphics, Nic
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import Interface
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import parse_domain
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.destination_xml import rewritten
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.assessor import Assessor
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    ReadinessOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.destination_guest import arriving
from ansible_collections.virtops.live_migration.tests.unit.plugins.differing_definition import CHANGES, GUEST
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import Setup


def status(setup: Setup, check: str, changes: DestinationChanges | None = None, **intent: str) -> str:
    options = ReadinessOptions(changes=changes or DestinationChanges(), **intent)
    pair = replace(setup.pair, options=options)
    return Assessor(pair).assess(setup.domain).findings[check].status


@pytest.mark.parametrize("changes", [CHANGES, DestinationChanges(paths={"/": "/x"}), DestinationChanges()])
def test_both_ways_are_one(changes: DestinationChanges) -> None:
    assert arriving(parse_domain(GUEST), changes) == parse_domain(rewritten(GUEST, changes))


@pytest.mark.parametrize("kind", ["direct", "user", "vhostuser"])
def test_an_interface_of_the_host_has_another_name_there(kind: str) -> None:
    guest = GUEST.replace("<interface type='direct'>", f"<interface type='{kind}'>")
    there = arriving(parse_domain(guest), CHANGES)
    assert there == parse_domain(rewritten(guest, CHANGES))
    assert [one.device for one in there.interfaces if one.type == kind] == ["ens1f0"]


def test_another_bridge_there() -> None:
    setup = Setup().but({"destination.interfaces": [Interface("br-vm", "bridge", mtu=1500)]})
    changes = DestinationChanges(bridges={"br0": "br-vm"})
    assert [status(setup, one) for one in ("guest_networks", "guest_mtu")] == ["fail", "skip"]
    assert [status(setup, one, changes) for one in ("guest_networks", "guest_mtu")] == ["pass", "pass"]
    smaller = setup.but({"destination.interfaces": [Interface("br-vm", "bridge", mtu=1400)]})
    assert status(smaller, "guest_mtu", changes) == "fail"


def test_another_network_there() -> None:
    setup = Setup().but({"domain.interfaces": [Nic(type="network", network="red")]})
    assert status(setup, "guest_networks") == "fail"
    assert status(setup, "guest_networks", DestinationChanges(networks={"red": "blue"})) == "pass"


def test_another_address_there() -> None:
    consoles = [Graphics("vnc", "10.231.0.11", listen_type="address", sent=True)]
    setup = Setup().but({"domain.graphics": consoles, "domain.endpoints": [Endpoint("serial", "tcp", "10.231.1.11")]})
    both = {"10.231.0.11": "10.231.0.12", "10.231.1.11": "10.231.1.12"}
    one = DestinationChanges(listen_addresses={"10.231.0.11": "10.231.0.12"})
    assert status(setup, "graphics") == "fail"
    assert status(setup, "graphics", one) == "fail"
    assert status(setup, "graphics", DestinationChanges(listen_addresses=both)) == "pass"


def test_the_same_share_at_another_path_there() -> None:
    there = Filesystem("/mnt/vm", "filer:/export", "nfs4", True)
    setup = Setup().but({"destination.storage.filesystems": [there]})
    assert status(setup, "disks_reachable") == "fail"
    assert status(setup, "disks_reachable", DestinationChanges(paths={"/srv/nfs": "/mnt/vm"})) == "pass"
    # Below it, it is another file.
    assert status(setup, "disks_reachable", DestinationChanges(paths={"/srv/nfs": "/mnt/vm/old"})) == "warn"
    assert status(setup, "disks_reachable", DestinationChanges(paths={"/srv/nfs": "/nowhere"})) == "fail"
