# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""A guest's definition and autostart, kept with it when it moves.

libvirt does not carry the autostart mark, and forgets it with the source's definition. So that it is not lost when
nobody is there at the end, it is noted in the guest's own metadata for the way.
"""

from __future__ import annotations

import contextlib
import typing as t

from .._core.errors import MigrationError
from .._core.keeping import Kept, Step
from .both_ends import BothEnds
from .connection import libvirt
from .domain import Guest
from .errors import translate
from .guard import within

_NAMESPACE = "https://github.com/virtops/ansible-live-migration/carried"
_PREFIX = "carried"
_NOTE = "<autostart/>"
_ELEMENT = 2  # VIR_DOMAIN_METADATA_ELEMENT
_LIVE, _CONFIG = 1, 2
_INACTIVE, _SECURE, _MIGRATABLE = 2, 1, 8
_KEEP_NVRAM = 8


def autostarts(guest: Guest) -> bool:
    return bool(within(guest.raw.autostart, f"reading the autostart of {guest.name!r}"))


def defined(guest: t.Optional[Guest]) -> bool:
    """Whether a host keeps the guest when it is off."""
    if guest is None:
        return False
    try:
        return bool(within(guest.raw.isPersistent, f"looking whether {guest.name!r} is defined"))
    except libvirt.libvirtError:
        return False


def note_autostart(guest: Guest, on: bool) -> None:
    """Write the note, live and for good, or take it away."""
    text = _NOTE if on else None
    within(
        lambda: guest.raw.setMetadata(_ELEMENT, text, _PREFIX, _NAMESPACE, _LIVE | _CONFIG),
        f"noting the autostart of {guest.name!r}",
    )


def autostart_noted(guest: Guest) -> bool:
    try:
        within(lambda: guest.raw.metadata(_ELEMENT, _NAMESPACE, _CONFIG), f"reading the metadata of {guest.name!r}")
    except libvirt.libvirtError:
        return False
    return True


def kept(ends: BothEnds, autostart: bool = False) -> Kept:
    """As it is now; ``autostart``: that it is known to have started with the source."""
    here, there = ends.here, ends.there
    on_source = defined(here)
    starts_here = here is not None and on_source and autostarts(here)
    if there is None or not defined(there):
        return Kept(on_source, False, autostart_noted=autostart or starts_here)
    note = autostart_noted(there)
    return Kept(on_source, True, autostarts(there), autostart or starts_here or note, note)


def do(ends: BothEnds, missing: t.Sequence[Step], *, note_there: bool) -> None:
    """The steps, for a guest that runs on the destination and not on the source."""
    guest = ends.guest
    calls: dict[Step, t.Callable[[], t.Any]] = {
        Step.DEFINE: lambda: _define(ends),
        Step.AUTOSTART: lambda: ends.there and ends.there.raw.setAutostart(1),
        Step.UNDEFINE: lambda: _undefine(ends.here),
    }
    for step in missing:
        words = step.value.replace("_", " ")
        try:
            within(calls[step], f"{words} of {guest.name!r}")
        except libvirt.libvirtError as exc:
            raise translate(
                exc,
                f"{guest.name!r} runs on {ends.destination_name}, but one step after that failed: {words}.",
                state=f"The guest runs on {ends.destination_name}, and only there.",
            ) from exc
    if note_there and ends.there is not None:
        with contextlib.suppress(libvirt.libvirtError, MigrationError):
            note_autostart(ends.there, False)


def _define(ends: BothEnds) -> None:
    """From what the source has for good, where it has; else as the guest runs."""
    here, there = ends.here, ends.there
    if here is not None and defined(here):
        ends.destination.raw.defineXML(here.raw.XMLDesc(_INACTIVE | _SECURE | _MIGRATABLE))
    elif there is not None:
        ends.destination.raw.defineXML(there.raw.XMLDesc(_SECURE | _MIGRATABLE))


def _undefine(here: t.Optional[Guest]) -> None:
    if here is None or here.state().active:
        return
    try:
        here.raw.undefineFlags(_KEEP_NVRAM)
    except libvirt.libvirtError:
        if defined(here):  # else another run was faster
            raise
