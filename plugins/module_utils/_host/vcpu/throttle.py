# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's virtual processors are held back by their quotas, and have what they had before in every case.

What they had is noted below ``/run`` before anything is changed, which goes with a reboot as the control groups do. A
program of its own runs before anything is changed, too, and puts it back when this process is gone (``watcher.py``).
"""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

from ..._core.errors import MigrationError
from ..._core.job.vcpu_quota import VcpuQuota
from ..supervision_lock import is_uuid
from ..vcpu_quota_note import is_noted, note_path
from ..whole_file import write_whole
from . import put_back as putting_back
from .groups import QuotaFile, VcpuGroup, no_quota, vcpu_groups
from .put_back import HELD, clear, locked, opened
from .watcher import Start, comes_true, is_watched, start, watched

_FREE_WITHIN_S = 2.0  # the other process may be about to end; a choice
_WATCHER_ENDS_WITHIN_S = 10.0  # it looks five times a second, and on a busy host less often; a choice


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
        self, name: str, uuid: str, *, directory: t.Optional[Path] = None, start_program: Start = start
    ) -> None:
        self.percent = self.most_percent = 0
        self.held_back_s: t.Optional[float] = 0.0
        self.problems: list[str] = []
        self._name, self._uuid, self._note = name, uuid, str(note_path(uuid, directory))
        self._start_program = start_program
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
        if there and not watched(self._note, self._start_program):
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
        # The one of an earlier note is about to end, and would not watch over this one.
        if not comes_true(_WATCHER_ENDS_WITHIN_S, lambda: not is_watched(self._note)):
            raise no_quota("the program that puts quotas back still watches over what is not there any more")
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
        if not watched(self._note, self._start_program):
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


def _held_within(path: str, limit_s: float) -> int:
    """The locked file. Raises NO_VCPU_QUOTA where another process holds it, and OSError."""
    number = opened(path)
    if not comes_true(limit_s, lambda: locked(number)):
        os.close(number)
        raise no_quota("another process of this host does so already")
    return number


def _not_back(problems: t.Sequence[str]) -> str:
    if not problems:
        return ""
    return f"The quotas of its virtual processors are not what they were: {'; '.join(problems)}"
