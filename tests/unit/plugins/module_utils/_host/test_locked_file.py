# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import multiprocessing
import os
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._host import locked_file
from ansible_collections.virtops.live_migration.plugins.module_utils._host.locked_file import changed_alone


def test_written_whole_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    assert changed_alone(path, lambda text: text + "one") == ("", "one")
    assert changed_alone(path, lambda text: text + " two") == ("one", "one two")
    assert path.read_text() == "one two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert changed_alone(path, lambda text: "") == ("one two", "")
    assert list(tmp_path.iterdir()) == []


def test_dry_or_unchanged_it_writes_nothing(tmp_path: Path) -> None:
    assert changed_alone(tmp_path / "away" / "notes.json", lambda text: "one", dry=True) == ("", "one")
    assert changed_alone(tmp_path / "away" / "notes.json", lambda text: text) == ("", "")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No such file"):
        changed_alone(tmp_path / "away" / "notes.json", lambda text: "one")


def test_a_change_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text("one")
    with pytest.raises(ZeroDivisionError):
        changed_alone(path, lambda text: text * (1 // 0))
    assert [one.name for one in tmp_path.iterdir()] == ["notes.json"]
    assert path.read_text() == "one"


def test_what_is_no_text_file_is_refused_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * 101)
    (tmp_path / "device").symlink_to("/dev/zero")
    monkeypatch.setattr(locked_file, "_MOST_BYTES", 100)
    for name in ("pipe", "directory", "bytes", "large", "device"):
        with pytest.raises(OSError, match=r"no regular file|not UTF-8|more than 100 bytes"):
            changed_alone(tmp_path / name, lambda text: "one")
    assert sorted(os.listdir(tmp_path)) == ["bytes", "device", "directory", "large", "pipe"]
    assert (tmp_path / "bytes").read_bytes() == b"\xff\xfe"


def _add(path: str, count: int) -> None:
    for _number in range(count):
        changed_alone(Path(path), lambda text: text + "x")


def test_nobody_loses_what_another_one_writes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_add, args=(str(tmp_path / "notes"), 25)) for _number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert (tmp_path / "notes").read_text() == "x" * 100


def test_somebody_who_does_not_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked_file, "_LIMIT_S", 0.1)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(MigrationError) as raised:
            changed_alone(tmp_path / "notes", lambda text: "one")
    finally:
        os.close(descriptor)
    assert raised.value.reason == "FILE_BUSY"
    assert not (tmp_path / "notes").exists()
