# SPDX-License-Identifier: GPL-3.0-or-later
"""The processor time that a virtual processor may have, as the kernel has it: a quota in microseconds per period."""

from __future__ import annotations

import re
import typing as t

# Of the kernel (Documentation/scheduler/sched-bwc.rst) and of libvirt (virCgroupSetCpuCfsQuota).
_LEAST_QUOTA_US = 1000
# A choice: within the kernel's 100 ms a guest that is to lose 80 % would stand still for 80 ms at a time, while its
# thread may hold the lock that QEMU's sending needs, and so long again at the switch-over.
_PERIOD_US = 10_000
_NUMBER = re.compile(r"[0-9]{1,15}")


class VcpuQuota(t.NamedTuple):
    """``quota_us``: None for no limit."""

    quota_us: t.Optional[int]
    period_us: int

    def lowered(self, percent: int) -> t.Optional[VcpuQuota]:
        """The one that takes so much (1 to 99) of what this one gives to one processor; None where there is none.

        The period is that of the kernel's own only where there was no limit: whoever has set one has chosen its period.
        """
        kept_percent = 100 - percent
        if self.quota_us is None:
            period_us = max(_PERIOD_US, -(-_LEAST_QUOTA_US * 100 // kept_percent))
            return VcpuQuota(max(_LEAST_QUOTA_US, -(-period_us * kept_percent // 100)), period_us)
        had_us = min(self.quota_us, self.period_us)
        quota_us = max(_LEAST_QUOTA_US, -(-had_us * kept_percent // 100))
        return VcpuQuota(quota_us, self.period_us) if quota_us < had_us else None


def from_version_2(text: str) -> t.Optional[VcpuQuota]:
    """From ``cpu.max``; None for what is not understood."""
    words = text.split()
    if len(words) != 2 or not _NUMBER.fullmatch(words[1]) or int(words[1]) <= 0:
        return None
    if words[0] == "max":
        return VcpuQuota(None, int(words[1]))
    return VcpuQuota(int(words[0]), int(words[1])) if _NUMBER.fullmatch(words[0]) else None


def from_version_1(quota: str, period: str) -> t.Optional[VcpuQuota]:
    """From ``cpu.cfs_quota_us`` and ``cpu.cfs_period_us``; None for what is not understood."""
    if not _NUMBER.fullmatch(period.strip()) or int(period) <= 0:
        return None
    if quota.strip() == "-1":
        return VcpuQuota(None, int(period))
    return VcpuQuota(int(quota), int(period)) if _NUMBER.fullmatch(quota.strip()) else None


def held_back_s(text: str) -> t.Optional[float]:
    """Seconds for which a group was kept from running, from its ``cpu.stat`` of either version."""
    for line in text.split("\n"):
        name, _blank, value = line.partition(" ")
        if name in ("throttled_usec", "throttled_time") and _NUMBER.fullmatch(value[:15]) and value.isdigit():
            return int(value) / (1e6 if name == "throttled_usec" else 1e9)
    return None
