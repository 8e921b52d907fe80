# SPDX-License-Identifier: GPL-3.0-or-later
"""A hypervisor's files about the virtual processors of a guest: control groups of either version, threads, status."""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import groups

UUID = "6420e6ce-0f4d-4a27-83da-5e8587498451"
PID, THREADS = 100, (102, 103)


class VcpuHost:
    """``groups``: the directories of the control groups of two virtual processors. Plain files stand for the
    kernel's."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, *, unified: bool) -> None:
        self.unified = unified
        self.root = directory / "cgroup"
        self.machine = "/machine.slice/machine-qemu\\x2d3\\x2derp01.scope"
        self.tasks = directory / "proc" / str(PID) / "task"
        self.mounts, self.status = directory / "mountinfo", directory / "status"
        kind, options = ("cgroup2", "rw") if unified else ("cgroup", "rw,cpu,cpuacct")
        self.mounts.write_text(f"30 24 0:26 / {self.root} rw - {kind} {kind} {options}\n")
        inside = f"{self.machine}/libvirt" if unified else self.machine
        self.groups = [self.root / f"{inside}/vcpu{number}".lstrip("/") for number in range(2)]
        for number, path in enumerate(self.groups):
            path.mkdir(parents=True)
            self._fill(path)
            (self.tasks / str(THREADS[number])).mkdir(parents=True)
            self.place(number, f"{inside}/vcpu{number}")
            self.members(number, str(THREADS[number]))
        self.status.mkdir()
        self.status_file("".join(f"<vcpu id='{n}' pid='{one}'/>" for n, one in enumerate(THREADS)))
        monkeypatch.setattr(groups, "PROCESSES", str(directory / "proc"))
        monkeypatch.setattr(groups, "_MOUNTS", str(self.mounts))
        monkeypatch.setattr(groups, "STATUS_DIRECTORY", self.status)

    def _fill(self, path: Path) -> None:
        if self.unified:
            (path / "cpu.max").write_text("max 100000\n")
            (path / "cpu.stat").write_text("usage_usec 9\nthrottled_usec 250000\n")
        else:
            (path / "cpu.cfs_quota_us").write_text("-1\n")
            (path / "cpu.cfs_period_us").write_text("100000\n")
            (path / "cpu.stat").write_text("nr_periods 1\nthrottled_time 250000000\n")

    def members(self, number: int, *threads: str) -> None:
        name = "cgroup.threads" if self.unified else "tasks"
        (self.groups[number] / name).write_text("".join(f"{one}\n" for one in threads))

    def place(self, number: int, path: str) -> None:
        """What the kernel tells of the group of its thread."""
        text = f"0::{path}\n" if self.unified else f"4:cpu,cpuacct:{path}\n0::/\n"
        (self.tasks / str(THREADS[number]) / "cgroup").write_text(text)

    def status_file(self, vcpus: str) -> None:
        text = f"<domstatus pid='{PID}'><vcpus>{vcpus}</vcpus><domain><uuid>{UUID}</uuid></domain></domstatus>"
        (self.status / "erp01.xml").write_text(text)

    def quotas(self) -> list[tuple[str, ...]]:
        """Of each virtual processor: its quota and its period."""
        names = ("cpu.max",) if self.unified else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = [" ".join((path / name).read_text().strip() for name in names).split() for path in self.groups]
        return [tuple("max" if word == "-1" else word for word in each) for each in words]

    def holds_back(self, seconds: float) -> None:
        """So much longer than at the beginning, by the kernel's count."""
        for path in self.groups:
            name, factor = ("throttled_usec", 1e6) if self.unified else ("throttled_time", 1e9)
            (path / "cpu.stat").write_text(f"{name} {int((0.25 + seconds) * factor)}\n")

    def set(self, number: int, text: t.Sequence[str]) -> None:
        """As somebody else would."""
        path = self.groups[number]
        if self.unified:
            (path / "cpu.max").write_text(" ".join(text))
        else:
            (path / "cpu.cfs_quota_us").write_text(text[0].replace("max", "-1"))
            (path / "cpu.cfs_period_us").write_text(text[1])

    def end(self) -> None:
        """The guest's QEMU has ended."""
        for path in self.groups:
            shutil.rmtree(path)
