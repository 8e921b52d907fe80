# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import Listener
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.daemon_address import (
    DaemonAddress,
    port_to_try,
    target_of_host,
    target_of_uri,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import Setup


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("qemu+ssh://root@kvm02/system", DaemonAddress("kvm02", 22)),
        ("qemu+ssh://root@kvm02:2222/system?keyfile=/k", DaemonAddress("kvm02", 2222)),
        ("qemu+tcp://10.231.0.12/system", DaemonAddress("10.231.0.12", 16509)),
        ("qemu+tls://[2001:db8::12]/system", DaemonAddress("2001:db8::12", 16514)),
        ("qemu://kvm02/system", DaemonAddress("kvm02", 16514)),
        ("qemu:///system", None),
        ("qemu+unix:///system", None),
        ("qemu+ssh://kvm02:port/system", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_where_a_uri_leads(uri: str, target: DaemonAddress | None) -> None:
    assert target_of_uri(uri) == target


def test_where_a_host_listens() -> None:
    destination = Setup().destination
    assert target_of_host(destination) == DaemonAddress("kvm02", 16514)
    own = [Listener("ssh", "::", 22), Listener("tcp", "10.231.0.12", 16509)]
    assert target_of_host(Setup().but({"destination.daemon.listeners": own}).destination) == DaemonAddress(
        "10.231.0.12", 16509
    )
    assert target_of_host(Setup().but({"destination.daemon.listeners": None}).destination) is None


def port(**changes: object) -> DaemonAddress | None:
    return port_to_try(
        Setup().but({f"destination.migration.{name}": value for name, value in changes.items()}).destination
    )


def test_only_a_port_that_nobody_waits_on_is_tried() -> None:
    assert port() == DaemonAddress("10.231.1.12", 49215)
    assert port(ports_used=[49152, 49153]) == DaemonAddress("10.231.1.12", 49215)
    assert port(ports_used=[49215]) is None
    assert port(ports_used=list(range(49152, 49184))) is None  # half of them: the last one may come next
    assert port(ports_used=None) is None
    assert port(address="") is None
    assert port(port_max=49155) is None
