# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as values: one address has many spellings, and names of the loopback interface lead to it on every host."""

from __future__ import annotations

import functools
import ipaddress
import re
import typing as t

IpAddress = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# As /etc/hosts of Debian, Fedora and SUSE has them.
_LOOPBACK_NAMES = (
    *("localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4"),
    *("localhost6", "localhost6.localdomain6", "ip6-localhost", "ip6-loopback"),
)
_SCOPE = re.compile(r"[%/].*", re.DOTALL)
_LONGEST = 256  # no address or host name is longer


@functools.lru_cache(maxsize=4096)
def address_of(text: str) -> t.Optional[IpAddress]:
    """The value of a text; None for a name. In brackets, with a prefix or with a scope id it is the same address.

    IPv4 addresses that are written in IPv6 (``::ffff:192.0.2.1``) are IPv4 addresses.
    """
    if len(text) > _LONGEST:
        return None
    bare = _SCOPE.sub("", text.strip().strip("[]"))
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return _short_v4(bare)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _short_v4(text: str) -> t.Optional[IpAddress]:
    """What inet_aton(3), and with it getaddrinfo(3), takes beside four decimal numbers: ``127.1``, ``0x7f000001``."""
    parts = text.split(".")
    if not 1 <= len(parts) <= 4 or not all(re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,12}", part) for part in parts):
        return None
    try:
        *first, last = (int(part, _base(part)) for part in parts)
    except ValueError:
        return None
    if any(part > 0xFF for part in first) or last >= 1 << 8 * (4 - len(first)):
        return None
    value = last
    for place, part in enumerate(first):
        value |= part << 8 * (3 - place)
    return ipaddress.IPv4Address(value)


def _base(number: str) -> int:
    return 16 if number[:2].lower() == "0x" else 8 if number[:1] == "0" else 10


def scope_of(text: str) -> str:
    """``eth0`` of ``fe80::1%eth0``."""
    return text.strip().strip("[]").partition("/")[0].partition("%")[2]


def is_loopback(text: str) -> bool:
    """Whether an address or name leads to the host that it is used on."""
    found = address_of(text)
    if found is not None:
        return found.is_loopback
    name = text.strip().rstrip(".").lower()
    # RFC 6761: all names below localhost too.
    return name in _LOOPBACK_NAMES or name.endswith(".localhost")


def is_wildcard(text: str) -> bool:
    """Whether something that listens on it listens on all addresses of its host."""
    found = address_of(text)
    return text.strip() in ("", "*") or (found is not None and found.is_unspecified)


def on_every_host(text: str) -> bool:
    """Whether any host can listen on it."""
    return is_loopback(text) or is_wildcard(text)


def same_address(one: str, other: str) -> bool:
    """The same value; of names the same text, whatever its case."""
    first, second = address_of(one), address_of(other)
    if first is not None or second is not None:
        return first == second
    return one.strip().rstrip(".").lower() == other.strip().rstrip(".").lower()


def among(text: str, addresses: t.Iterable[str]) -> bool:
    """Whether an address is one of these, however either is written."""
    return any(same_address(text, one) for one in addresses)


def host_port(host: str, port: str) -> str:
    """``mon1:6789``, ``[2001:db8::1]:6789``, ``mon1``."""
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def split_port(text: str) -> tuple[str, str]:
    """Host and port of what ``host_port`` made; an empty port where there is none."""
    if text.startswith("["):
        host, _bracket, rest = text[1:].partition("]")
        return host, rest.lstrip(":")
    host, _colon, port = text.rpartition(":")
    # A bare IPv6 address has colons and no port.
    return (host, port) if host and ":" not in host else (text, "")
