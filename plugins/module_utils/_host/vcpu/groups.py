# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups of a guest's virtual processors: found, read and written.

libvirt makes one for each where it has the controller of processor time. It lets nobody change them during a migration:
``virsh schedinfo`` waits 30 s for the lock of the job and fails. So their files are written. What they say does not
travel with the guest, and goes with its QEMU.
"""

from __future__ import annotations

import os
import typing as t

from ..._core.errors import MigrationError
from ..._core.host.parse.cgroup import processor_groups
from ..._core.host.parse.procfs import Mount, parse_mounts
from ..._core.job.vcpu_quota import VcpuQuota, from_version_1, from_version_2, held_back_s
from ..files import read
from ..qemu_process import PROCESSES
from ..status_file import STATUS_DIRECTORY, vcpu_threads

_MOUNTS = "/proc/self/mountinfo"


class QuotaFile(t.NamedTuple):
    """A file, and what is to be in it."""

    path: str
    text: str


class VcpuGroup(t.NamedTuple):
    """The control group of one virtual processor, which has no other thread in it."""

    directory: str
    unified: bool

    def quota(self) -> t.Optional[VcpuQuota]:
        """None where it cannot be read."""
        if self.unified:
            return from_version_2(read(f"{self.directory}/cpu.max") or "")
        quota, period = (read(f"{self.directory}/cpu.cfs_{name}_us") or "" for name in ("quota", "period"))
        return from_version_1(quota, period)

    def files(self, value: VcpuQuota) -> list[QuotaFile]:
        """What is to be in which file, in the order in which a former value is put back.

        In version 1, where a quota and its period are set one after the other, no limit holds until both are.
        """
        if self.unified:
            quota = "max" if value.quota_us is None else str(value.quota_us)
            return [QuotaFile(f"{self.directory}/cpu.max", f"{quota} {value.period_us}")]
        quota = "-1" if value.quota_us is None else str(value.quota_us)
        return [
            QuotaFile(f"{self.directory}/cpu.cfs_quota_us", quota),
            QuotaFile(f"{self.directory}/cpu.cfs_period_us", str(value.period_us)),
        ]

    def held_back_s(self) -> t.Optional[float]:
        return held_back_s(read(f"{self.directory}/cpu.stat") or "")

    @property
    def gone(self) -> bool:
        """The guest has left, or its QEMU has ended."""
        return not os.path.isdir(self.directory)


def vcpu_groups(name: str, uuid: str, *, status: t.Optional[str] = None) -> list[VcpuGroup]:
    """One for each virtual processor of a guest of this machine. Raises NO_VCPU_QUOTA, which says why there is none.

    ``status``: the directory of libvirt's status files.
    """
    threads = vcpu_threads(name, uuid, status or STATUS_DIRECTORY)
    if threads is None or not threads.by_number:
        raise no_quota("which threads its virtual processors are is not known here")
    try:
        mounts = parse_mounts(read(_MOUNTS) or "")
    except MigrationError as exc:
        raise no_quota(exc.problem) from exc
    return [_group(threads.pid, number, thread, mounts) for number, thread in sorted(threads.by_number.items())]


def _group(pid: int, number: int, thread: int, mounts: t.Sequence[Mount]) -> VcpuGroup:
    text = read(f"{PROCESSES}/{pid}/task/{thread}/cgroup")
    if text is None:
        raise no_quota(f"the thread of its virtual processor {number} is not seen here")
    for directory, unified in processor_groups(text, mounts):
        group = VcpuGroup(directory, unified)
        if group.quota() is None:
            continue
        # What is written there must hold back this thread and no other one, least of all QEMU's own.
        members = (read(f"{directory}/{'cgroup.threads' if unified else 'tasks'}") or "").split()
        if os.path.basename(directory) != f"vcpu{number}" or members != [str(thread)]:
            break
        if os.path.realpath(directory) != directory:
            raise no_quota(f"{directory} is reached by a link")
        if not all(os.access(file.path, os.W_OK) for file in group.files(VcpuQuota(None, 1))):
            raise no_quota(f"the quota in {directory} may not be changed from here")
        return group
    raise no_quota(
        f"its virtual processor {number} has no control group with a quota of its own (libvirt makes one where it has"
        " the controller cpu: cgroup_controllers in qemu.conf)"
    )


def no_quota(why: str) -> MigrationError:
    return MigrationError(
        "NO_VCPU_QUOTA",
        f"The guest cannot be slowed down by the quota of its virtual processors: {why}.",
        state="Nothing was changed.",
        remedy="Allow something else (max_downtime_ms, max_pause_s), or start the migration again with auto-converge or"
        " post-copy.",
    )
