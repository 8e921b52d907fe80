# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What a certificate says of its time and its names: just enough of DER, since the standard library has no reader."""

from __future__ import annotations

import base64
import binascii
import calendar
import re
import typing as t

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_UTC_TIME, _EXPLICIT_0, _EXPLICIT_3 = 0x17, 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_ALTERNATIVE_NAME = bytes((0x55, 0x1D, 0x11))
_COMMON_NAME = bytes((0x55, 0x04, 0x03))


class Certificate(t.NamedTuple):
    not_before_epoch_s: int
    not_after_epoch_s: int
    names: list[str]


class _Node(t.NamedTuple):
    tag: int
    content: bytes


def parse_certificate(pem: str) -> Certificate:
    """The first certificate of a PEM file; ValueError when there is none or it is damaged."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("there is no certificate in it")
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True)
        return _certificate(der)
    except (binascii.Error, IndexError, StopIteration, UnicodeDecodeError) as exc:
        raise ValueError("its certificate is damaged") from exc


def _certificate(der: bytes) -> Certificate:
    inner = next(_nodes(next(_nodes(der)).content))
    fields = [node for node in _nodes(inner.content) if node.tag != _EXPLICIT_0]
    # serial number, algorithm, issuer, validity, subject
    start, end = (_time(node) for node in _nodes(fields[3].content))
    names = _common_names(fields[4].content)
    for extensions in (node for node in fields if node.tag == _EXPLICIT_3):
        names += _alternative_names(next(_nodes(extensions.content)).content)
    return Certificate(start, end, list(dict.fromkeys(names)))


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


def _common_names(subject: bytes) -> list[str]:
    found = []
    for part in _nodes(subject):
        oid, value = list(_nodes(next(_nodes(part.content)).content))[:2]
        if oid.content == _COMMON_NAME:
            found.append(value.content.decode("utf-8", "replace"))
    return found


def _alternative_names(extensions: bytes) -> list[str]:
    for extension in _nodes(extensions):
        parts = list(_nodes(extension.content))
        if parts[0].content == _ALTERNATIVE_NAME:
            names = next(_nodes(parts[-1].content))
            return [name for name in (_name(node) for node in _nodes(names.content)) if name]
    return []


def _name(node: _Node) -> str:
    if node.tag == _DNS_NAME:
        return node.content.decode("ascii", "replace")
    if node.tag == _IP_ADDRESS and len(node.content) == 4:
        return ".".join(map(str, node.content))
    if node.tag == _IP_ADDRESS and len(node.content) == 16:
        return ":".join(f"{int.from_bytes(node.content[at : at + 2], 'big'):x}" for at in range(0, 16, 2))
    return ""
