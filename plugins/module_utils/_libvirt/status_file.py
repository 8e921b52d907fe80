# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What libvirt notes about a running job in its own files and nowhere in its API.

A daemon writes the live state of each domain to a status file, with the flags that its job was started with. Whether
post-copy was enabled at the start decides what can still be done, and asking QEMU would taint the domain. The file is
an internal of libvirt: where it cannot be read or looks different, the answer is "not known".
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

STATUS_DIRECTORY = Path("/run/libvirt/qemu")
_FLAG_AUTO_CONVERGE = 1 << 13
_FLAG_POSTCOPY = 1 << 15


@dataclass(frozen=True)
class StartFlags:
    """The part of a job's VIR_MIGRATE_* flags that limits what can be done later."""

    postcopy: bool
    auto_converge: bool


def start_flags(name: str, directory: Path = STATUS_DIRECTORY) -> t.Optional[StartFlags]:
    """The flags of the outgoing migration of the guest ``name`` on this machine, or None when not known."""
    # libvirt has no guest of such a name; the path would lead to another directory.
    job = None if "/" in name else _outgoing_job(directory / f"{name}.xml")
    if job is None:
        return None
    try:
        flags = int(job.get("flags", ""), 16)
    except ValueError:
        return None
    return StartFlags(bool(flags & _FLAG_POSTCOPY), bool(flags & _FLAG_AUTO_CONVERGE))


def other_outgoing(name: str, directory: Path = STATUS_DIRECTORY) -> int:
    """How many guests other than ``name`` are migrating away from this machine, without asking any of them."""
    files = [path for path in directory.glob("*.xml") if path.stem != name]
    return sum(1 for path in files if _outgoing_job(path) is not None)


def _outgoing_job(path: Path) -> t.Optional[ElementTree.Element]:
    try:
        job = ElementTree.parse(path).getroot().find("job")
    except (OSError, ValueError, ElementTree.ParseError):
        return None
    return job if job is not None and job.get("async") == "migration out" else None
