# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the program ``put_back.py``, and sees that it runs: it puts quotas back when this process is gone.

It has to outlive the module, its session and its archive. So its text is written to a file of its own, and systemd runs
it where there is one.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import typing as t
from pathlib import Path

from ..files import program
from ..whole_file import write_whole
from . import put_back
from .put_back import WATCHED, locked, opened

_PROGRAM = "put_back_vcpu_quota.py"
_WATCHED_WITHIN_S = 10.0  # an interpreter starts in a tenth of a second, and on a busy host later; a choice
_ENDS_WITHIN_S = 5.0  # systemd-run, which asks systemd over a local socket; a choice
_NOT_RUN = 127  # as of a shell
_POLL_S = 0.05
_SYSTEMD = "/run/systemd/system"  # there where systemd runs the machine: sd_booted(3)

Start = t.Callable[[list[str]], None]


def is_watched(note: str) -> bool:
    """Whether the program runs for the note of this path. Raises OSError."""
    number = opened(note + WATCHED)
    try:
        return not locked(number)
    finally:
        os.close(number)


def start(command: list[str]) -> None:
    """Start a program that outlives this one and its session. Raises OSError.

    By systemd where it runs, since it may end whatever a session leaves behind (KillUserProcesses).
    """
    tool = program("systemd-run") if os.path.isdir(_SYSTEMD) else None
    if tool is not None and _ends_well([tool, "--quiet", "--collect", "--property=Restart=on-failure", *command]):
        return
    _spawn(command)


def watched(note: str, start_program: Start = start) -> bool:
    """Whether the program runs for the note of this path; started where it does not. Raises OSError."""
    if is_watched(note):
        return True
    path = Path(note).parent / _PROGRAM
    try:
        write_whole(path, _source(), durable=False)
        start_program([sys.executable, "-I", str(path), note])
    except OSError:
        return False
    return comes_true(_WATCHED_WITHIN_S, lambda: is_watched(note))


def comes_true(limit_s: float, is_so: t.Callable[[], bool]) -> bool:
    """Whether it is so by then; looked at 20 times a second."""
    deadline_s = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(_POLL_S)
    return True


def _source() -> str:
    """The text of the program, which the module may have in an archive."""
    loader = put_back.__loader__
    text = loader.get_source(put_back.__name__) if loader is not None and hasattr(loader, "get_source") else None
    if not text:
        raise OSError("the program's own text is not to be had")
    # Ansible's own loader of collections gives bytes, where the protocol of Python's has a text.
    return text.decode("utf-8") if isinstance(text, bytes) else str(text)


def _spawn(command: list[str]) -> int:
    """In a session of its own, with no input and no output; its pid. Descriptors of this process stay here.

    Not by the module's ``run_command``, which waits for its end.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.chdir("/")  # so that it keeps nobody from unmounting what it was started in
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        os.execv(command[0], command)
    finally:
        os._exit(_NOT_RUN)


def _ends_well(command: list[str]) -> bool:
    """Whether a program could be run and has ended without an error, in time."""
    pid = _spawn(command)
    deadline_s = time.monotonic() + _ENDS_WITHIN_S
    while time.monotonic() < deadline_s:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(_POLL_S)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False
