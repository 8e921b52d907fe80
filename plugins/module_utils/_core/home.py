# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The mark that a guest carries when it is away from home: whose it is, since when, and what was planned for it."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, replace
from xml.etree import ElementTree

ELEMENT = "home"


@dataclass(frozen=True)
class Home:
    """``since``: in UTC, ISO 8601. ``strategy``: what the evacuation did, ``migrate`` or ``shutdown``.

    ``copy_storage``: how its disks went along, so that they come back in the same way.
    """

    host: str
    host_uuid: str
    since: str
    strategy: str = "migrate"
    destination: str = ""
    copy_storage: str = "none"

    def document(self) -> dict[str, t.Any]:
        return asdict(self)

    def xml(self) -> str:
        return ElementTree.tostring(ElementTree.Element(ELEMENT, asdict(self)), encoding="unicode")


def parse_home(text: str) -> t.Optional[Home]:
    """None for what is not such a mark."""
    try:
        element = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    # libvirt gives it back with the namespace that it was stored under.
    if element.tag.rpartition("}")[2] != ELEMENT or not element.get("host_uuid"):
        return None
    return Home(
        host=element.get("host", ""),
        host_uuid=element.get("host_uuid", ""),
        since=element.get("since", ""),
        strategy=element.get("strategy", "migrate"),
        destination=element.get("destination", ""),
        copy_storage=element.get("copy_storage", "none"),
    )


def mark_to_write(found: t.Optional[Home], wanted: Home) -> t.Optional[Home]:
    """None when nothing is to be written: a guest that is moved on keeps the home that it has."""
    if found is None:
        return wanted
    if found.host_uuid != wanted.host_uuid:
        return None
    return None if replace(found, since=wanted.since) == wanted else wanted
