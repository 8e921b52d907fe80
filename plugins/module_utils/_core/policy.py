# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What the user allows a migration to do to a guest."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from .errors import MigrationError

MAX_DOWNTIME_LIMIT_MS = 2_000_000  # QEMU refuses more
POSTCOPY_CHOICES = ("never", "if_needed", "prefer")


@dataclass(frozen=True)
class Contract:
    """The limits a remedy has to keep to.

    ``max_downtime_ms``: how long the guest may stand still at the switch-over; ``postcopy``: whether the guest may
    run split over two hosts; ``max_pause_s``: how long it may be suspended to finish (0: not at all).
    """

    max_downtime_ms: int = 1000
    postcopy: str = "if_needed"
    max_pause_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.max_downtime_ms <= MAX_DOWNTIME_LIMIT_MS:
            raise _bad("max_downtime_ms", self.max_downtime_ms, f"a number from 1 to {MAX_DOWNTIME_LIMIT_MS}")
        if self.postcopy not in POSTCOPY_CHOICES:
            raise _bad("postcopy", self.postcopy, "one of " + ", ".join(POSTCOPY_CHOICES))
        if not 0 <= self.max_pause_s < math.inf:
            raise _bad("max_pause_s", self.max_pause_s, "0 or more seconds")


def contract_from(fields: t.Mapping[str, t.Any]) -> Contract:
    """A contract from option values; a field that is missing or None keeps its default."""
    known = {key: value for key, value in fields.items() if value is not None}
    unknown = sorted(set(known) - set(Contract.__dataclass_fields__))
    if unknown:
        raise MigrationError(
            "BAD_CONTRACT",
            f"The contract has no field {unknown[0]!r}.",
            remedy="Its fields are: " + ", ".join(Contract.__dataclass_fields__) + ".",
        )
    return Contract(**known)


def _bad(name: str, value: t.Any, wanted: str) -> MigrationError:
    return MigrationError(
        "BAD_CONTRACT",
        f"The contract's {name} is {value!r}, but must be {wanted}.",
        state="Nothing was changed.",
        remedy="Correct the value and run it again.",
    )
