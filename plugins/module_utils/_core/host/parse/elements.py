# SPDX-License-Identifier: GPL-3.0-or-later
"""A definition as elements. A host may have 50,000 definitions, most of whose parts are alike.

libvirt writes definitions with one indentation, so that processor, metadata and each device can be told in the text and
be parsed once for all guests that have the same. A text that is anything else is parsed as a whole: what is cut out has
to be one sound element, and to have stood directly below the root or ``devices``.
"""

from __future__ import annotations

import functools
import re
import typing as t
from xml.etree import ElementTree

Element = ElementTree.Element
Devices = t.Mapping[str, t.Sequence[Element]]  # by the name of the element: most guests have few kinds

_MARK = "\u00b7"  # of what stands for a part that was cut out; no name of libvirt's has it
_CUT = ("metadata", "cpu", "devices")
_DEVICE = re.compile(r"\n    (?=<[^/])")
_MOST_TEXT = 16384  # of a part that is kept


class Definition(t.NamedTuple):
    """``root`` may be without those that have a field here. Nothing of it may be changed: guests share parts."""

    root: Element
    metadata: t.Optional[Element]
    cpu: t.Optional[Element]
    devices: Devices


def take_apart(xml: str) -> Definition:
    """ParseError, ValueError or RecursionError for what is no XML."""
    found = _by_indentation(xml)
    return whole(ElementTree.fromstring(xml)) if found is None else found


def whole(root: Element) -> Definition:
    devices = (one for devices in root.findall("devices") for one in devices)
    return Definition(root, root.find("metadata"), root.find("cpu"), by_name(devices))


def _by_indentation(xml: str) -> t.Optional[Definition]:
    """None for what libvirt did not write, or not so."""
    if _MARK in xml or ("!" in xml and "<!" in xml) or ("?" in xml and "<?" in xml):
        return None  # comments and the like may hold anything
    parts: dict[str, str] = {}
    for name in _CUT:
        start, close = xml.find(f"\n  <{name}"), f"\n  </{name}>"
        end = xml.find(close, start) if start >= 0 else -1
        if end >= 0 and xml[start + 4 + len(name)] in " >":
            end += len(close)
            parts[name] = xml[start + 3 : end]
            xml = f"{xml[:start]}<{name}{_MARK}/>{xml[end:]}"
    try:
        devices = _devices(parts["devices"])
        metadata, cpu = (_element(parts[name]) if name in parts else None for name in ("metadata", "cpu"))
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, KeyError, ValueError, RecursionError):
        return None
    for name in _CUT:
        cut = len(root.findall(name + _MARK))
        if cut != (name in parts) or (cut and root.find(name) is not None):
            return None  # it stood elsewhere, or stands there twice
    if root.tag != "domain":
        return None  # of a name space, which what was cut out would have too
    found = Definition(root, root.find("metadata") if metadata is None else metadata, None, devices)
    return found._replace(cpu=root.find("cpu") if cpu is None else cpu)


def _devices(text: str) -> Devices:
    first, *others = _DEVICE.split(text[: -len("\n  </devices>")])
    if first != "<devices>":
        raise ValueError("not as libvirt writes it")
    return by_name(map(_element, others))


def _element(text: str) -> Element:
    return _kept(text) if len(text) <= _MOST_TEXT else ElementTree.fromstring(text)


@functools.lru_cache(maxsize=1024)
def _kept(text: str) -> Element:
    return ElementTree.fromstring(text)


def by_name(elements: t.Iterable[Element]) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    for one in elements:
        found.setdefault(one.tag, []).append(one)
    return found


def inside(element: Element, *way: str) -> list[Element]:
    """What is at the end of a way of names. Ways as ElementTree has them are evaluated in Python, and take ten times as
    long where the first name is missing already."""
    found = [element]
    for name in way:
        found = [one for outer in found for one in outer.findall(name)]
    return found


def first(element: Element, *way: str) -> t.Optional[Element]:
    return next(iter(inside(element, *way)), None)


def below(devices: Devices, kind: str, *way: str, wanted: str = "") -> t.Iterator[Element]:
    """What is below the devices of one kind, of this type where one is wanted."""
    for device in devices.get(kind, ()):
        if not wanted or device.get("type") == wanted:
            yield from inside(device, *way)


def get(element: t.Optional[Element], name: str) -> str:
    """An attribute, empty where there is none, or no element."""
    return element.get(name, "") if element is not None else ""
