# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and programs of the host itself. What is not there or may not be read is ``None``, never an error."""

from __future__ import annotations

import errno
import os
import stat
import threading
import typing as t

from .._core.unreadable_text import whole

_MOST_BYTES = 64 * 1024**2  # /proc/net/tcp of a host with 400,000 sockets
_BLOCK_BYTES = 64 * 1024  # more at once is refused by some files of /proc
_COMMAND_LIMIT_S = 5  # a choice
_DIRECTORIES = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")

T = t.TypeVar("T")
Run = t.Callable[[list[str]], tuple[int, str]]


def read(path: str) -> t.Optional[str]:
    """All of a regular file, as those of /proc and /sys are too; a pipe or a device would be waited for."""
    content = read_bytes(path, _MOST_BYTES + 1)
    return content.decode("utf-8", "replace") if content is not None and len(content) <= _MOST_BYTES else None


def read_bytes(path: str, most: int) -> t.Optional[bytes]:
    """The beginning of a regular file."""
    try:
        number = open_regular(path)
    except (OSError, ValueError):  # the latter for paths that no file can have
        return None
    try:
        blocks: list[bytes] = []
        left = most
        while left > 0 and (block := os.read(number, min(left, _BLOCK_BYTES))):
            blocks.append(block)
            left -= len(block)
        return b"".join(blocks)
    except OSError:
        return None
    finally:
        os.close(number)


def open_regular(path: str) -> int:
    """For reading. OSError for what is no regular file, which is never waited for."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a device may do something already
        raise OSError(errno.EINVAL, "no regular file", path)
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "no regular file", path)
    return number


def read_int(path: str) -> t.Optional[int]:
    text = (read(path) or "").strip()
    value = whole(text[1:] if text.startswith("-") else text)
    return value if value is None or not text.startswith("-") else -value


def names_in(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except (OSError, ValueError):
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
