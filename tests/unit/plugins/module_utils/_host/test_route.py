# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.route import (
    interface_to,
    outgoing_index,
    speed_mbit_per_s,
)

# What Linux 6.1 answers for 127.0.0.1: table, destination, interface 1, source.
ANSWER = bytes.fromhex(
    "6800000018000000010000004836000002200000fe0000020002008008000f00fe000000080001007f000001080004000100000008000700"
    "7f000001080019000000000024000c0002000000910600000000000000000000000000000000000000000000000000"
    "00"
)
REFUSED = struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -101) + bytes(16)


def test_the_kernel_s_answer() -> None:
    assert outgoing_index(ANSWER) == 1


def test_an_error_of_the_kernel() -> None:
    assert outgoing_index(REFUSED) is None


def test_an_answer_without_an_interface() -> None:
    assert outgoing_index(struct.pack("=I", 28) + ANSWER[4:28]) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_kernel(host: str) -> None:
    assert interface_to(host) == "lo"


@pytest.mark.parametrize("host", ["", "x" * 300])
def test_no_host(host: str) -> None:
    assert interface_to(host) is None


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
def test_the_speed_of_a_device_counts(interfaces: Path, name: str, speed: int | None) -> None:
    assert speed_mbit_per_s(name, interfaces) == speed


def test_interfaces_that_lie_on_each_other_without_end(tmp_path: Path) -> None:
    for name, below in (("a", "b"), ("b", "a")):
        (tmp_path / name / f"lower_{below}").mkdir(parents=True)
    assert speed_mbit_per_s("a", tmp_path) is None
