# SPDX-License-Identifier: GPL-3.0-or-later
"""What would have to be different for a migration to finish within its policy, in numbers."""

from __future__ import annotations

import typing as t

from ..policy import MAX_THROTTLE_PERCENT
from ..units import human_ms, human_rate
from .dirty_curve import DirtyCurve
from .precopy_model import MigrationCourse
from .simulation import MigrationFacts, Simulation
from .working_set import sampling_error_bytes

_STEP_PERCENT = 5
_DOUBLINGS = 12  # 4096 times the bandwidth that there is; as many halvings find it to 0.03 %
_LEAST_MARGIN = 0.05  # a pass leaves a little more or less each time; a choice


def needs(trial: Simulation, load: DirtyCurve, plain: MigrationCourse) -> dict[str, t.Any]:
    """What would make it finish, as ``needs`` of a forecast: any one of the entries would do.

    ``plain``: the course by pre-copy, which does not finish. Bandwidths in bytes/s, ``max_downtime_ms``,
    ``writes_less_percent`` and ``postcopy``; what would not do is left out. A guest that writes as much more than was
    measured as the measurement may be off still finishes with each of them.
    """
    found: dict[str, t.Any] = {}
    more = 1 + measuring_error(trial.facts)
    load = load.enlarged(more, trial.facts.touched_bytes)
    wanted = _bandwidth(trial, load)
    if wanted is not None:
        found["bandwidth_bytes_per_s"] = wanted
        found["bandwidth_more_bytes_per_s"] = wanted - trial.facts.bandwidth_bytes_per_s
    need_ms = plain.floor_bytes / trial.facts.bandwidth_bytes_per_s * 1000
    stand_ms = int(need_ms * more) + int(trial.path.switch_ms)
    if stand_ms > trial.policy.max_downtime_ms:
        found["max_downtime_ms"] = stand_ms
    for percent in range(_STEP_PERCENT, MAX_THROTTLE_PERCENT + 1, _STEP_PERCENT):
        if trial.keeps(trial.course(load.slowed(1 - percent / 100))):
            found["writes_less_percent"] = percent
            break
    if trial.policy.postcopy == "never" and trial.can_postcopy:
        found["postcopy"] = True
    return found


def measuring_error(facts: MigrationFacts) -> float:
    """How much more than was measured a guest may write, as a share: QEMU looks at a sample of its pages, of which a
    small guest has few."""
    set_bytes = facts.measured.working_set_bytes if facts.measured else 0
    memory_bytes = max(facts.memory_bytes, facts.touched_bytes)
    if not 0 < set_bytes <= memory_bytes:
        return _LEAST_MARGIN
    return max(_LEAST_MARGIN, sampling_error_bytes(set_bytes, memory_bytes) / set_bytes)


def requirements_text(found: t.Mapping[str, t.Any]) -> str:
    """What :func:`needs` gives, in words."""
    parts = []
    if "bandwidth_more_bytes_per_s" in found:
        parts.append(f"{human_rate(found['bandwidth_more_bytes_per_s'])} more bandwidth")
    if "max_downtime_ms" in found:
        parts.append(f"a downtime of {human_ms(found['max_downtime_ms'])}")
    if "writes_less_percent" in found:
        parts.append(f"{found['writes_less_percent']} % less writing in the guest")
    if found.get("postcopy"):
        parts.append("post-copy")
    return ", ".join(parts) or "nothing that can be said in numbers"


def least_bandwidth(enough: t.Callable[[float], bool], low: float, doublings: int = _DOUBLINGS) -> t.Optional[int]:
    """The least bandwidth in bytes/s above ``low`` that is enough, to 0.03 %; None when none up to ``low`` times
    2 ** ``doublings`` is."""
    high = low
    for _doubling in range(doublings):
        high *= 2
        if enough(high):
            break
        low = high
    else:
        return None
    for _halving in range(_DOUBLINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return int(high)


def _bandwidth(trial: Simulation, load: DirtyCurve) -> t.Optional[int]:
    def enough(bandwidth: float) -> bool:
        return trial.keeps(trial.course(load, path=trial.path.narrowed(bandwidth)))

    return least_bandwidth(enough, trial.facts.bandwidth_bytes_per_s)
