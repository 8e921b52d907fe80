# SPDX-License-Identifier: GPL-3.0-or-later
"""What the forecast of one guest says for its turn in the queue: how much there is to send, and whether it goes alone.

A forecast is the document that :class:`Migration` hands to ``before_start``.
"""

from __future__ import annotations

import typing as t

from ...forecast.forecast import expected_bytes
from ...forecast.plan import POSTCOPY

_SMALL_SET_S = 0.1  # a choice: a working set that is sent in less keeps no migration from ending


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
