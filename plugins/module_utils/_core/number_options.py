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

MOST = 2.0**63  # bytes, bytes/s or ms reckoned from an option stay far below what a float can hold

# By the name of the option: the least and the most that it may be. An option has the same limits in every module.
LIMITS: t.Mapping[str, tuple[float, float]] = {
    "ahead": (0, math.inf),
    "at_most": (1, math.inf),
    "attempts": (1, math.inf),
    "bandwidth_mib_per_s": (0, MOST_BANDWIDTH_MIB_PER_S),
    "before_mib_per_s": (0, MOST_BANDWIDTH_MIB_PER_S),
    "breaker": (1, math.inf),
    "calm_wait_s": (0, math.inf),
    "compression_level": (1, 20),  # libvirt's for zstd; 0 would be none
    "guest_overhead_mib": (0, math.inf),
    "history_keep": (1, 10_000),
    "link_mbit_per_s": (ABOVE_ZERO, math.inf),
    "link_mib_per_s": (ABOVE_ZERO, math.inf),
    "incoming_port": (1, 65535),
    "load_window_s": (0, math.inf),
    "max_guests": (0, math.inf),
    "max_incoming": (0, math.inf),
    "max_outgoing": (0, math.inf),
    "max_transfers": (0, math.inf),
    "max_vcpus": (0, math.inf),
    "mib_per_s": (ABOVE_ZERO, math.inf),
    "newest": (1, 10_000),
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
    "since_epoch_s": (0, 4e10),
    "shutdown_timeout_s": (0, math.inf),
    "timeout_s": (ABOVE_ZERO, math.inf),
    "transfer_mib_per_s": (ABOVE_ZERO, math.inf),
    "within_s": (ABOVE_ZERO, math.inf),
}


def check_number(name: str, place: str, value: t.Any) -> None:
    """Raises OUT_OF_RANGE for a number outside the limits of its option; "nan" and "inf", which Ansible takes, always
    are. ``place``: where it stands, for the error. What is no number is passed over."""
    if name not in Policy.__dataclass_fields__ and isinstance(value, (int, float)) and not isinstance(value, bool):
        _check(name, value, place)


def _check(name: str, value: float, place: str) -> None:
    least, most = LIMITS.get(name, (-math.inf, math.inf))
    above_zero = least == ABOVE_ZERO
    fits = name not in LIMITS or -MOST <= value <= MOST
    if fits and -math.inf < value < math.inf and value <= most and (value > 0 if above_zero else value >= least):
        return
    if not fits and MOST < value < math.inf:
        wanted = f"{MOST:g} at most"
    elif above_zero:
        wanted = "more than 0"
    elif math.isinf(least):
        wanted = "a finite number"
    else:
        wanted = f"{least:g} or more" if math.isinf(most) else f"from {least:g} to {int(most)}"
    raise MigrationError(
        "OUT_OF_RANGE",
        f"{place} is {_shown(value)}, but must be {wanted}.",
        state="Nothing was changed.",
        remedy="Correct the value.",
    )


def _shown(value: float) -> str:
    try:
        return f"{value:g}"
    except OverflowError:
        return "a number of more than 300 digits"
