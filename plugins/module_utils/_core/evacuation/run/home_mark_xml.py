# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark that a guest carries when it is away from home: whose it is, since when, and what was planned for it.

It is in the guest's own metadata, so that it is not trusted: what cannot be understood is a problem of that guest only.
"""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import asdict, dataclass, replace
from xml.etree import ElementTree

from ...guest_metadata import attributes_of
from ...migration.call_parameters import STORAGE
from ..strategy import MIGRATE, SHUTDOWN

ELEMENT = "home"
_STRATEGIES = (MIGRATE, SHUTDOWN)
_LONGEST = 255  # characters of a host name, by DNS


@dataclass(frozen=True)
class HomeMark:
    """``since``: in UTC, ISO 8601. ``strategy``: what the evacuation did last, ``migrate`` or ``shutdown``.

    ``copy_storage``: how its disks went along, so that they come back in the same way. ``guest_uuid``: whose mark it
    is, since a clone is made with the metadata of the guest; empty in marks of version 0.1.0. ``shut_down_on`` and
    ``shut_down_on_uuid``: the host on which it was shut down, where that is not its home.
    """

    host: str
    host_uuid: str
    since: str
    strategy: str = MIGRATE
    destination: str = ""
    copy_storage: str = "none"
    guest_uuid: str = ""
    shut_down_on: str = ""
    shut_down_on_uuid: str = ""

    def document(self) -> dict[str, t.Any]:
        return asdict(self)

    def xml(self) -> str:
        """As it is stored; what newer versions have added is left out where it says nothing."""
        said = {key: value for key, value in asdict(self).items() if value or key in _ALWAYS}
        return ElementTree.tostring(ElementTree.Element(ELEMENT, said), encoding="unicode")

    @property
    def off_at(self) -> str:
        """UUID of the host on which an evacuation has shut it down; empty when none did."""
        return (self.shut_down_on_uuid or self.host_uuid) if self.strategy == SHUTDOWN else ""


_ALWAYS = ("host", "host_uuid", "since", "strategy", "destination", "copy_storage")


@dataclass(frozen=True)
class Mark:
    """A mark as it was found. ``problem``: what cannot be understood in it, as a sentence; then what is wrong in
    ``home`` is a default, and nothing may be done with the guest on the word of it.

    ``of_another``: it names another guest, which this one is a clone of.
    """

    home: HomeMark
    problem: str = ""
    of_another: bool = False


def read_mark(text: t.Any, guest_uuid: str = "") -> t.Optional[Mark]:
    """The mark in the XML of an element of metadata; None for what is not such an element.

    ``guest_uuid``: of the guest that carries it, empty where it is not known.
    """
    found = attributes_of(text)
    if found is None or found.element != ELEMENT:
        return None
    said = {key: found.values.get(key, "") for key in asdict(HomeMark("", "", ""))}
    if not said["host_uuid"]:
        return None
    wrong = [
        f"{key} is {said[key][:_LONGEST]!r}, {wanted}"
        for key, wanted, right in (
            ("strategy", f"not one of {', '.join(_STRATEGIES)}", said["strategy"] in ("", *_STRATEGIES)),
            ("copy_storage", f"not one of {', '.join(STORAGE)}", said["copy_storage"] in ("", *STORAGE)),
            ("guest_uuid", "not a UUID", not said["guest_uuid"] or _same_uuid(said["guest_uuid"]) is not None),
        )
        if not right
    ]
    wrong += [f"{key} is longer than {_LONGEST} characters" for key, value in said.items() if len(value) > _LONGEST]
    home = HomeMark(
        host=said["host"][:_LONGEST],
        host_uuid=said["host_uuid"][:_LONGEST],
        since=said["since"][:_LONGEST],
        strategy=said["strategy"] if said["strategy"] in _STRATEGIES else MIGRATE,
        destination=said["destination"][:_LONGEST],
        copy_storage=said["copy_storage"] if said["copy_storage"] in STORAGE else "none",
        guest_uuid=said["guest_uuid"][:_LONGEST],
        shut_down_on=said["shut_down_on"][:_LONGEST],
        shut_down_on_uuid=said["shut_down_on_uuid"][:_LONGEST],
    )
    named = _same_uuid(home.guest_uuid)
    of_another = bool(named and guest_uuid and named != _same_uuid(guest_uuid))
    return Mark(home, f"In the mark of its home {' and '.join(wrong)}." if wrong else "", of_another)


def _same_uuid(text: str) -> t.Optional[str]:
    """However it is written; None for what is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def parse_home(text: t.Any) -> t.Optional[HomeMark]:
    """The home in the XML of a mark, whoever carries it; None for what is not such an element."""
    mark = read_mark(text)
    return None if mark is None else mark.home


def mark_to_write(found: t.Optional[HomeMark], wanted: HomeMark) -> t.Optional[HomeMark]:
    """The mark to write for a guest that carries ``found``; None when nothing is to be written.

    A guest that is moved on keeps the home that it has. One that is shut down away from home keeps it too, and it is
    noted where it is to be started again.
    """
    if found is None:
        return wanted
    if found.host_uuid != wanted.host_uuid:
        off = wanted.strategy == SHUTDOWN
        moved_on = replace(
            found,
            strategy=wanted.strategy,
            shut_down_on=wanted.host if off else "",
            shut_down_on_uuid=wanted.host_uuid if off else "",
            guest_uuid=found.guest_uuid or wanted.guest_uuid,
        )
        return None if moved_on == replace(found, guest_uuid=moved_on.guest_uuid) else moved_on
    return None if replace(found, since=wanted.since) == wanted else wanted


def started_again(home: HomeMark) -> HomeMark:
    """The mark of a guest that was started where it had been shut down, away from home."""
    return replace(home, strategy=MIGRATE, shut_down_on="", shut_down_on_uuid="")
