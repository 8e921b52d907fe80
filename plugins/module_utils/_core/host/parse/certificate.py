# SPDX-License-Identifier: GPL-3.0-or-later
"""What a certificate says of its time and of whom it is for, and whether that is a given host by GnuTLS's rules.

Just enough of DER, since the standard library has no reader. QEMU and libvirt ask GnuTLS about names
(``gnutls_x509_crt_check_hostname``, lib/x509/hostname-verify.c); tests/unit asks it, too, where it is installed.
"""

from __future__ import annotations

import base64
import binascii
import calendar
import ipaddress
import itertools
import re
import typing as t

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----")
# Tags of DER (X.690), and those of RFC 5280 for a certificate's fields and for kinds of names.
_UTC_TIME, _EXPLICIT_0, _EXPLICIT_3 = 0x17, 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_ALTERNATIVE_NAME = bytes((0x55, 0x1D, 0x11))
_KEY_PURPOSE = bytes((0x55, 0x1D, 0x25))
_FOR_SERVERS = (bytes((0x2B, 6, 1, 5, 5, 7, 3, 1)), bytes((0x55, 0x1D, 0x25, 0)))  # or for any purpose
_COMMON_NAME = bytes((0x55, 0x04, 0x03))
_ENCODINGS = {0x1E: "utf-16-be", 0x1C: "utf-32-be"}  # BMPString, UniversalString; else UTF-8
_LONGEST_NAME = 255  # MAX_CN of GnuTLS with its zero at the end

Ip = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Certificate(t.NamedTuple):
    """``host_names``: those that GnuTLS compares, wildcards among them: the alternative names, or else the common one.

    ``addresses``: in the shortest spelling. An address that stands in the place of a name counts nothing since 3.6.0.
    """

    not_before_epoch_s: int
    not_after_epoch_s: int
    host_names: list[str]
    addresses: list[str]

    @property
    def names(self) -> list[str]:
        """Of both kinds."""
        return [*self.host_names, *self.addresses]

    def is_for(self, host: str) -> bool:
        """Whether one that connects to this name or address takes the certificate."""
        return is_for(self.names, host)


def is_for(names: t.Iterable[str], host: str) -> bool:
    """The same with ``names`` of a certificate, as they stand in a host document."""
    wanted = _ip(host)
    if wanted is not None:
        return any(_ip(name) == wanted for name in names)
    host = _ascii(host).lower()
    return any(_is_name_for(name.lower(), host) for name in names)


def _is_name_for(name: str, host: str) -> bool:
    if not name.startswith("*"):
        return name == host
    # It stands for the first label or a beginning of that, and at least two more labels have to follow.
    rest = name[1:]
    if rest.count(".") < 2 or rest.endswith("."):
        return False
    return host.endswith(rest) and "." not in host[: len(host) - len(rest)]


def _ip(text: str) -> t.Optional[Ip]:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def parse_certificate(pem: str) -> Certificate:
    """The first certificate of a PEM file; ValueError when there is none or it is damaged."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("there is no certificate in it")
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True)
        return _certificate(der)
    except (binascii.Error, IndexError, StopIteration, UnicodeDecodeError, OverflowError) as exc:
        raise ValueError("its certificate is damaged") from exc


class _Node(t.NamedTuple):
    tag: int
    content: bytes


def _certificate(der: bytes) -> Certificate:
    inner = next(_nodes(next(_nodes(der)).content))
    fields = [node for node in _nodes(inner.content) if node.tag != _EXPLICIT_0]
    # serial number, algorithm, issuer, validity, subject
    start, end = (_time(node) for node in _nodes(fields[3].content))
    extensions = _extensions(next((node.content for node in fields if node.tag == _EXPLICIT_3), b""))
    alternatives = list(_nodes(extensions.get(_ALTERNATIVE_NAME, b"")))
    # For names GnuTLS looks no further after one that is too long for it.
    seen = list(itertools.takewhile(lambda node: len(node.content) <= _LONGEST_NAME, alternatives))
    host_names = [node.content for node in seen if node.tag == _DNS_NAME]
    if not any(node.tag in (_DNS_NAME, _IP_ADDRESS) for node in seen) and _is_for_servers(extensions):
        common_names = _common_names(fields[4].content)
        host_names = common_names if len(common_names) == 1 else []
    return Certificate(start, end, _comparable(host_names), _addresses(alternatives))


def _extensions(content: bytes) -> dict[bytes, bytes]:
    """What stands within the outermost sequence of each, by object identifier."""
    found: dict[bytes, bytes] = {}
    for listed in _nodes(content):
        for extension in _nodes(listed.content):
            parts = list(_nodes(extension.content))
            found.setdefault(parts[0].content, next(_nodes(parts[-1].content)).content if parts[1:] else b"")
    return found


def _is_for_servers(extensions: t.Mapping[bytes, bytes]) -> bool:
    purposes = extensions.get(_KEY_PURPOSE)
    return purposes is None or any(node.content in _FOR_SERVERS for node in _nodes(purposes))


def _comparable(names: t.Iterable[bytes]) -> list[str]:
    """Without what is not printable ASCII or too long, which GnuTLS passes over, and addresses, which are no names."""
    printable = [name.decode("ascii") for name in names if all(0x20 <= byte < 0x7F for byte in name)]
    return [name for name in dict.fromkeys(printable) if len(name) <= _LONGEST_NAME and not _ip(name)]


def _addresses(alternatives: t.Iterable[_Node]) -> list[str]:
    contents = [node.content for node in alternatives if node.tag == _IP_ADDRESS and len(node.content) in (4, 16)]
    return list(dict.fromkeys(str(ipaddress.ip_address(content)) for content in contents))


def _nodes(data: bytes) -> t.Iterator[_Node]:
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise IndexError("cut off")
        yield _Node(tag, data[at : at + length])
        at += length


def _time(node: _Node) -> int:
    text = node.content.decode("ascii").rstrip("Z")
    if node.tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    year, *rest = (int(text[begin:end]) for begin, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14)))
    return calendar.timegm((year, *rest))


def _common_names(subject: bytes) -> list[bytes]:
    """In UTF-8."""
    found = []
    for part in _nodes(subject):
        for pair in _nodes(part.content):
            oid, value = list(_nodes(pair.content))[:2]
            if oid.content == _COMMON_NAME:
                encoding = _ENCODINGS.get(value.tag)
                found.append(value.content.decode(encoding).encode() if encoding else value.content)
    return found
