# SPDX-License-Identifier: GPL-3.0-or-later
"""The note of a guest that was made smaller for its migration: what it had, so that any run can give it back.

It is in the live metadata only: that is as lasting as the balloon, it goes along with the guest, and a guest that is
started anew has neither. Whoever may edit the guest can write it.
"""

from __future__ import annotations

import enum
import re
import typing as t
from dataclasses import dataclass

from ..guest_metadata import attributes_of
from ..units import KIB, human_bytes
from .steps import ALIKE_BYTES

SHRUNK_NAMESPACE = "https://github.com/virtops/ansible-live-migration/shrunk"
SHRUNK_PREFIX = "shrunk"
_ELEMENT = "shrunk"
_LONGEST_PERIOD_S = 86_400
_NUMBER = re.compile(r"[0-9]{1,13}")  # KiB; 8 EiB have 16 digits in bytes


@dataclass(frozen=True)
class ShrunkNote:
    """``former_bytes``: what the guest had. ``set_bytes``: what the balloon was told last, or is told at least.

    ``held``: whether it has come to that; else it was under way, and may be anywhere between. ``period_s``: the period
    of its statistics before (0: none). ``transient``: whether it was not defined, so that a definition made of it
    since has the balloon in it.
    """

    guest_uuid: str
    former_bytes: int
    set_bytes: int
    held: bool = False
    period_s: int = 0
    transient: bool = False

    def xml(self) -> str:
        """The element of the metadata. All values are numbers and words of this file, and a UUID."""
        return (
            f"<{_ELEMENT} uuid='{self.guest_uuid}' former-kib='{self.former_bytes // KIB}'"
            f" set-kib='{self.set_bytes // KIB}' state='{'held' if self.held else 'under_way'}'"
            f" period-s='{self.period_s}' transient='{int(self.transient)}'/>"
        )


def read_note(text: t.Any, guest_uuid: str) -> t.Optional[ShrunkNote]:
    """None for what is no such note, and for that of another guest, of which this one may be a clone."""
    found = attributes_of(text)
    if found is None or found.element != _ELEMENT or found.values.get("uuid") != guest_uuid:
        return None
    numbers = [found.values.get(name, "") for name in ("former-kib", "set-kib", "period-s")]
    if not all(_NUMBER.fullmatch(one) for one in numbers):
        return None
    former, low, period = map(int, numbers)
    held, transient = found.values.get("state") == "held", found.values.get("transient") == "1"
    return ShrunkNote(guest_uuid, former * KIB, low * KIB, held, min(period, _LONGEST_PERIOD_S), transient)


class Giving(str, enum.Enum):
    """What is done about a note."""

    GIVE = "give_back"
    HAS_IT = "has_it"  # nothing to give; the note goes
    LEAVE = "leave"  # the balloon is somebody else's by now; the note stays, so that readiness names the guest


@dataclass(frozen=True)
class GivingBack:
    """``target_bytes``: what the guest is to have again. ``why``: of LEAVE, a sentence."""

    what: Giving
    target_bytes: int
    why: str = ""


def giving_back(note: ShrunkNote, actual_bytes: int, maximum_bytes: int, *, deflates: bool) -> GivingBack:
    """``deflates``: whether the balloon lets go by itself when the guest runs out of memory (autodeflate)."""
    target = min(note.former_bytes, maximum_bytes)
    if actual_bytes >= target - ALIKE_BYTES:
        return GivingBack(Giving.HAS_IT, target)
    lowest = note.set_bytes - ALIKE_BYTES
    highest = note.set_bytes + ALIKE_BYTES if note.held and not deflates else target
    if lowest <= actual_bytes <= highest:
        return GivingBack(Giving.GIVE, target)
    why = (
        f"it was left with {human_bytes(note.set_bytes)} for its migration and has {human_bytes(actual_bytes)} now, so"
        f" somebody else has changed its balloon since. It had {human_bytes(note.former_bytes)} before"
    )
    return GivingBack(Giving.LEAVE, target, why)
