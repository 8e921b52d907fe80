# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the running migrations of a host are taken over, where more than one is.

One after the other: each that ends gives its part of the link to the others, and two guests that were switched to
post-copy together would depend on both hosts for twice as long.
"""

from __future__ import annotations

import typing as t

from ..guest_policy import GuestPolicies, said_by
from ..job.sample import JobSample, Phase, read_job
from ..policy import Policy
from .verdict import Reason, Verdict

# Those that stand still come first; of the stuck ones, those that end soonest by what is allowed; last those that need
# nothing, and whose end is only waited for.
_STANDS_STILL, _SPLIT, _FREED, _BY_POSTCOPY, _HARD, _WELL = range(6)
_HELD_BACK = (Reason.BANDWIDTH_CAP.value,)
_STUCK = (Verdict.STUCK.value, Verdict.STALLED.value, Verdict.BROKEN.value)


def rescue_order(jobs: t.Sequence[t.Any], policies: GuestPolicies) -> list[dict[str, t.Any]]:
    """The documents of the outgoing jobs that run, in the order in which they are to be taken over.

    ``jobs``: job documents with their diagnosis, and with ``own_limits`` where the guest says any; ``policies``: which
    decide what may be done for a stuck one. Raises NOT_A_JOB, and BAD_CONTRACT for limits that no policy can have.
    """
    found = [(read_job(job), job) for job in jobs]
    leaving = [(sample, job) for sample, job in found if sample.operation == "outgoing" and sample.phase.running]
    keyed = [(_key(sample, _part(job, "diagnosis"), _allowed(sample, job, policies)), job) for sample, job in leaving]
    return [job for _its_key, job in sorted(keyed, key=lambda one: one[0])]


def _part(job: t.Mapping[str, t.Any], name: str) -> t.Mapping[str, t.Any]:
    found = job.get(name)
    return found if isinstance(found, t.Mapping) else {}


def _allowed(sample: JobSample, job: t.Mapping[str, t.Any], policies: GuestPolicies) -> Policy:
    return policies.of(sample.name, sample.uuid, said_by(None, _part(job, "own_limits")))


def _key(sample: JobSample, diagnosis: t.Mapping[str, t.Any], policy: Policy) -> tuple[int, int, str]:
    """Within a class the one with the least left ends first, and lets the others go on soonest."""
    evidence = diagnosis.get("evidence")
    needed_ms = evidence.get("needed_downtime_ms") if isinstance(evidence, t.Mapping) else None
    return _class(sample, diagnosis, needed_ms, policy), sample.memory.remaining_bytes, sample.uuid


def _class(sample: JobSample, diagnosis: t.Mapping[str, t.Any], needed_ms: t.Any, policy: Policy) -> int:
    if sample.phase in (Phase.POSTCOPY_FAILED, Phase.SWITCHOVER):
        return _STANDS_STILL
    if sample.phase is Phase.POSTCOPY:
        return _SPLIT
    if diagnosis.get("verdict") not in _STUCK:
        return _WELL
    allowed_ms = max(policy.max_downtime_ms, policy.max_pause_s * 1000)
    known = isinstance(needed_ms, (int, float)) and not isinstance(needed_ms, bool)
    if diagnosis.get("reason") in _HELD_BACK or (known and needed_ms <= allowed_ms):
        return _FREED
    evidence = _part(diagnosis, "evidence")
    return _HARD if policy.postcopy == "never" or evidence.get("postcopy_obstacles") else _BY_POSTCOPY
