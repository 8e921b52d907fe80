# SPDX-License-Identifier: GPL-3.0-or-later
"""How a job is to be started and what is expected of it; the supervisor's side of a forecast."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from ..policy import Policy
from ..units import GIB
from .dirty_curve import DirtyCurve

# Choices for what a policy leaves open, tried in tests/sim: six times the least possible time for all, half of it for
# passes that still shrink.
_LEAST_DEADLINE_S = 60.0
_DEADLINE_OVER_LEAST = 6.0
_PATIENCE_OVER_LEAST = 0.5
_PATIENCE_S = (3.0, 60.0)
_START_LIMIT_MS = 80  # measured (docs/design.md): with 60 a light guest took one pass more and stood still for no less
_START_LIMIT_MS_PER_GIB = 0.4  # a bitmap sync of a big guest takes so long that a smaller limit is never met


# How a migration is meant to finish.
PRECOPY, THROTTLE, POSTCOPY, PAUSE, NO_WAY, UNKNOWN = "precopy", "throttle", "postcopy", "pause", "none", "unknown"


@dataclass(frozen=True)
class Flags:
    """What a job is started with and cannot be given later. None: not known (a job that somebody else started).

    ``zstd_level``: of what several connections compress by it (0: they do not).
    """

    postcopy: t.Optional[bool] = False
    auto_converge: t.Optional[bool] = False
    throttle_initial_percent: int = 0
    throttle_increment_percent: int = 0
    xbzrle_cache_bytes: int = 0
    parallel_connections: int = 0
    zstd_level: int = 0


@dataclass(frozen=True)
class Plan:
    """``way``: how it is meant to finish. ``postcopy_share``: switch after this share of the first pass (None: by
    need).

    ``memory_bytes``: all memory that the guest has (None: not known). ``touched_bytes``: what the first pass has to
    send. ``set_bytes`` and ``rate_bytes_per_s``: what the guest rewrites in the end, by its measurement (all of that
    where no end was seen), and how fast. ``adopted``: somebody else started the job, so that its age and what it has
    sent are no fault of ours. ``bandwidth_mib_per_s``: what the limit may be raised to (0: no limit; None: it is not
    ours to touch). ``sharing``: how many of ours may use the link at a time, this one included. ``join_attempts``: how
    often to join the halves of a broken post-copy. ``first_pass_tells``: it was hardly measured before its start, so
    that its first pass stands for that. ``parallel_compression``: it is compressed on several connections, by a QEMU
    that counts what is sent. ``postcopy_possible``: nothing of the guest is known that post-copy could not cope with,
    but for devices of the host. ``vcpu_quota``: the quotas of its virtual processors can be lowered from here;
    ``no_vcpu_quota``: why not, where it would help and was looked at.
    """

    way: str = UNKNOWN
    flags: Flags = field(default_factory=lambda: Flags(None, None))
    start_limit_ms: t.Optional[int] = None
    postcopy_share: t.Optional[float] = None
    touched_bytes: t.Optional[int] = None
    set_bytes: t.Optional[int] = None
    rate_bytes_per_s: t.Optional[int] = None
    bandwidth_mib_per_s: t.Optional[int] = None
    host_devices: int = 0
    adopted: bool = False
    sharing: int = 1
    join_attempts: int = 5
    memory_bytes: t.Optional[int] = None
    first_pass_tells: bool = False
    parallel_compression: bool = False
    postcopy_possible: bool = True
    vcpu_quota: bool = False
    no_vcpu_quota: str = ""

    def left_after(self, time_s: float) -> t.Optional[float]:
        """What a pass of that length will leave, where the guest was measured."""
        if self.set_bytes is None or self.rate_bytes_per_s is None:
            return None
        return DirtyCurve(self.set_bytes, self.rate_bytes_per_s).at_most(time_s)

    def document(self) -> dict[str, t.Any]:
        return asdict(self)


def plan_from(document: t.Mapping[str, t.Any]) -> Plan:
    """The way back from :meth:`Plan.document`; raises TypeError on another shape."""
    return Plan(**{**document, "flags": Flags(**document["flags"])})


def adopted_plan(
    postcopy: t.Optional[bool] = None,
    auto_converge: t.Optional[bool] = None,
    *,
    host_devices: int = 0,
    bandwidth_mib_per_s: t.Optional[int] = None,
    memory_bytes: t.Optional[int] = None,
    postcopy_possible: bool = True,
) -> Plan:
    """For a job that somebody else started; None: not known whether it has the flag."""
    return Plan(
        UNKNOWN,
        Flags(postcopy, auto_converge),
        host_devices=host_devices,
        bandwidth_mib_per_s=bandwidth_mib_per_s,
        adopted=True,
        memory_bytes=memory_bytes,
        postcopy_possible=postcopy_possible,
    )


def default_deadline_s(least_s: float) -> float:
    """Seconds that a migration may take when its policy says nothing; ``least_s``: what any method takes."""
    return max(_LEAST_DEADLINE_S, _DEADLINE_OVER_LEAST * least_s)


def patience_s(policy: Policy, least_s: float) -> float:
    """Seconds for which passes that still shrink are waited for, by the policy or in proportion to ``least_s``."""
    low, high = _PATIENCE_S
    given = policy.patience_s
    return min(high, max(low, _PATIENCE_OVER_LEAST * least_s)) if given is None else given


def start_limit_ms(touched_bytes: float) -> int:
    """The downtime limit to start with; QEMU's own 300 ms would be filled even by an idle guest, which loses by it."""
    return max(_START_LIMIT_MS, int(_START_LIMIT_MS_PER_GIB * touched_bytes / GIB))
