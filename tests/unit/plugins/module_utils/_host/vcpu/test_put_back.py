# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that puts quotas back: as functions, and run by itself beside a process that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import put_back
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu.put_back import (
    HELD,
    WATCHED,
    Changed,
    clear,
    locked,
    note_of,
    opened,
    watch,
)

HOLDER = """
import fcntl, os, sys, time
held = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
while True:
    time.sleep(0.1)
    if sys.argv[2] == "heard":
        os.utime(held)
"""


class Group:
    """A file of a virtual processor's quota, lowered, with its note. It is none of the kernel's."""

    def __init__(self, directory: Path, now: str = "2000 10000") -> None:
        (directory / "vcpu0").mkdir()
        self.file = directory / "vcpu0" / "cpu.max"
        self.file.write_text(f"{now}\n")
        self.note = directory / "erp01.vcpu-quota"
        self.write([{"path": str(self.file), "former": "max 100000", "ours": ["8000 10000", "2000 10000"]}])

    def write(self, files: t.Any) -> None:
        self.note.write_text(json.dumps({"version": 1, "files": files}))

    @property
    def text(self) -> str:
        return self.file.read_text().strip()

    def is_back(self, within_s: float = 10.0) -> bool:
        deadline_s = time.monotonic() + within_s
        while self.text != "max 100000" or self.note.exists():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(0.02)
        return True


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return Group(tmp_path)


@pytest.fixture
def started() -> t.Iterator[t.Callable[..., subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_put_back_and_forgotten(group: Group) -> None:
    assert clear(str(group.note)) == []
    assert group.text == "max 100000"
    assert not group.note.exists()
    assert clear(str(group.note)) == []


@pytest.mark.parametrize("now", ["50000 100000", "max 100000"])
def test_what_is_not_ours_stays(tmp_path: Path, now: str) -> None:
    group = Group(tmp_path, now)
    assert clear(str(group.note)) == []
    assert group.text == now


def test_a_guest_that_has_left_needs_nothing(group: Group) -> None:
    group.file.unlink()
    group.file.parent.rmdir()
    assert clear(str(group.note)) == []
    assert not group.note.exists()


def test_what_cannot_be_put_back_stays_noted(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, _text: str) -> None:
        raise OSError(22, "Invalid argument", path)

    monkeypatch.setattr(put_back, "write", refuse)
    (problem,) = clear(str(group.note))
    assert "is not 'max 100000' again: Invalid argument" in problem
    assert group.note.exists()


def test_a_file_that_takes_nothing_is_told(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_back, "write", lambda *_arguments: None)
    (problem,) = clear(str(group.note))
    assert "is '2000 10000' and not 'max 100000'" in problem
    assert group.note.exists()


@pytest.mark.parametrize(
    "files",
    [
        [{"path": "/etc/passwd", "former": "max 100000", "ours": []}],
        [{"path": "/sys/fs/cgroup/vcpu0/../../../../etc/cpu.max", "former": "max 100000", "ours": []}],
        [{"path": "/sys/fs/cgroup/emulator/cpu.max", "former": "max 100000", "ours": []}],
        [{"path": "/sys/fs/cgroup/vcpu0/cgroup.procs", "former": "1", "ours": []}],
        [{"path": "/sys/fs/cgroup/vcpu0/cpu.max", "former": "root::0:0", "ours": []}],
        [{"path": "/sys/fs/cgroup/vcpu0/cpu.max", "former": "max 100000", "ours": ["; rm"]}],
    ],
)
def test_a_note_of_anything_else_is_refused(files: t.Any) -> None:
    with pytest.raises(ValueError, match="quota"):
        note_of(json.dumps({"files": files}))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 3}', '{"files": [3]}', '{"files": [{}]}', "\x00"])
def test_a_note_that_is_none_is_told_and_left(tmp_path: Path, text: str) -> None:
    note = tmp_path / "note"
    note.write_text(text)
    (problem,) = clear(str(note))
    assert "cannot be read" in problem
    assert note.exists()


def test_a_link_is_no_note(group: Group, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(group.note)
    (problem,) = clear(str(link))
    assert "cannot be read" in problem
    assert group.text == "2000 10000"


def test_a_quota_behind_a_link_is_not_written(group: Group, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("2000 10000")
    group.file.unlink()
    group.file.symlink_to(other)
    assert len(clear(str(group.note))) == 1
    assert other.read_text() == "2000 10000"


def test_both_files_of_version_1(tmp_path: Path) -> None:
    (tmp_path / "vcpu0").mkdir()
    quota, period = (tmp_path / "vcpu0" / f"cpu.cfs_{name}_us" for name in ("quota", "period"))
    quota.write_text("2000")
    period.write_text("10000")
    files = [Changed(str(quota), "-1", ["2000"]), Changed(str(period), "100000", ["10000"])]
    assert put_back.put_back(files) == []
    assert (quota.read_text(), period.read_text()) == ("-1", "100000")


def test_it_puts_back_when_the_process_that_held_it_is_killed(group: Group, started: t.Any) -> None:
    """The program by itself, with nothing of the collection on its way."""
    holder = started("-c", HOLDER, str(group.note) + HELD, "heard")
    holder.stdout.readline()
    watcher = started("-I", put_back.__file__, str(group.note))
    time.sleep(1)
    assert group.text == "2000 10000", "somebody looks after it"
    holder.send_signal(signal.SIGKILL)
    assert group.is_back()
    assert watcher.wait(10) == 0


def test_it_ends_when_it_is_not_needed_any_more(group: Group, started: t.Any) -> None:
    holder = started("-c", HOLDER, str(group.note) + HELD, "heard")
    holder.stdout.readline()
    watcher = started("-I", put_back.__file__, str(group.note))
    time.sleep(0.5)
    group.note.unlink()
    assert watcher.wait(10) == 0
    assert group.text == "2000 10000"


@pytest.mark.parametrize(("sign", "back"), [("silent", True), ("heard", False)])
def test_a_process_that_hangs_is_not_waited_for(group: Group, started: t.Any, sign: str, back: bool) -> None:
    holder = started("-c", HOLDER, str(group.note) + HELD, sign)
    holder.stdout.readline()
    code = f"import runpy; runpy.run_path({put_back.__file__!r})['watch']({str(group.note)!r}, silent_s=0.6)"
    started("-c", code)
    assert group.is_back(3) is back


def test_one_watches(group: Group) -> None:
    own = opened(str(group.note) + WATCHED)
    assert locked(own)
    assert watch(str(group.note), poll_s=0) == 0
    assert group.text == "2000 10000"
    os.close(own)


def test_one_that_only_asks_is_waited_for(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    own = opened(str(group.note) + WATCHED)
    assert locked(own)
    monkeypatch.setattr(put_back.time, "sleep", lambda _s: os.close(own))
    assert watch(str(group.note)) == 0
    assert group.is_back()


def test_a_note_that_is_written_when_the_former_one_is_gone_is_not_its_own(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = opened(str(group.note) + HELD)
    assert locked(held)
    text = group.note.read_text()
    group.note.unlink()
    real = os.path.lexists

    def written_then(path: str) -> bool:
        found = real(path)
        group.note.write_text(text)
        return found

    monkeypatch.setattr(put_back.os.path, "lexists", written_then)
    assert watch(str(group.note)) == 0
    assert group.text == "2000 10000"
    os.close(held)


def test_it_tries_again(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [["not yet"], ["not yet"], []]
    monkeypatch.setattr(put_back, "clear", lambda _note: answers.pop(0))
    assert watch(str(group.note), poll_s=0) == 0
    assert answers == []


def test_it_says_when_it_has_given_up(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_back, "clear", lambda _note: ["never"])
    assert watch(str(group.note), poll_s=0) == 1
