# SPDX-License-Identifier: GPL-3.0-or-later
"""How the program that puts quotas back is started. That it does is seen in the tests of the throttle."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import watcher


def executable(path: Path, *lines: str) -> str:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("code", [0, 1])
def test_by_systemd_where_it_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int) -> None:
    """And where that fails, without it, in a session of its own."""
    tool = executable(tmp_path / "systemd-run", f'echo "$@" >{tmp_path}/asked', f"exit {code}")
    own = executable(tmp_path / "program", f'echo "$$ $(cut -d " " -f 6 /proc/$$/stat) $@" >>{tmp_path}/ran')
    monkeypatch.setattr(watcher, "_SYSTEMD", str(tmp_path))
    monkeypatch.setattr(watcher, "program", lambda _name: tool)
    watcher.start([own, "-I", "note"])
    asked = (tmp_path / "asked").read_text(encoding="utf-8").split()
    assert asked[0] == "--quiet"
    assert asked[-3:] == [own, "-I", "note"]
    if code:
        deadline_s = time.monotonic() + 60
        while not (tmp_path / "ran").exists() or not (tmp_path / "ran").read_text(encoding="utf-8").endswith("\n"):
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        pid, session, *words = (tmp_path / "ran").read_text(encoding="utf-8").split()
        assert (pid, words) == (session, ["-I", "note"])
    assert (tmp_path / "ran").exists() is bool(code)


def test_one_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(watcher, "_ENDS_WITHIN_S", 0.3)
    assert not watcher._ends_well([executable(tmp_path / "hangs", "exec sleep 600")])
    assert not watcher._ends_well([str(tmp_path / "nowhere")])
