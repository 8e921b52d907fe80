# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration needs, beside how it will go: the least bandwidth, and the mildest policy that will do."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace

from ..policy import Policy, preset
from ..units import MIB
from .forecast import Forecast, forecast
from .plan import NO_WAY, UNKNOWN, Flags, default_deadline_s
from .requirements import least_bandwidth
from .simulation import MigrationFacts
from .working_set import scan_s

# From the one that asks least of the guest to the one that may cost most.
_MILDEST_FIRST = ("minimal_downtime", "very_large", "suspend_workload", "post_copy")
_LOWEST_BYTES_PER_S = 0.5 * MIB  # limits are whole MiB/s, from 1 up
_DOUBLINGS = 20  # from half a MiB/s up to 512 GiB/s


def least_bandwidth_bytes_per_s(policy: Policy, facts: MigrationFacts) -> t.Optional[int]:
    """The least bandwidth at which it finishes within the policy; None when none does, or it was not measured.

    Without a deadline in the policy the time is that which it would be given at the bandwidth of ``facts``.
    """
    if facts.measured is None:
        return None
    least_s = facts.touched_bytes / facts.bandwidth_bytes_per_s + scan_s(facts.memory_bytes, facts.touched_bytes)
    deadline_s = policy.deadline_s or default_deadline_s(least_s)
    timed = replace(policy, deadline_s=deadline_s)

    def enough(bandwidth: float) -> bool:
        found = forecast(timed, replace(facts, bandwidth_bytes_per_s=int(bandwidth)))
        return finishes(found) and found.expected is not None and found.expected.total_s <= deadline_s

    return least_bandwidth(enough, _LOWEST_BYTES_PER_S, _DOUBLINGS)


def recommended_policy(facts: MigrationFacts) -> t.Optional[str]:
    """The mildest preset by which it surely finishes, or else by which it does; None when none does."""
    if facts.measured is None:
        return None
    found = {name: forecast(preset(name), facts) for name in _MILDEST_FIRST}
    good = [name for name in _MILDEST_FIRST if finishes(found[name])]
    return next((name for name in good if found[name].sure), good[0] if good else None)


def finishes(found: Forecast) -> bool:
    """Whether the forecast names a way; False too when nothing was measured."""
    return found.plan.way not in (NO_WAY, UNKNOWN)


def whole_mib_per_s(bytes_per_s: t.Optional[float], *, up: bool = False) -> t.Optional[int]:
    """A bandwidth as libvirt takes it."""
    if bytes_per_s is None:
        return None
    return max(1, math.ceil(bytes_per_s / MIB) if up else int(bytes_per_s / MIB))


def virsh_options(flags: Flags, bandwidth_mib_per_s: t.Optional[int]) -> list[str]:
    """What to start the migration with, for ``virsh migrate --live --p2p``."""
    words = ["--postcopy"] if flags.postcopy else []
    if flags.auto_converge:
        words += ["--auto-converge", "--auto-converge-initial", str(flags.throttle_initial_percent)]
        words += ["--auto-converge-increment", str(flags.throttle_increment_percent)]
    if flags.xbzrle_cache_bytes:
        words += ["--compressed", "--comp-methods", "xbzrle", "--comp-xbzrle-cache", str(flags.xbzrle_cache_bytes)]
    if flags.zstd_level:
        words += ["--compressed", "--comp-methods", "zstd", "--comp-zstd-level", str(flags.zstd_level)]
    if flags.parallel_connections:
        words += ["--parallel", "--parallel-connections", str(flags.parallel_connections)]
    return words + (["--bandwidth", str(bandwidth_mib_per_s)] if bandwidth_mib_per_s else [])


def prospect(policy: Policy, facts: MigrationFacts) -> dict[str, t.Any]:
    """The document of a forecast, and in it the limit to set (MiB/s), the least bandwidth that would do, the mildest
    preset that does, and the options for virsh: what ``expected_transfer`` and ``migration_forecast_info`` return."""
    found, bandwidth = forecast(policy, facts), whole_mib_per_s(facts.bandwidth_bytes_per_s)
    return {
        **found.document(),
        "recommended_policy": recommended_policy(facts),
        "virsh_options": virsh_options(found.plan.flags, bandwidth),
        "bandwidth_mib_per_s": bandwidth,
        "least_bandwidth_mib_per_s": whole_mib_per_s(least_bandwidth_bytes_per_s(policy, facts), up=True),
    }
