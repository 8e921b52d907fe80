# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evacuation is to do: the options of the module, as data."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._core.evacuation.run.admission import Slots
from ..migration.migration import MigrationOptions


@dataclass(frozen=True)
class EvacuationOptions:
    """``options_of``: how a guest is migrated, from its entry in ``guests`` and the name of its destination.

    ``leaving``: guests are marked with their home, and nobody else may run on the host in the end; else they come home.
    ``force``: also where a destination has not the memory. ``unmeasured``: as of :class:`TransferQueue`.
    """

    guests: t.Sequence[t.Mapping[str, t.Any]]
    uris: t.Mapping[str, str]
    options_of: t.Callable[[t.Mapping[str, t.Any], str], MigrationOptions]
    slots: Slots
    leaving: bool = True
    force: bool = False
    unmeasured: bool = False
    shutdown_limit_s: float = 300.0
    abort_on_cancel: bool = False
    cancel_file: t.Optional[str] = None
