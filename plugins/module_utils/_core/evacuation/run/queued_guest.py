# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest of an evacuation: what is wanted for it, and how far it is."""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass, field

NEVER_S = float("inf")


class Stage(enum.Enum):
    """How far a guest is. ``PREPARING``: it is looked at and measured; ``READY``: it waits to be sent; ``SENT``: all
    its bytes have gone, and its arrival is being verified."""

    WAITING = "waiting"
    PREPARING = "preparing"
    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class TransferOptions:
    """How a guest is to be sent. ``destinations``: names, the planned one first, then those that would do as well.

    ``size_bytes``: what is to be sent; 0 where that is not known, or nothing is to be sent. ``moving``: its migration
    runs already. ``there``: it has left this host already, and is only looked for at its destination.
    """

    key: str
    name: str
    destinations: tuple[str, ...]
    size_bytes: int = 0
    moving: bool = False
    there: bool = False


@dataclass
class QueuedGuest:
    """A guest in the queue, and how far it is.

    ``adopts``: its migration runs already or has ended, so that it takes its place whatever the limits are. ``busy``:
    it writes so fast that it is sent alone. ``not_before_s``: when the next attempt may begin. ``ready_s``: since when
    it is ready. ``least_s``: how long it takes when it has the link alone.

    While it is sent: ``sent_s``, since when; ``set_up``, whether its bytes flow; ``left_bytes`` and ``bytes_per_s``;
    ``ends_s``, when all of it will have gone at this rate. ``reason``: of its last failure. ``refused_by``: names of
    destinations that it does not fit.
    """

    options: TransferOptions
    destination: str
    stage: Stage = Stage.WAITING
    adopts: bool = False
    busy: bool = False
    attempts: int = 0
    not_before_s: float = 0.0
    ready_s: float = 0.0
    least_s: float = 0.0
    sent_s: float = 0.0
    left_bytes: int = 0
    bytes_per_s: float = 0.0
    set_up: bool = True
    ends_s: float = NEVER_S
    reason: str = ""
    refused_by: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.stage in (Stage.DONE, Stage.FAILED)

    @property
    def running(self) -> bool:
        return self.stage in (Stage.PREPARING, Stage.READY, Stage.SENDING, Stage.SENT)

    def other_destination(self, closed: t.AbstractSet[str], load: t.Mapping[str, int]) -> t.Optional[str]:
        """One that has not refused it and is not closed: that with the least to receive, or the first of equals."""
        left = [name for name in self.options.destinations if name not in self.refused_by and name not in closed]
        return min(left, key=lambda name: load.get(name, 0), default=None)
