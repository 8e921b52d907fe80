# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a supervised job stands, in numbers and in one line for a person who watches."""

from __future__ import annotations

import typing as t

from ..job.downtime_limit import SHRINKS
from ..job.sample import Phase
from ..text import printable
from ..units import human_bytes, human_ms, human_rate, seconds_for, whole
from .actions import Action, Kind
from .history import History
from .settings_in_force import SettingsInForce

_MAX_PASSES = 200  # of a time that is foreseen; what takes more is said to be not known
_PASSES_EVERY_S = 1.0  # near the end passes are short
_ANYHOW_EVERY_S = 30.0  # a choice: whoever watches sees that it goes on


class Reporter:
    """Makes a line of progress when a decision, the phase or the pass has changed, and every 30 s in a long pass."""

    def __init__(self, history: History, settings: SettingsInForce, expected_bytes: t.Optional[int] = None) -> None:
        self._history, self._settings, self._expected_bytes = history, settings, expected_bytes
        self._reported_s: t.Optional[float] = None
        self._phase: t.Optional[Phase] = None
        self._pass: t.Optional[int] = None

    def report(self, actions: t.Sequence[Action]) -> t.Optional[tuple[str, dict[str, t.Any]]]:
        """A line and its numbers after a look, or None when they would say nothing new."""
        last = self._history.last
        silent_s = last.at_s - self._reported_s if self._reported_s is not None else _ANYHOW_EVERY_S
        new_pass = last.pass_number != self._pass and silent_s >= _PASSES_EVERY_S
        if not (actions or last.phase is not self._phase or new_pass or silent_s >= _ANYHOW_EVERY_S):
            return None
        self._reported_s, self._phase, self._pass = last.at_s, last.phase, last.pass_number
        numbers = self.numbers()
        return progress_line(numbers, actions), numbers

    def numbers(self) -> dict[str, t.Any]:
        return progress(self._history, self._settings, self._expected_bytes)


def progress(history: History, settings: SettingsInForce, expected_bytes: t.Optional[int] = None) -> dict[str, t.Any]:
    """Numbers of the last look, None where not known: what goes with each line of progress.

    ``expected_bytes``: what is to be sent in all, from which the time that is left is known in the first pass.
    """
    last, bandwidth = history.last, history.bandwidth_bytes_per_s
    needed_ms = None
    boundary = history.last_boundary
    if boundary is not None and last.phase is Phase.PRECOPY:
        needed_ms = whole(seconds_for(boundary.remaining_bytes, bandwidth) * 1000)
    return {
        "phase": last.phase.value,
        "pass": last.pass_number,
        "remaining_bytes": last.memory.remaining_bytes + last.disk.remaining_bytes,
        "bandwidth_bytes_per_s": int(bandwidth),
        "needed_downtime_ms": needed_ms,
        "max_downtime_ms": settings.policy.max_downtime_ms,
        "throttle_percent": last.throttle_percent,
        "elapsed_ms": last.elapsed_ms or None,
        "downtime_ms": last.downtime_ms,
        "time_left_s": _time_left_s(history, settings.highest_ms, expected_bytes or 0),
    }


def progress_line(numbers: t.Mapping[str, t.Any], actions: t.Sequence[Action]) -> str:
    """``pass 4, 1.2 GiB left, 410.0 MiB/s, needs 5.6 s downtime (limit 500 ms), about 12.0 s to go: waiting: ...``."""
    if not Phase(numbers["phase"]).running:
        return _end_line(numbers)
    parts = [f"pass {numbers['pass']}" if numbers["phase"] == Phase.PRECOPY.value else str(numbers["phase"])]
    parts.append(f"{human_bytes(numbers['remaining_bytes'])} left")
    parts.append(human_rate(numbers["bandwidth_bytes_per_s"]))
    if numbers["needed_downtime_ms"] is not None:
        limit = human_ms(numbers["max_downtime_ms"])
        parts.append(f"needs {human_ms(numbers['needed_downtime_ms'])} downtime (limit {limit})")
    if numbers["throttle_percent"]:
        parts.append(f"slowed down by {numbers['throttle_percent']} %")
    if numbers["time_left_s"] is not None:
        parts.append(f"about {human_ms(numbers['time_left_s'] * 1000)} to go")
    decisions = "; ".join(f"{_doing(action)}: {action.because}" for action in actions)
    return ", ".join(parts) + (f": {decisions}" if decisions else "")


def shown_line(host: t.Any, entry: t.Any) -> t.Optional[str]:
    """What is printed for an entry of a module's progress; None for one without a line.

    This is where all progress leaves for a terminal: names in it, of guests and hosts, are other people's input.
    """
    if not isinstance(entry, dict) or "line" not in entry:
        return None
    return printable(f"[{host}] {entry.get('name', '?')}: {entry['line']}")


def _doing(action: Action) -> str:
    return "waiting" if action.kind is Kind.WAIT else action.kind.value.replace("_", " ")


def _end_line(numbers: t.Mapping[str, t.Any]) -> str:
    line = str(numbers["phase"])
    if numbers["elapsed_ms"] is not None:
        line += f" after {human_ms(numbers['elapsed_ms'])}"
    if numbers["downtime_ms"] is not None:
        line += f", stood still for {human_ms(numbers['downtime_ms'])}"
    return line


def _time_left_s(history: History, highest_ms: int, expected_bytes: int) -> t.Optional[float]:
    """None: not known, or it does not finish as it goes now. ``highest_ms``: the highest downtime limit."""
    last, bandwidth = history.last, history.bandwidth_bytes_per_s
    if bandwidth <= 0:
        return None
    if last.phase in (Phase.POSTCOPY, Phase.SWITCHOVER):
        return round(last.memory.remaining_bytes / bandwidth, 1)
    if last.phase is not Phase.PRECOPY:
        return None
    boundary = history.last_boundary
    if boundary is None:
        # What is left counts pages that are empty, which take no time.
        to_send = expected_bytes - last.memory.processed_bytes
        return round(to_send / bandwidth, 1) if to_send > 0 else None
    left, before = float(boundary.remaining_bytes), history.left_before()
    share, fits = left / before if before > 0 else 1.0, highest_ms / 1000 * bandwidth
    total_s = -(last.at_s - boundary.at_s)
    for _pass in range(_MAX_PASSES):
        total_s += left / bandwidth
        if left <= fits:
            return round(max(0.0, total_s), 1)
        if share >= SHRINKS:
            return None
        left *= share
    return None
