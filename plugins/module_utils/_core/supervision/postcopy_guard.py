# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against switching a running job to post-copy now: the warning of the manuals, made checkable.

After the switch the guest needs both hosts and the network between them until the last page has arrived. So the
network must be steady, the rest must be short, and nothing of the guest may be of a kind that post-copy cannot fetch.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..job.observation import Observation, little_to_send
from ..job.sample import JobSample, Phase
from ..postcopy_obstacles import Obstacle
from ..units import human_ms, human_rate

GUARD_OBSERVE_S = 3.0  # a choice: three windows of one second, of which one may be a bitmap sync
_DEAD_S = 1.0  # without a byte; a choice: ten of the 100 ms in which QEMU's counters move
_STEADY_SHARE = 0.5  # a choice: the slowest second against the fastest one


@dataclass(frozen=True)
class GuardObjection:
    """One thing that speaks against switching now: its stable name, and a clause that says it."""

    id: str
    message: str


def objections(
    samples: t.Sequence[JobSample],
    *,
    max_postcopy_s: float,
    sharing: int = 1,
    of_guest: t.Sequence[Obstacle] = (),
) -> list[GuardObjection]:
    """What speaks against post-copy now; an empty list when nothing does.

    ``samples``: looks over ``GUARD_OBSERVE_S`` or longer, oldest first; ``sharing``: how many migrations of the same
    evacuation may use the link at a time, since the rate falls when one more of them begins, though the network is as
    good as before. ``of_guest``: what of it post-copy cannot cope with, its host devices included.
    """
    seen = Observation(samples)
    if seen.last.phase is Phase.SWITCHOVER:
        return [GuardObjection("SUSPENDED", "it stands still already, so that its migration ends by itself")]
    found = [GuardObjection(one.id, one.why) for one in of_guest]
    if seen.first_pass:
        found.append(
            GuardObjection(
                "FIRST_PASS",
                "the first pass is not over: nearly all of its memory would have to be fetched while it runs",
            )
        )
    found += _to_the_network(seen, sharing)
    longest_ms = seen.longest_pause_ms
    if longest_ms is not None and longest_ms > max_postcopy_s * 1000:
        found.append(
            GuardObjection(
                "TOO_LONG",
                f"the guest would depend on both hosts for up to {human_ms(longest_ms)},"
                f" more than {max_postcopy_s:g} s",
            )
        )
    return found


def _to_the_network(seen: Observation, sharing: int) -> list[GuardObjection]:
    if seen.silent_s >= _DEAD_S:
        return [GuardObjection("NETWORK_STALL", f"nothing has been sent for {human_ms(seen.silent_s * 1000)}")]
    slowest, fastest = _slowest_and_fastest(seen.samples)
    if fastest and slowest < _STEADY_SHARE / sharing * fastest:
        rates = f"between {human_rate(slowest)} and {human_rate(fastest)} within {seen.observed_s:.0f} s"
        return [GuardObjection("NETWORK_UNSTEADY", f"the network is not steady: {rates}")]
    return []


def _slowest_and_fastest(samples: t.Sequence[JobSample]) -> tuple[int, int]:
    """Rates over windows of at least a second, so that a bitmap sync does not look like a weak network; nor does a run
    of zero pages, or the time in which the job is set up."""
    rates: list[int] = []
    begin: t.Optional[JobSample] = None
    for sample in samples:
        if sample.phase is not Phase.PRECOPY:
            continue
        begin = begin or sample
        elapsed_s = sample.at_s - begin.at_s
        if elapsed_s >= 1.0:
            sent = sample.memory.processed_bytes - begin.memory.processed_bytes
            if sent == 0 or not little_to_send(begin, sample):
                rates.append(int(sent / elapsed_s))
            begin = sample
    return (min(rates), max(rates)) if rates else (0, 0)
