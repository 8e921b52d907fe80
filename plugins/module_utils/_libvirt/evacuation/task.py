# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evacuation is to do, as data."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.evacuation.run.admission import Slots
from ..migration.migration import MigrationOptions


@dataclass(frozen=True)
class EvacuationOptions:
    """``order``: what is to be done with a guest, by what the user said of it, that goes to that destination.

    ``links``: what the link to a destination carries in MiB/s, where the user said it. ``leaving``: guests are marked
    with their home, and nobody else may run on the host in the end; else they come home. ``force``: also where a
    destination has not the memory. ``unmeasured``: as of :class:`Departures`.
    """

    guests: t.Sequence[t.Mapping[str, t.Any]]
    uris: t.Mapping[str, str]
    order: t.Callable[[t.Mapping[str, t.Any], str], MigrationOptions]
    slots: Slots
    links: t.Mapping[str, t.Optional[float]] = field(default_factory=dict)
    leaving: bool = True
    force: bool = False
    unmeasured: bool = False
    shutdown_limit_s: float = 300.0
    abort_on_cancel: bool = False
    cancel_file: t.Optional[str] = None
