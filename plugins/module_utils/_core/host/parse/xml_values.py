# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in libvirt's definitions: sizes with their units, and sets of numbers. ValueError or KeyError for others."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from ...units import KIB

_UNITS = {
    "": KIB,
    "b": 1,
    "bytes": 1,
    "k": KIB,
    "kib": KIB,
    "kb": 1000,
    "m": KIB**2,
    "mib": KIB**2,
    "mb": 1000**2,
    "g": KIB**3,
    "gib": KIB**3,
    "gb": 1000**3,
    "t": KIB**4,
    "tib": KIB**4,
    "tb": 1000**4,
    "p": KIB**5,
    "pib": KIB**5,
    "pb": 1000**5,
    "e": KIB**6,
    "eib": KIB**6,
    "eb": 1000**6,
}
_MOST_NUMBERS = 16384  # libvirt's own limit of a set of processors, VIR_DOMAIN_CPUMASK_LEN


def whole_number(text: str, base: int = 10) -> int:
    """Of at most 64 bits, as libvirt's are; with a base of 0 as Python writes them (0x1f)."""
    number = int(text, base)
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError("a number has more than 64 bits")
    return number


def _size(number: str, unit: str) -> int:
    size = whole_number(number) * _UNITS[unit.lower()]
    if not 0 <= size < 1 << 64:
        raise ValueError("a size is negative or has more than 64 bits")
    return size


def bytes_of(element: t.Optional[ElementTree.Element]) -> t.Optional[int]:
    """A size with libvirt's units; without one it is in KiB."""
    if element is None or not (element.text or "").strip():
        return None
    return _size(element.text or "0", element.get("unit", ""))


def size_of(element: ElementTree.Element, name: str) -> int:
    """The same where it is an attribute, as ``memory`` of a NUMA node and ``size`` of a page."""
    return _size(element.get(name, "0"), element.get("unit", ""))


def number_set(text: str) -> list[int]:
    """``0-2,^1,4`` as ``[0, 2, 4]``."""
    found: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, _dash, last = part.lstrip("^").partition("-")
        lowest, highest = whole_number(first), whole_number(last or first)
        if highest >= _MOST_NUMBERS:
            raise ValueError(f"{highest} is more than there can be")
        numbers = set(range(lowest, highest + 1))
        found = found - numbers if part.startswith("^") else found | numbers
    return sorted(found)
