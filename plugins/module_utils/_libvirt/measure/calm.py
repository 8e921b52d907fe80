# SPDX-License-Identifier: GPL-3.0-or-later
"""A moment in which a guest is calm is waited for, within a bound."""

from __future__ import annotations

import time
import typing as t

from ..._core.forecast.forecast import forecast
from ..._core.forecast.quiet_moment import QuietMoment, moment
from ..._core.forecast.simulation import MigrationFacts
from ..._core.policy import Policy

_REST_S = 5.0  # between two measurements, so that the guest is left alone for half of the time

Found = t.TypeVar("Found")


def wait_for_calm(
    measure: t.Callable[[], Found],
    calm: t.Callable[[Found], bool],
    wait_s: float,
    on_wait: t.Callable[[Found, float], None] = lambda _found, _waited_s: None,
) -> tuple[Found, bool]:
    """Measure, at least once, until what was found is calm or ``wait_s`` are over: the last finding, and whether it is.

    ``on_wait``: called before each rest with what was found and for how many seconds it has been waited.
    """
    began_s = time.monotonic()
    while True:
        found = measure()
        if calm(found):
            return found, True
        waited_s = time.monotonic() - began_s
        if waited_s + _REST_S > wait_s:
            return found, False
        on_wait(found, waited_s)
        time.sleep(_REST_S)


def calm_moments(
    measure: t.Callable[[], MigrationFacts], policy: Policy, wait_s: float
) -> tuple[list[QuietMoment], MigrationFacts]:
    """All moments that were measured until one was quiet enough for the policy, and the facts of the last one.

    ``measure``: the facts, with what the guest does.
    """
    began_s = time.monotonic()
    moments: list[QuietMoment] = []

    def measured() -> MigrationFacts:
        after_s = time.monotonic() - began_s
        facts = measure()
        if facts.measured is not None:
            moments.append(moment(after_s, facts.measured, forecast(policy, facts)))
        return facts

    found, _calm = wait_for_calm(measured, lambda _facts: moments[-1].quiet, wait_s)
    return moments, found
