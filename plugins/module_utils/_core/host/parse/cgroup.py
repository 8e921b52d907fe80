# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the control group of a thread is, from what the kernel tells of the thread and of what is mounted."""

from __future__ import annotations

import posixpath
import typing as t

from .procfs import Mount


class GroupPlace(t.NamedTuple):
    """``directory``: of a control group; ``unified``: it is one of version 2."""

    directory: str
    unified: bool


def processor_groups(text: str, mounts: t.Iterable[Mount]) -> list[GroupPlace]:
    """Where the group may be that limits the processor time of a thread; empty where none is known.

    ``text``: of ``/proc/PID/task/TID/cgroup``. Where the controller is in a hierarchy of version 1, that of version 2
    has none. Which of several mounts of version 1 is that of the controller is told by the files in it.
    """
    unified, path = True, ""
    for line in text.split("\n"):
        _number, _colon, rest = line.partition(":")
        controllers, colon, found = rest.partition(":")
        if not colon:
            continue
        if "cpu" in controllers.split(","):
            unified, path = False, found
            break
        if not controllers:
            path = found
    # A group outside of what this process may see begins with "..".
    if not path.startswith("/") or ".." in path.split("/"):
        return []
    kind = "cgroup2" if unified else "cgroup"
    places = (_below(mount, path) for mount in mounts if mount.fs_type == kind)
    return [GroupPlace(place, unified) for place in places if place]


def _below(mount: Mount, path: str) -> str:
    root = mount.root.rstrip("/")
    if path != root and not path.startswith(f"{root}/"):
        return ""
    return posixpath.normpath(f"{mount.mount_point}/{path[len(root) :]}")
