# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import RouteDevice
from ansible_collections.virtops.live_migration.plugins.module_utils._host import network, route
from ansible_collections.virtops.live_migration.plugins.module_utils._host.route import (
    parse_route,
    read_route,
    route_to,
)

# What Linux 6.1 answers for 127.0.0.1: table, destination, interface 1, source.
ANSWER = bytes.fromhex(
    "6800000018000000010000004836000002200000fe0000020002008008000f00fe000000080001007f000001080004000100000008000700"
    "7f000001080019000000000024000c0002000000910600000000000000000000000000000000000000000000000000"
    "00"
)
REFUSED = struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -101) + bytes(16)


def attribute(kind: int, address: str) -> bytes:
    return struct.pack("=HH", 8, kind) + bytes(int(part) for part in address.split("."))


def test_the_kernel_s_answer() -> None:
    found = parse_route("127.0.0.1", ANSWER)
    assert (found.interface, found.source_address, found.gateway, found.problem) == ("lo", "127.0.0.1", "", "")


def test_a_way_over_a_gateway() -> None:
    body = ANSWER[16:28] + struct.pack("=HHI", 8, 4, 1) + attribute(5, "10.231.1.1") + attribute(7, "10.231.1.11")
    found = parse_route("10.9.9.9", struct.pack("=IHHII", 16 + len(body), 24, 0, 1, 0) + body)
    assert (found.source_address, found.gateway) == ("10.231.1.11", "10.231.1.1")


def test_an_error_of_the_kernel() -> None:
    assert parse_route("10.9.9.9", REFUSED).problem == "no route (Network is unreachable)"


def test_an_answer_without_an_interface() -> None:
    assert parse_route("10.9.9.9", struct.pack("=I", 28) + ANSWER[4:28]).problem == "no route"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_kernel(host: str) -> None:
    assert read_route(host).interface == "lo"
    assert route_to([host]) == RouteDevice("lo")


@pytest.mark.parametrize("host", ["", "x" * 300])
def test_no_host(host: str) -> None:
    assert read_route(host).problem == "the name leads nowhere"
    assert route_to([host]) == RouteDevice()


def test_the_first_that_can_be_reached() -> None:
    assert route_to(["", "x" * 300, "127.0.0.1"]) == RouteDevice("lo")


@pytest.fixture
def interfaces(tmp_path: Path) -> Path:
    """A bridge over a bond of two devices and a guest's tap, a VLAN on a device, a veth."""

    def make(name: str, speed: str, *lower: str, device: bool = False) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "speed").write_text(speed)
        for below in lower:
            (tmp_path / name / f"lower_{below}").mkdir()
        if device:
            (tmp_path / name / "device").mkdir()

    make("eth0", "10000\n", device=True)
    make("eth1", "1000\n", device=True)
    make("eth2", "-1\n", device=True)
    make("bond0", "11000\n", "eth0", "eth1")
    make("vnet7", "10\n")
    make("br0", "11000\n", "bond0", "vnet7")
    make("eth1.30", "1000\n", "eth1")
    make("veth0", "10000\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "speed"),
    [
        ("eth0", 10_000),
        ("eth2", None),
        ("bond0", 10_000),
        ("br0", 10_000),
        ("eth1.30", 1000),
        ("veth0", None),
        ("none", None),
    ],
)
def test_the_speed_of_a_device_counts(
    interfaces: Path, monkeypatch: pytest.MonkeyPatch, name: str, speed: int | None
) -> None:
    for file in (network, route):
        monkeypatch.setattr(file, "NET", str(interfaces))
    monkeypatch.setattr(route, "read_route", lambda destination: route.Route(destination, name))
    assert route_to(["kvm02"]) == RouteDevice(name, speed)
