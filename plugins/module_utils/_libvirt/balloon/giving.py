# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that was made smaller gets back what it had: on whichever host it is, by whichever run finds the note."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..._core.balloon.note import Giving, ShrunkNote, giving_back
from ..._core.balloon.steps import ALIKE_BYTES
from ..._core.errors import MigrationError
from ..._core.host.parse.domain_xml import parse_domain
from ..._core.text import printable
from ..._core.units import KIB, human_bytes
from ..connection import libvirt
from ..guest import Guest
from ..timeout import within
from .calls import CONFIG, LIVE, note_of, read_statistics, set_memory, set_period, write_note

_STANDS_STILL_S = 10.0
_POLL_S = 0.1
_INACTIVE = 2


@dataclass(frozen=True)
class GivenBack:
    """``problem``: what the guest has not got back, and why, as a sentence; empty where it has all of it."""

    has_bytes: int
    former_bytes: int
    problem: str = ""


def give_back(guest: Guest, note: ShrunkNote) -> GivenBack:
    """The note goes only when the guest is seen to have it all. Raises MONITOR_HUNG and libvirt's errors."""
    name = guest.name
    definition = parse_domain(within(lambda: guest.raw.XMLDesc(0), f"reading the definition of {name!r}"))
    actual, maximum = read_statistics(guest).actual_bytes, guest.memory().maximum_bytes
    found = giving_back(note, actual, maximum, deflates=definition.balloon.autodeflate)
    if found.what is Giving.LEAVE:
        return GivenBack(actual, note.former_bytes, f"Its memory was left as it is: {found.why}.")
    if found.what is Giving.GIVE:
        set_memory(guest, found.target_bytes)
        actual = _grown(guest, found.target_bytes)
        if actual < found.target_bytes - ALIKE_BYTES:
            return GivenBack(actual, note.former_bytes, _still_small(guest, actual, found.target_bytes))
    flags = LIVE
    if note.transient and guest.raw.isPersistent():
        _for_its_next_start(guest, found.target_bytes)
        flags |= CONFIG
    if definition.balloon.period_s != note.period_s:
        set_period(guest, note.period_s)
    write_note(guest, None, flags)
    return GivenBack(actual, note.former_bytes)


def give_back_here(guest: Guest) -> str:
    """To a guest of this host that nothing moves any more, if it was made smaller; what it has not got, as a sentence.

    For modules that end migrations which others have begun: what goes wrong here changes nothing in what they tell.
    """
    try:
        note = note_of(guest)
        problem = give_back(guest, note).problem if note is not None else ""
    except (MigrationError, libvirt.libvirtError) as exc:
        problem = f"Whether it has all of its memory could not be seen to: {exc}"
    return f"{printable(guest.name)}: {problem} The next migration gives it back." if problem else ""


def _grown(guest: Guest, target_bytes: int) -> int:
    """What it has in the end; for as long as it gets more."""
    most, moved_s = 0, time.monotonic()
    while True:
        actual = read_statistics(guest).actual_bytes
        if actual >= target_bytes - ALIKE_BYTES:
            return actual
        if actual > most:
            most, moved_s = actual, time.monotonic()
        if time.monotonic() - moved_s >= _STANDS_STILL_S:
            return actual
        time.sleep(_POLL_S)


def _still_small(guest: Guest, actual: int, target: int) -> str:
    why = "its driver does not answer" if guest.state().running else "it stands still, and gets the rest when it runs"
    return f"It was given {human_bytes(target)} again, and has {human_bytes(actual)} of them: {why}."


def _for_its_next_start(guest: Guest, target_bytes: int) -> None:
    """A definition that was made of a transient guest on its way has what the balloon left it."""
    xml = within(lambda: guest.raw.XMLDesc(_INACTIVE), f"reading the definition of {guest.name!r}")
    if parse_domain(xml).memory.current_bytes < target_bytes // KIB * KIB:
        set_memory(guest, target_bytes, CONFIG)
