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

_PLAY = """Ours is a whole play. {around} of it are Ansible and SSH, what is looked up and measured before the start,
and what is verified at the end, which the migration of so small a guest does not outweigh. The next two figures are
without that."""

_A_SECOND = """What a second of measuring shows is how fast a guest writes, and not to how much memory in the end: one
that rewrites little is foreseen to take longer than it does, and told so ("at most about"). Whether its pages compress
is seen in the third pass."""

_REASONS = {
    "2a": _PLAY,
    "2b": "As above.",
    "2c": "Where a peer stands still for longer than ours it ends sooner, as its contract allows that; and ours sends a"
    " pass more, of half a second, for a shorter downtime.",
    "3a": "The play takes all of the seconds that are allowed beside the job, and at times more.",
    "4b": _TWICE,
    "5a": "The share is that of a migration that takes less time. In post-copy a guest that touches all of its memory"
    " does next to nothing in either; what is lost as time is the next figure.",
    "5b": "Post-copy is begun as soon as the first pass shows, or the measurement before it, that pre-copy does not do."
    " Whoever sends all of it once before that needs more time, in which the guest works; and what is calm for a while"
    " may be calm then.",
    "6a": _A_SECOND,
    "6b": _A_SECOND,
}


def reasons(results: Results) -> list[str]:
    """An item for each figure that is not reached."""
    found = []
    for each in figures(results):
        if each.reached is False and each.number in _REASONS:
            text = _REASONS[each.number].format(throttle=_FULL_THROTTLE_PERCENT, **_seen(results))
            found.append(f"- *{each.number}*: " + " ".join(text.split()))
    return found


def _seen(results: Results) -> dict[str, str]:
    ours = [run for run in results.runs if run.strategy == OURS]
    around_s = sorted(run.total_s - run.elapsed_s for run in ours if run.finished)
    others = [run for run in results.runs if run.strategy in BY_NAME]
    return {
        "around": f"{around_s[0]:.0f} to {around_s[-1]:.0f} s" if around_s else "Some seconds",
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
