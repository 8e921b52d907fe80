# SPDX-License-Identifier: GPL-3.0-or-later
"""How far an evacuation is as a whole: in numbers, and in one line for a person who watches."""

from __future__ import annotations

import typing as t

from ...forecast.forecast import expected_bytes
from ...forecast.plan import POSTCOPY
from ...units import human_bytes, human_ms, human_rate
from .queued_guest import QueuedGuest, Stage

_SMALL_SET_S = 0.1  # a choice: a working set that is sent in less keeps no migration from ending


class EvacuationTotal:
    """How far all guests together are; it remembers the last rate, for the moments in which nothing is measured."""

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


def to_be_sent(forecast: t.Mapping[str, t.Any]) -> tuple[t.Optional[int], float]:
    """Bytes in all, None where that is not known, and the seconds that its memory takes once at least (0: likewise)."""
    basis = forecast.get("basis") or {}
    touched, bandwidth = basis.get("touched_bytes"), basis.get("bandwidth_bytes_per_s")
    return expected_bytes(forecast), touched / bandwidth if touched and bandwidth else 0.0


def needs_the_link_alone(forecast: t.Mapping[str, t.Any], sharing: int) -> bool:
    """Whether a guest writes too fast to be sent beside others, ``sharing`` of them over one link.

    Post-copy ends with any share, and so does what keeps rewriting only a little.
    """
    basis = forecast.get("basis") or {}
    bandwidth, dirty = basis.get("bandwidth_bytes_per_s"), basis.get("dirty_bytes_per_s")
    if not bandwidth or not dirty or forecast.get("way") == POSTCOPY or sharing < 2:
        return False
    small = not basis.get("working_set_is_lower_bound") and (
        (basis.get("working_set_bytes") or 0) < _SMALL_SET_S * bandwidth / sharing
    )
    return not small and 2 * dirty > bandwidth / sharing
