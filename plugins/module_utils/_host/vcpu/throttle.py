# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's virtual processors are held back by their quotas, and have what they had before in every case.

What they had is noted below ``/run`` before anything is changed, which goes with a reboot as the control groups do. A
program of its own (``put_back.py``) runs before anything is changed, too, and puts it back when this process is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import typing as t
from pathlib import Path

from ..._core.errors import MigrationError
from ..._core.job.vcpu_quota import VcpuQuota
from ..files import program
from ..supervision_lock import is_uuid
from ..vcpu_quota_note import is_noted, note_path
from ..whole_file import write_whole
from . import put_back as putting_back
from .groups import QuotaFile, VcpuGroup, no_quota, vcpu_groups
from .put_back import HELD, WATCHED, clear, locked, opened

_PROGRAM = "put_back_vcpu_quota.py"
_WATCHED_WITHIN_S = 10.0  # an interpreter starts in a tenth of a second, and on a busy host later; a choice
_FREE_WITHIN_S = 2.0  # the other process may be about to end; a choice
_ENDS_WITHIN_S = 5.0  # systemd-run, which asks systemd over a local socket; a choice
_NOT_RUN = 127  # as of a shell
_POLL_S = 0.05
_SYSTEMD = "/run/systemd/system"  # there where systemd runs the machine: sd_booted(3)

Start = t.Callable[[list[str]], None]


def mend(uuid: str, directory: t.Optional[Path] = None) -> str:
    """Put back what a process that is gone has left lowered; what could not be, as a sentence, or nothing."""
    if not is_noted(uuid, directory):
        return ""
    note = str(note_path(uuid, directory))
    try:
        held = opened(note + HELD)
    except OSError as exc:
        return _not_back([f"{note} cannot be locked: {exc.strerror}"])
    try:
        return _not_back(clear(note)) if locked(held) else ""
    finally:
        os.close(held)


class VcpuThrottle:
    """``percent``: what is taken from each virtual processor now, of the time that it may have otherwise.

    ``most_percent``: the most that ever was; ``held_back_s``: for how long its processors were kept from running since
    the first time, by the kernel's own count, on average (None: they had a limit before, which counts as well);
    ``problems``: why it has ended by itself, and what could not be put back, a sentence each.
    """

    def __init__(
        self, name: str, uuid: str, *, directory: t.Optional[Path] = None, start: t.Optional[Start] = None
    ) -> None:
        self.percent = self.most_percent = 0
        self.held_back_s: t.Optional[float] = 0.0
        self.problems: list[str] = []
        self._name, self._uuid, self._note = name, uuid, str(note_path(uuid, directory))
        self._start = start or _start
        self._held: t.Optional[int] = None
        self._former: dict[VcpuGroup, VcpuQuota] = {}
        self._before_s: dict[VcpuGroup, float] = {}
        self._in_note: dict[str, tuple[str, list[str]]] = {}

    def set(self, percent: int) -> None:
        """Take so much; 0 gives all back. Raises NO_VCPU_QUOTA, with everything as it was before the first call."""
        if percent == 0:
            problem = self.put_back()
            if problem:
                raise no_quota(problem)
            return
        try:
            self._begin()
            lowered = {group: former.lowered(percent) for group, former in self._former.items()}
            if None in lowered.values():
                raise no_quota(f"its quota is too small already to take {percent} % of it")
            self._write({group: value for group, value in lowered.items() if value is not None})
        except MigrationError:
            self.put_back()
            raise
        except OSError as exc:
            self.put_back()
            raise no_quota(f"{exc.filename or self._note}: {exc.strerror or exc}") from exc
        self.percent = percent
        self.most_percent = max(self.most_percent, percent)

    def look(self) -> int:
        """What is in force, seen in the files. To be called at least every half minute while it is not 0: when this is
        not heard of any more, the other program puts everything back."""
        if self.percent:
            try:
                lost = self._lost()
            except OSError as exc:
                lost = f"it cannot be watched any more ({exc.strerror})"
            if lost:
                self.problems.append(f"It was not slowed down to the end: {lost}")
                self.put_back()
        return self.percent

    def put_back(self) -> str:
        """Everything as it was, seen in the files; what is not, as a sentence, or nothing."""
        if self._held is None:
            return ""
        self._count()
        problem = _not_back(clear(self._note))
        self.problems += [problem] if problem else []
        self.percent = 0
        self._former, self._before_s, self._in_note = {}, {}, {}
        # With what could not be put back the other program goes on.
        os.close(self._held)
        self._held = None
        return problem

    def _lost(self) -> str:
        """Why it is not what it was set to any more, or cannot be left alone; empty where all is well."""
        if self._held is not None:
            os.utime(self._held)
        self._count()
        there = [group for group in self._former if not group.gone]
        changed = [group for group in there if not self._is_ours(group)]
        if changed:
            return f"the quota in {changed[0].directory} was changed by somebody else"
        if there and not self._watched():
            return "the program that would put the quotas back is gone, and cannot be started again"
        return ""

    def _begin(self) -> None:
        """Note what there is, and have it watched over, before the first change."""
        if self._held is not None:
            return
        if not is_uuid(self._uuid):
            raise no_quota("it has no UUID")
        Path(self._note).parent.mkdir(mode=0o700, exist_ok=True)
        self._held = _held_within(self._note + HELD, _FREE_WITHIN_S)
        problem = _not_back(clear(self._note))
        if problem:
            raise no_quota(problem)
        groups = vcpu_groups(self._name, self._uuid)
        self._former = {group: quota for group in groups if (quota := group.quota()) is not None}
        if len(self._former) != len(groups):
            raise no_quota("what its virtual processors may have now cannot be read")
        if any(quota.quota_us is not None for quota in self._former.values()):
            self.held_back_s = None
        self._before_s = {group: group.held_back_s() or 0.0 for group in groups}
        self._in_note = {
            file.path: (file.text, []) for group, quota in self._former.items() for file in group.files(quota)
        }
        self._write_note()
        if not self._watched():
            raise no_quota("the program that would put its quotas back cannot be started here")

    def _write(self, lowered: t.Mapping[VcpuGroup, VcpuQuota]) -> None:
        wanted = [file for group, quota in lowered.items() for file in reversed(group.files(quota))]
        for file in wanted:
            ours = self._in_note[file.path][1]
            if file.text in ours:
                ours.remove(file.text)
            ours.append(file.text)  # the last one is what is to be there now
        self._write_note()
        for file in wanted:
            putting_back.write(file.path, file.text)
        for file in wanted:
            if putting_back.read(file.path) != file.text:
                raise no_quota(f"{file.path} does not take {file.text!r}")

    def _write_note(self) -> None:
        files = [{"path": path, "former": former, "ours": ours} for path, (former, ours) in self._in_note.items()]
        text = json.dumps({"version": 1, "guest": self._name, "uuid": self._uuid, "files": files})
        write_whole(Path(self._note), text, durable=False)

    def _is_ours(self, group: VcpuGroup) -> bool:
        quota = group.quota()
        now: list[QuotaFile] = group.files(quota) if quota is not None else []
        return bool(now) and all(file.text == self._in_note[file.path][1][-1] for file in now)

    def _count(self) -> None:
        """The mean over all processors; a group that is gone keeps nothing to be read, so the last sum stays."""
        now = {group: group.held_back_s() for group in self._former}
        if self.held_back_s is not None and now and None not in now.values():
            spent = [(value or 0.0) - self._before_s[group] for group, value in now.items()]
            before, self._before_s = self._before_s, {group: value or 0.0 for group, value in now.items()}
            self.held_back_s += sum(spent) / len(before)

    def _watched(self) -> bool:
        """Whether the other program runs; started where it does not."""
        if _is_locked(self._note + WATCHED):
            return True
        path = Path(self._note).parent / _PROGRAM
        try:
            write_whole(path, _source(), durable=False)
            self._start([sys.executable, "-I", str(path), self._note])
        except OSError:
            return False
        deadline_s = time.monotonic() + _WATCHED_WITHIN_S
        while not _is_locked(self._note + WATCHED):
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(_POLL_S)
        return True


def _held_within(path: str, limit_s: float) -> int:
    """The locked file. Raises NO_VCPU_QUOTA where another process holds it, and OSError."""
    number = opened(path)
    deadline_s = time.monotonic() + limit_s
    while not locked(number):
        if time.monotonic() >= deadline_s:
            os.close(number)
            raise no_quota("another process of this host does so already")
        time.sleep(_POLL_S)
    return number


def _is_locked(path: str) -> bool:
    number = opened(path)
    try:
        return not locked(number)
    finally:
        os.close(number)


def _source() -> str:
    """The text of the other program, which the module may have in an archive."""
    loader = putting_back.__loader__
    text = loader.get_source(putting_back.__name__) if loader is not None and hasattr(loader, "get_source") else None
    if not text:
        raise OSError("the program's own text is not to be had")
    # Ansible's own loader of collections gives bytes, where the protocol of Python's has a text.
    return text.decode("utf-8") if isinstance(text, bytes) else str(text)


def _start(command: list[str]) -> None:
    """Start a program that outlives this one and its session. Raises OSError.

    By systemd where it runs, since it may end whatever a session leaves behind (KillUserProcesses).
    """
    tool = program("systemd-run") if os.path.isdir(_SYSTEMD) else None
    if tool is not None and _ends_well([tool, "--quiet", "--collect", "--property=Restart=on-failure", *command]):
        return
    _spawn(command)


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


def _not_back(problems: t.Sequence[str]) -> str:
    if not problems:
        return ""
    return f"The quotas of its virtual processors are not what they were: {'; '.join(problems)}"
