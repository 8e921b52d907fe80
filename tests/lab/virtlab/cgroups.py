"""A control group for each host, so that its libvirtd can give out processor time.

Where the machine has the controller in a hierarchy of its own (version 1) the groups are made there, else in the one
hierarchy of version 2. A container often has neither, or none that may be written to.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path
from typing import Any

from .errors import LabError
from .proc import wait_for
from .state import Host, LabState

BASE = "virtops-lab"


def hierarchy() -> tuple[Path, bool] | None:
    """Where the controller of processor time is mounted on this machine, and whether that is version 2; or None."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _source, point, kind, options = line.split()[:4]
        if kind == "cgroup" and "cpu" in options.split(","):
            return Path(point), False
        if kind == "cgroup2":
            with contextlib.suppress(OSError):
                if "cpu" in (Path(point) / "cgroup.controllers").read_text().split():
                    return Path(point), True
    return None


def is_unified() -> bool:
    """Whether it is version 2 that has the controller of processor time here."""
    found = hierarchy()
    return found is not None and found[1]


def problem() -> str:
    """Why no host can have control groups here, or nothing. Tried, since nothing else tells what is allowed."""
    found = hierarchy()
    if found is None:
        return "no control groups with the controller cpu are mounted here"
    point, unified = found
    trial = point / f"{BASE}-{os.getpid()}"
    try:
        trial.mkdir()
        try:
            if unified:
                (point / "cgroup.subtree_control").write_text("+cpu")
            _quota_file(trial, unified=unified).stat()
        finally:
            trial.rmdir()
    except OSError as refused:
        return f"no control group can be made in {point}: {refused}"
    return ""


def make(state: LabState, host: Host) -> dict[str, Any]:
    """The group of a host, for its first process to enter."""
    found = hierarchy()
    if found is None:
        raise LabError(problem())
    point, unified = found
    path = point
    for part in (BASE, state.name, host.name):
        if unified:
            (path / "cgroup.subtree_control").write_text("+cpu")
        path = path / part
        path.mkdir(exist_ok=True)
    return {"path": str(path), "unified": unified}


def remove(name: str) -> None:
    """All groups of a lab, whose processes have been told to end."""
    for path in left(name):
        wait_for(partial(_removed, path), timeout_s=20, what=f"the end of all in {path}")
    found = hierarchy()
    if found is not None:
        with contextlib.suppress(OSError):  # another lab has groups there, or there is none
            (found[0] / BASE).rmdir()


def left(name: str) -> list[Path]:
    """The groups of a lab, those within others first."""
    found = hierarchy()
    if found is None:
        return []
    return [Path(path) for path, _directories, _files in os.walk(found[0] / BASE / name, topdown=False)]


def _removed(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _quota_file(group: Path, *, unified: bool) -> Path:
    return group / ("cpu.max" if unified else "cpu.cfs_quota_us")
