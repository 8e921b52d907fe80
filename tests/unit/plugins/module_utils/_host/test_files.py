# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host import files


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "number").write_text(" 42\n")
    (tmp_path / "text").write_bytes(b"caf\xe9")
    assert files.read_int(str(tmp_path / "number")) == 42
    assert files.read_int(str(tmp_path / "text")) is None
    assert files.read(str(tmp_path / "text")) == "caf\N{REPLACEMENT CHARACTER}"
    assert files.read(str(tmp_path / "missing")) is None
    assert files.names_in(str(tmp_path)) == ["number", "text"]
    assert files.names_in(str(tmp_path / "missing")) == []


def test_only_regular_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path, Path("/dev/zero"), Path("/dev/tty"), "a\x00b"):
        assert files.read(str(path)) is None
    assert files.read("/proc/self/mountinfo")
    assert files.read("/proc/sys/kernel/ostype") == "Linux\n"
    assert files.names_in("a\x00b") == []
    (tmp_path / "long").write_text("x" * 101)
    monkeypatch.setattr(files, "_MOST_BYTES", 100)
    assert files.read(str(tmp_path / "long")) is None


@pytest.mark.parametrize(
    ("text", "number"), [("-1\n", -1), ("+1", None), ("--1", None), ("\u0663", None), ("1" * 30, None)]
)
def test_numbers_in_files(tmp_path: Path, text: str, number: int | None) -> None:
    (tmp_path / "number").write_text(text)
    assert files.read_int(str(tmp_path / "number")) == number


def run(words: list[str]) -> tuple[int, str]:
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout


def test_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = files.Programs(run)
    assert programs.output("true") == ""
    assert programs.output("false") is None
    assert programs.output("no-such-program") is None
    assert programs.output("printf", "%s", "a b;c") == "a b;c"
    monkeypatch.setattr(files, "_COMMAND_LIMIT_S", 0.1)
    assert programs.output("sleep", "10") is None


def test_one_that_hangs_costs_the_limit_once() -> None:
    never = threading.Event()

    def fails() -> str:
        raise OSError("gone")

    began_s = time.monotonic()
    found = files.at_once(
        {"a": lambda: str(never.wait()), "b": lambda: "b", "c": lambda: str(never.wait()), "d": fails}, limit_s=0.2
    )
    assert found == {"b": "b"}
    assert time.monotonic() - began_s < 2
    never.set()
