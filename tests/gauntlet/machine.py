# SPDX-License-Identifier: GPL-3.0-or-later
"""On what it was measured."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
import typing as t
from pathlib import Path

from virtlab.lab import Lab


def facts(lab: Lab, link_mbit: int, commit: str) -> dict[str, t.Any]:
    versions = lab.virsh("kvm01", "version").stdout
    memory_kib = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "memory_mib": int(memory_kib[1]) // 1024 if memory_kib else None,
        "kernel": platform.release(),
        "libvirt": _version(versions, r"library: libvirt ([\d.]+)"),
        "qemu": _version(versions, r"hypervisor: QEMU ([\d.]+)"),
        "link_mbit": link_mbit,
        "kvm": False,  # the lab's guests run without it
        "commit": commit,
    }


def commit_of(root: str) -> str:
    """The checkout's commit, with a plus when it was changed; empty outside of one."""
    git = ["git", "-c", f"safe.directory={root}", "-C", root]
    done = subprocess.run([*git, "describe", "--always", "--dirty=+"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _version(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""
