# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers that options may have: one table for all modules, checked before anything else is done.

Fields of a policy are not in it, also where a module has an option of that name: :mod:`policy` checks them, or the
module does.
"""

from __future__ import annotations

import math
import typing as t

from .errors import MigrationError
from .policy import Policy

ABOVE_ZERO = -1.0  # as a lower limit: more than 0, however little
# libvirt 9.0 takes a bandwidth in bytes per second for a signed 64-bit number: "bandwidth must be less than ..."
MOST_BANDWIDTH_MIB_PER_S = 8_796_093_022_206

# By the name of the option: the least and the most that it may be. An option has the same limits in every module.
LIMITS: t.Mapping[str, tuple[float, float]] = {
    "ahead": (0, math.inf),
    "attempts": (1, math.inf),
    "bandwidth_mib_per_s": (0, MOST_BANDWIDTH_MIB_PER_S),
    "before_mib_per_s": (0, MOST_BANDWIDTH_MIB_PER_S),
    "breaker": (1, math.inf),
    "calm_wait_s": (0, math.inf),
    "guest_overhead_mib": (0, math.inf),
    "link_mbit_per_s": (ABOVE_ZERO, math.inf),
    "link_mib_per_s": (ABOVE_ZERO, math.inf),
    "load_window_s": (0, math.inf),
    "max_guests": (0, math.inf),
    "max_incoming": (0, math.inf),
    "max_outgoing": (0, math.inf),
    "max_transfers": (0, math.inf),
    "max_vcpus": (0, math.inf),
    "mib_per_s": (ABOVE_ZERO, math.inf),
    "observe_s": (0, math.inf),
    "parallel_connections": (0, 255),  # QEMU's multifd-channels is 8 bits; 0: none
    "per_destination": (1, math.inf),
    "per_source": (1, math.inf),
    "postcopy_bandwidth_mib_per_s": (0, MOST_BANDWIDTH_MIB_PER_S),
    "priority": (-math.inf, math.inf),
    "reference_epoch_s": (0, math.inf),
    "reserve_mib": (0, math.inf),
    "sent_bytes": (0, math.inf),
    "set_mib_per_s": (0, MOST_BANDWIDTH_MIB_PER_S),
    "setup_s": (0, math.inf),
    "shutdown_timeout_s": (0, math.inf),
    "timeout_s": (ABOVE_ZERO, math.inf),
    "transfer_mib_per_s": (ABOVE_ZERO, math.inf),
}


def check_number(name: str, place: str, value: t.Any) -> None:
    """Raises OUT_OF_RANGE for a number outside the limits of its option; "nan" and "inf", which Ansible takes, always
    are. ``place``: where it stands, for the error. What is no number is passed over."""
    if name not in Policy.__dataclass_fields__ and isinstance(value, (int, float)) and not isinstance(value, bool):
        _check(name, value, place)


def _check(name: str, value: float, place: str) -> None:
    least, most = LIMITS.get(name, (-math.inf, math.inf))
    above_zero = least == ABOVE_ZERO
    if math.isfinite(value) and value <= most and (value > 0 if above_zero else value >= least):
        return
    if above_zero:
        wanted = "more than 0"
    elif math.isinf(least):
        wanted = "a finite number"
    else:
        wanted = f"{least:g} or more" if math.isinf(most) else f"from {least:g} to {int(most)}"
    raise MigrationError(
        "OUT_OF_RANGE",
        f"{place} is {value:g}, but must be {wanted}.",
        state="Nothing was changed.",
        remedy="Correct the value.",
    )
