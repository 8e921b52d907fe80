# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Files and programs of the host itself. What is not there or may not be read is ``None``, never an error."""

from __future__ import annotations

import os
import threading
import typing as t

_COMMAND_LIMIT_S = 5
_DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")

T = t.TypeVar("T")
Run = t.Callable[[list[str]], tuple[int, str]]


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


class Programs:
    """Programs of the host, run by whoever may run some: ``run`` takes the words and returns exit code and output."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def output(self, name: str, *arguments: str) -> t.Optional[str]:
        """What a program prints when it succeeds in time. None too where it is not installed."""
        path, timeout = program(name), program("timeout")
        if path is None:
            return None
        limit = [timeout, str(_COMMAND_LIMIT_S)] if timeout else []
        code, text = self._run([*limit, path, *arguments])
        return text if code == 0 else None


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
