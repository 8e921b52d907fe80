# SPDX-License-Identifier: GPL-3.0-or-later
"""The definitions that a migration gives the destination, where they are others than those of the source."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.destination_changes import DestinationChanges
from ..._core.errors import MigrationError
from ..._core.migration.destination_xml import (
    require_same_disks,
    require_same_guest,
    rewritten,
    with_metadata_of,
)
from ..guest import Guest
from ..timeout import within

SECURE, INACTIVE, MIGRATABLE = 1, 2, 8  # VIR_DOMAIN_XML_*


@dataclass(frozen=True)
class DestinationDefinition:
    """What the user wants to be otherwise on the destination: by names, or by whole definitions, not by both.

    ``changes.same_storage`` holds for definitions, too.
    """

    changes: DestinationChanges = field(default_factory=DestinationChanges)
    live_xml: t.Optional[str] = None
    persistent_xml: t.Optional[str] = None

    def __bool__(self) -> bool:
        return bool(self.changes or self.live_xml or self.persistent_xml)

    def require_complete(self, *, persistent: bool) -> None:
        """Raises OPTIONS_CONFLICT where a guest that is defined there has only one of the two definitions: it would be
        started anew with the source's names."""
        if self.changes and (self.live_xml or self.persistent_xml):
            raise MigrationError(
                "OPTIONS_CONFLICT",
                "destination_changes has names that differ, and a whole definition is given, which has its own.",
                state="Nothing was changed.",
                remedy="Leave one of them out; destination_changes.same_storage may stay.",
            )
        if self.live_xml and persistent and not self.persistent_xml:
            missing = "persistent_xml"
        elif self.persistent_xml and not self.live_xml:
            missing = "destination_xml"
        else:
            return
        raise MigrationError(
            "OPTIONS_CONFLICT",
            f"Of destination_xml and persistent_xml only one is given, and the guest needs {missing}, too: one is what"
            " it runs with, the other one what it is started with the next time.",
            state="Nothing was changed.",
            remedy="Give both, or use destination_changes, which holds for both.",
        )

    def persistent(self, xml: str) -> str:
        """The definition for the destination, made from that of the source."""
        if self.persistent_xml:
            return with_metadata_of(self.persistent_xml, xml)
        return rewritten(xml, self.changes) if self.changes else xml

    def live(self, xml: str) -> str:
        if self.live_xml:
            return with_metadata_of(self.live_xml, xml)
        return rewritten(xml, self.changes) if self.changes else xml


class SentDefinition:
    """The definitions of one guest for one migration. ``copied``: targets of the disks that are copied with it."""

    def __init__(
        self, guest: Guest, wanted: DestinationDefinition, *, persistent: bool, copied: t.Collection[str]
    ) -> None:
        self._guest, self._wanted, self._persistent, self._copied = guest, wanted, persistent, copied

    def parameters(self) -> dict[str, t.Any]:
        """Parameters of ``migrateToURI3`` with the definitions; none where nothing is to be otherwise.

        Made from what the guest has at this moment, a mark in its metadata included. Raises GUEST_VISIBLE_CHANGE,
        DISK_PATH_CHANGED and BAD_DEFINITION; asked before the start, too, so that nothing is touched then.
        """
        if not self._wanted:
            return {}
        self._wanted.require_complete(persistent=self._persistent)
        now = self._read(SECURE | MIGRATABLE)
        live = self._wanted.live(now)
        self._require_harmless(now, live, "destination_xml" if self._wanted.live_xml else "destination_changes")
        found = {"destination_xml": live}
        if self._persistent:
            now = self._read(SECURE | MIGRATABLE | INACTIVE)
            later = self._wanted.persistent(now)
            self._require_harmless(
                now, later, "persistent_xml" if self._wanted.persistent_xml else "destination_changes"
            )
            found["persistent_xml"] = later
        return found

    def _require_harmless(self, before: str, after: str, whose: str) -> None:
        require_same_guest(before, after, whose)
        same = self._wanted.changes.same_storage
        require_same_disks(before, after, self._copied, same_storage=same)

    def _read(self, flags: int) -> str:
        return read_definition(self._guest, flags)


def read_definition(guest: Guest, flags: int) -> str:
    """The XML of a guest's definition. ``flags``: VIR_DOMAIN_XML_*."""
    return str(within(lambda: guest.raw.XMLDesc(flags), f"reading the definition of {guest.name!r}"))
