# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that guests were left without by a migration, and get back: it looks free on their host, and is not."""

from __future__ import annotations

import typing as t

from ..host.guest import GuestDocument
from .note import SHRUNK_NAMESPACE, Giving, giving_back, read_note


def owed_bytes(guest: GuestDocument) -> int:
    """What the next run gives back to a guest that its migration has left smaller than it was; 0 for any other guest.

    At most what the guest may have at all, whatever its note says: whoever may edit the guest can write it.
    """
    note = read_note(guest.metadata.get(SHRUNK_NAMESPACE), guest.uuid)
    if note is None or not guest.active:
        return 0
    memory = guest.memory
    back = giving_back(note, memory.current_bytes, memory.total_bytes, deflates=guest.balloon.autodeflate)
    return back.target_bytes - memory.current_bytes if back.what is Giving.GIVE else 0


def owed_by_guest(guests: t.Iterable[GuestDocument]) -> dict[str, int]:
    """Of the guests of a host, by name: those that run there for good, and are owed memory that is not in huge pages.

    One that is arriving counts with all of its memory anyway.
    """
    settled = [one for one in guests if one.state == "running" and one.state_reason != "post-copy"]
    found = {one.name: owed_bytes(one) for one in settled if not one.memory.hugepages and not one.job}
    return {name: size for name, size in found.items() if size}
