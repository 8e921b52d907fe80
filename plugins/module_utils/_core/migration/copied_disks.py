# SPDX-License-Identifier: GPL-3.0-or-later
"""Which disks of a guest are copied with it. libvirt copies all that may be written to, unless it is told which.

A disk that both hosts have would be copied onto itself, while the guest writes to it. So nothing is copied of which it
is not known, or said by the user, that the destination has another one.
"""

from __future__ import annotations

import typing as t

from ..errors import MigrationError


class SourceDisk(t.NamedTuple):
    """A disk of a guest. ``own``: whether it is surely on this host only; False for what is reached over a network,
    None for not known.

    ``moved``: whether it is to be at another path on the destination.
    """

    target: str
    writable: bool
    own: t.Optional[bool]
    moved: bool = False
    words: str = ""  # what it is, for messages


def choose_disks(disks: t.Sequence[SourceDisk], named: t.Optional[t.Sequence[str]]) -> list[str]:
    """Targets of the disks to copy. ``named``: those that the user names, or None to have them chosen.

    Raises DISK_NOT_FOUND, COPY_ONTO_ITSELF and DISK_NOT_KNOWN.
    """
    if named is None:
        return _by_themselves([one for one in disks if one.writable])
    known = {one.target: one for one in disks}
    missing = sorted(set(named) - set(known))
    if missing:
        raise _error(
            "DISK_NOT_FOUND",
            f"The guest has no disk {', '.join(missing)}; it has {', '.join(known) or 'none'}.",
            "Name disks by their targets in copy_disks, as 'virsh domblklist' shows them.",
            missing,
        )
    onto_themselves = [one for one in map(known.__getitem__, named) if one.own is False and not one.moved]
    if onto_themselves:
        raise _error(
            "COPY_ONTO_ITSELF",
            f"The destination reaches the same disk by the same name, and it would be copied onto itself:"
            f" {_listed(onto_themselves)}.",
            "Leave it out of copy_disks. To bring it to other storage, say with destination_changes.paths where.",
            [one.target for one in onto_themselves],
        )
    return list(dict.fromkeys(named))


def _by_themselves(writable: t.Sequence[SourceDisk]) -> list[str]:
    unknown = [one for one in writable if one.own is None]
    if unknown:
        raise _error(
            "DISK_NOT_KNOWN",
            f"Whether the destination has the same disk is not known: {_listed(unknown)}. If it has, it would be copied"
            " onto itself.",
            "Look there, and name the disks that are to be copied in copy_disks.",
            [one.target for one in unknown],
        )
    return [one.target for one in writable if one.own]


def _listed(disks: t.Sequence[SourceDisk]) -> str:
    return "; ".join(f"{one.target} ({one.words})" if one.words else one.target for one in disks)


def _error(reason: str, problem: str, remedy: str, targets: t.Sequence[str]) -> MigrationError:
    return MigrationError(
        reason,
        problem,
        state="The guest runs on the source as before. Nothing was changed.",
        remedy=remedy,
        evidence={"disks": list(targets)},
    )
