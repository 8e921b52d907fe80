# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses as values, whatever their spelling."""

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.addresses import (
    address_of,
    among,
    host_port,
    is_loopback,
    is_wildcard,
    on_every_host,
    same_address,
    scope_of,
    split_port,
)


@pytest.mark.parametrize(
    ("address", "loopback", "wildcard"),
    [
        ("127.0.1.1", True, False),
        ("127.0.0.2", True, False),
        ("127.1", True, False),
        ("0x7f000001", True, False),
        ("2130706433", True, False),
        ("::1", True, False),
        ("0:0:0:0:0:0:0:1", True, False),
        ("0000:0000:0000:0000:0000:0000:0000:0001", True, False),
        ("[::1]", True, False),
        ("::ffff:127.0.0.1", True, False),
        ("::FFFF:7F00:1", True, False),
        ("localhost", True, False),
        ("LocalHost", True, False),
        ("localhost.", True, False),
        ("localhost.localdomain", True, False),
        ("localhost6", True, False),
        ("ip6-localhost", True, False),
        ("guest.localhost", True, False),
        ("localhost.example.com", False, False),
        ("127.0.0.1.example.com", False, False),
        ("10.0.0.1", False, False),
        ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, True),
        ("0", False, True),
        ("::", False, True),
        ("0:0:0:0:0:0:0:0", False, True),
        ("[::]", False, True),
        ("::ffff:0.0.0.0", False, True),
        ("*", False, True),
        ("", False, True),
        ("kvm01", False, False),
        ("1" * 5000, False, False),
    ],
)
def test_addresses_that_are_no_address(address: str, loopback: bool, wildcard: bool) -> None:
    assert (is_loopback(address), is_wildcard(address)) == (loopback, wildcard)
    assert on_every_host(address) == (loopback or wildcard)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.231.0.11", "10.231.0.11/24", True),
        ("10.231.0.11", "::ffff:10.231.0.11", True),
        ("2001:db8::1", "2001:DB8:0:0:0:0:0:1", True),
        ("2001:db8::1", "2001:0db8::0001/64", True),
        ("[2001:db8::1]", "2001:db8::1%eth0", True),
        ("10.231.0.11", "10.231.0.1", False),
        ("10.231.0.11", "kvm01", False),
        ("KVM01.example.com", "kvm01.example.com.", True),
        ("kvm01", "kvm02", False),
        ("", "10.231.0.11", False),
        ("10.231.256.1", "10.231.256.1", True),
    ],
)
def test_one_address_in_two_spellings(one: str, other: str, same: bool) -> None:
    assert [same_address(*pair) for pair in ((one, other), (other, one))] == [same, same]
    assert among(one, ["192.0.2.1", other]) == same


def test_what_is_no_number_of_inet_aton() -> None:
    for text in ("256", "1.2.3.4.5", "08.1", "0x", "1..2", "1.2.3.256", "-1", "1e3"):
        found = address_of(text)
        assert found is None or str(found) == "0.0.1.0", text


def test_scopes() -> None:
    assert scope_of("fe80::1%eth0") == scope_of("[fe80::1%eth0]") == scope_of("fe80::1%eth0/64") == "eth0"
    assert scope_of("fe80::1") == ""


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("mon1", "6789", "mon1:6789"),
        ("mon1", "", "mon1"),
        ("2001:db8::1", "6789", "[2001:db8::1]:6789"),
        ("::1", "", "::1"),
    ],
)
def test_hosts_with_ports(host: str, port: str, text: str) -> None:
    assert host_port(host, port) == text
    assert split_port(text) == (host, port)
