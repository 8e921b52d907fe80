# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Files and programs of the host itself. What is not there or may not be read is ``None``, never an error."""

from __future__ import annotations

import os
import subprocess
import threading
import typing as t

_COMMAND_LIMIT_S = 5.0
_DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")

T = t.TypeVar("T")


def read(path: str) -> t.Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()  # a read of a given size may be refused by /proc
    except OSError:
        return None


def read_int(path: str) -> t.Optional[int]:
    text = (read(path) or "").strip()
    try:
        return int(text)
    except ValueError:
        return None


def names_in(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def program(name: str) -> t.Optional[str]:
    """Not by PATH, which may leave out sbin for an SSH session."""
    paths = (os.path.join(directory, name) for directory in _DIRECTORIES)
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def output(name: str, *arguments: str, limit_s: float = _COMMAND_LIMIT_S) -> t.Optional[str]:
    """What a program prints when it succeeds in time; no shell, no input, an English locale."""
    path = program(name)
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
            env={"PATH": ":".join(_DIRECTORIES), "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def at_once(jobs: t.Mapping[str, t.Callable[[], T]], limit_s: float) -> dict[str, T]:
    """Run each in a thread of its own, and take the results that come in time.

    For what may hang: a file system whose server is gone, a name that no server resolves. A thread that is left
    behind ends with the module.
    """
    results: dict[str, T] = {}

    def run(name: str, job: t.Callable[[], T]) -> None:
        try:
            results[name] = job()
        except (OSError, ValueError):  # the latter for names that no resolver takes
            return

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in jobs.items()]
    for thread in threads:
        thread.start()
    left_s = limit_s
    for thread in threads:
        # A hung one takes the limit once: those after it have had that time already.
        thread.join(left_s)
        if thread.is_alive():
            left_s = 0.0
    return dict(results)
