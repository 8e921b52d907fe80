# SPDX-License-Identifier: GPL-3.0-or-later
"""How far an evacuation is as a whole: in numbers, and in one line for a person who watches."""

from __future__ import annotations

import typing as t

from ...units import human_bytes, human_ms, human_rate
from .queued_guest import QueuedGuest, Stage


class EvacuationTotal:
    """How far all guests together are.

    The highest rate seen stands in for one of less than a quarter of it: between two transfers nothing flows.
    """

    def __init__(self) -> None:
        self._best_bytes_per_s = 0.0

    def numbers(self, guests: t.Iterable[QueuedGuest]) -> dict[str, t.Any]:
        """``time_left_s`` is None where it is not known. By what is left, over the rate of all together."""
        all_of_them = list(guests)
        moving = [one for one in all_of_them if one.stage is Stage.SENDING]
        rate = sum(one.bytes_per_s for one in moving)
        self._best_bytes_per_s = max(self._best_bytes_per_s, rate)
        left = sum(one.left_bytes for one in all_of_them if not one.ended)
        carried = rate if rate > 0.25 * self._best_bytes_per_s else self._best_bytes_per_s
        return {
            "guests": len(all_of_them),
            "done": sum(one.stage is Stage.DONE for one in all_of_them),
            "failed": sum(one.stage is Stage.FAILED for one in all_of_them),
            "moving": len(moving),
            "remaining_bytes": left,
            "bytes_per_s": int(rate),
            "time_left_s": 0.0 if left == 0 else round(left / carried, 1) if carried > 0 else None,
        }


def total_line(numbers: t.Mapping[str, t.Any]) -> str:
    """``2 of 5 guests done, 1 failed, 2 on the way, 1.2 GiB left, 90.0 MiB/s, about 12.0 s to go``."""
    parts = [f"{numbers['done']} of {numbers['guests']} guests done"]
    if numbers["failed"]:
        parts.append(f"{numbers['failed']} failed")
    if numbers["moving"]:
        parts.append(f"{numbers['moving']} on the way")
    if numbers["remaining_bytes"]:
        parts.append(f"{human_bytes(numbers['remaining_bytes'])} left")
        if numbers["bytes_per_s"]:
            parts.append(human_rate(numbers["bytes_per_s"]))
        if numbers["time_left_s"] is not None:
            parts.append(f"about {human_ms(numbers['time_left_s'] * 1000)} to go")
    return ", ".join(parts)
