# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a figure is not reached: the physical reason, with what the other strategies show of it in the same runs."""

from __future__ import annotations

import typing as t

from .candidates import BY_NAME, OURS
from .figures import figures
from .results import Results, Run

_FULL_THROTTLE_PERCENT = 99

_TWICE = """QEMU slows a guest down by stopping its processors, at {throttle} % for up to a second at a time, and in
post-copy a page that the guest asks for waits behind what is in the socket's buffer already. Neither is downtime for
libvirt, and both are a gap for the heartbeat. The others that did so had gaps of {throttled} at {throttle} %, and of
{postcopy} in post-copy; ours had {own_throttled} and {own_postcopy}."""

_REASONS = {
    "4b": _TWICE,
    "5a": "The share is that of a migration that takes less time. In post-copy a guest that touches all of its memory"
    " does next to nothing in either; what is lost as time is the next figure.",
    "5b": "Post-copy is begun as soon as the first pass shows, or the measurement before it, that pre-copy does not do."
    " Whoever sends all of it once before that needs more time, in which the guest works; and what is calm for a while"
    " may be calm then.",
}


def reasons(results: Results) -> list[str]:
    """An item for each figure that is not reached."""
    found = []
    for each in figures(results):
        if each.reached is False and each.number in _REASONS:
            text = _REASONS[each.number].format(throttle=_FULL_THROTTLE_PERCENT, **_gaps(results))
            found.append(f"- *{each.number}*: " + " ".join(text.split()))
    return found


def _gaps(results: Results) -> dict[str, str]:
    ours = [run for run in results.runs if run.strategy == OURS]
    others = [run for run in results.runs if run.strategy in BY_NAME]
    return {
        "throttled": _range(others, lambda run: run.max_throttle_percent >= _FULL_THROTTLE_PERCENT),
        "own_throttled": _range(ours, lambda run: run.max_throttle_percent >= _FULL_THROTTLE_PERCENT),
        "postcopy": _range(others, _split),
        "own_postcopy": _range(ours, _split),
    }


def _split(run: Run) -> bool:
    return run.split_s > 0 and not run.max_throttle_percent


def _range(runs: t.Sequence[Run], which: t.Callable[[Run], bool]) -> str:
    gaps = sorted(run.longest_gap_ms for run in runs if which(run) and run.longest_gap_ms > 0)
    return f"{gaps[0]:.0f} to {gaps[-1]:.0f} ms" if gaps else "none"
