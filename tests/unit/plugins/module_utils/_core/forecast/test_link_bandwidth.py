# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    RouteDevice,
    expected_bandwidth,
)

MIB = 1 << 20


def test_what_the_user_says() -> None:
    found = expected_bandwidth(45.6, 0, RouteDevice("eth1", 10_000), 7)
    assert found.bytes_per_s == int(45.6 * MIB)
    assert found.known_from == "link_mib_per_s"


def test_the_speed_of_the_device() -> None:
    found = expected_bandwidth(None, 0, RouteDevice("br0", 10_000), 7)
    assert found.bytes_per_s == 1_175_000_000
    assert "below br0, 10000 Mbit/s" in found.known_from


def test_what_the_last_migration_had() -> None:
    assert expected_bandwidth(None, 0, RouteDevice("veth0"), 7 * MIB)[:2] == (7 * MIB, "last_migration")
    assert expected_bandwidth(None, 5, RouteDevice("veth0"), 7 * MIB)[:2] == (5 * MIB, "bandwidth_mib_per_s")
    assert expected_bandwidth(10.0, 0, RouteDevice(), 7 * MIB)[:2] == (10 * MIB, "link_mib_per_s")
    assert expected_bandwidth(None, 0, RouteDevice("eth1", 10_000), 7 * MIB).bytes_per_s != 7 * MIB


@pytest.mark.parametrize("link", [None, 100.0])
def test_a_limit(link: float | None) -> None:
    found = expected_bandwidth(link, 20, RouteDevice("eth1"))
    assert (found.bytes_per_s, found.known_from) == (20 * MIB, "bandwidth_mib_per_s")


def test_a_limit_above_what_the_link_carries() -> None:
    assert expected_bandwidth(10.0, 20, RouteDevice()) == (10 * MIB, "link_mib_per_s", None)


@pytest.mark.parametrize(("interface", "words"), [("veth0", "veth0, which tells no speed"), (None, "not known here")])
def test_not_known(interface: str | None, words: str) -> None:
    found = expected_bandwidth(None, 0, RouteDevice(interface))
    assert found.bytes_per_s is None
    assert words in found.known_from


def test_a_link_that_carries_next_to_nothing_carries_something() -> None:
    """0 would be "not known", or a time without an end."""
    assert expected_bandwidth(1e-9, 0, RouteDevice())[:2] == (1, "link_mib_per_s")


def test_what_the_link_carries_beyond_a_limit() -> None:
    """The last bytes are not kept to the limit."""
    assert expected_bandwidth(100.0, 20, RouteDevice()) == (20 * MIB, "bandwidth_mib_per_s", 100 * MIB)
    assert expected_bandwidth(None, 20, RouteDevice("veth0")) == (20 * MIB, "bandwidth_mib_per_s", None)
