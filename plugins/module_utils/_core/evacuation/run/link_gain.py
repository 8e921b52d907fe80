# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the links carry more when one transfer more uses them, by what was seen of that.

Where they do not, guests that are sent beside each other only take longer, and rewrite more meanwhile that has to be
sent again. Nobody knows beforehand: one stream may be less than a link carries, and destinations may have links of
their own.
"""

from __future__ import annotations

import statistics
import typing as t
from collections import deque

_GAIN = 1.15  # times what was carried before; a choice
_SETTLES_S = 5.0  # a rate is an average of some seconds, so at first it is still of what was before
_LEAST_LOOKS, _MOST_LOOKS = 5, 60  # choices

Mix = tuple[int, int]


class LinkGain:
    """Told all rates at each look, it knows what the links carry with so many transfers to so many destinations."""

    def __init__(self) -> None:
        self._carried: dict[Mix, deque[float]] = {}
        self._mix: Mix = (0, 0)
        self._settled_s = 0.0

    def note(self, rates: t.Sequence[tuple[str, float]], now_s: float) -> None:
        """Destination and bytes per second of each transfer; a look at which one of them is silent tells nothing."""
        mix = _mix([name for name, _rate in rates])
        if mix != self._mix:
            self._settled_s = now_s + (_SETTLES_S if self._carried else 0.0)
            self._mix = mix
        if rates and now_s >= self._settled_s and all(rate > 0 for _destination, rate in rates):
            looks = self._carried.setdefault(mix, deque(maxlen=_MOST_LOOKS))
            looks.append(sum(rate for _destination, rate in rates))

    def pays(self, destinations: t.Sequence[str], more: str) -> bool:
        """Whether one more, to ``more``, is worth while beside those to ``destinations``. Yes where it is not known."""
        before, after = self._usual(_mix(destinations)), self._usual(_mix([*destinations, more]))
        return before is None or after is None or after >= _GAIN * before

    def _usual(self, mix: Mix) -> t.Optional[float]:
        looks = self._carried.get(mix, ())
        return statistics.median(looks) if len(looks) >= _LEAST_LOOKS else None


def _mix(destinations: t.Sequence[str]) -> Mix:
    return len(destinations), len(set(destinations))
