# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual processors are held back, and have what they had before whatever happens. The other program really runs."""

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

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import put_back as putting_back
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import throttle as module
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import watcher as watcher_module
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu.put_back import (
    HELD,
    WATCHED,
    locked,
    opened,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu.throttle import (
    VcpuThrottle,
    mend,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu_quota_note import is_noted
from ansible_collections.virtops.live_migration.tests.unit.plugins.vcpu_host import UUID, VcpuHost

FORMER = [("max", "100000")] * 2


@pytest.fixture(params=[True, False], ids=["version-2", "version-1"])
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VcpuHost:
    return VcpuHost(tmp_path, monkeypatch, unified=request.param)


class Throttle(VcpuThrottle):
    """``watchers``: the other programs that it has started."""

    def __init__(self, directory: Path, **more: t.Any) -> None:
        self.watchers: list[subprocess.Popen[bytes]] = []
        super().__init__("erp01", UUID, directory=directory, **{"start_program": self.started, **more})

    def started(self, command: list[str]) -> None:
        self.watchers.append(subprocess.Popen(command))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def throttle(host: VcpuHost, run: Path) -> t.Iterator[Throttle]:
    made = Throttle(run)
    yield made
    made.put_back()
    for watcher in made.watchers:
        assert watcher.wait(10) in (0, -signal.SIGKILL)


def test_lowered_step_by_step_and_put_back(host: VcpuHost, throttle: Throttle, run: Path) -> None:
    assert throttle.look() == 0
    steps = ((20, "8000", "10000"), (95, "1000", "20000"), (80, "2000", "10000"), (20, "8000", "10000"))
    for percent, quota, period in steps:
        throttle.set(percent)
        assert host.quotas() == [(quota, period)] * 2
        assert throttle.look() == percent
        assert is_noted(UUID, run)
    host.holds_back(1.5)
    throttle.look()
    host.holds_back(2.5)
    assert throttle.put_back() == ""
    assert host.quotas() == FORMER
    assert not is_noted(UUID, run)
    assert (throttle.percent, throttle.most_percent, throttle.held_back_s) == (0, 95, 2.5)
    assert throttle.problems == []
    assert len(throttle.watchers) == 1
    assert throttle.watchers[0].wait(10) == 0


def test_0_puts_back_and_it_may_begin_again(host: VcpuHost, throttle: Throttle) -> None:
    throttle.set(20)
    throttle.set(0)
    assert host.quotas() == FORMER
    throttle.set(60)
    assert host.quotas() == [("4000", "10000")] * 2


def test_it_begins_again_only_when_the_former_watcher_has_ended(
    throttle: Throttle, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle.set(20)
    throttle.set(0)
    throttle.set(20)
    first, second = throttle.watchers
    assert first.poll() == 0
    assert second.poll() is None
    throttle.put_back()
    assert second.wait(10) == 0
    own = opened(str(run / f"{UUID}.vcpu-quota{WATCHED}"))
    assert locked(own)
    monkeypatch.setattr(module, "_WATCHER_ENDS_WITHIN_S", 0.2)
    with pytest.raises(MigrationError, match="still watches"):
        throttle.set(20)
    os.close(own)
    assert not is_noted(UUID, run)


def test_of_a_limit_that_was_there(host: VcpuHost, throttle: Throttle) -> None:
    host.set(0, ("50000", "100000"))
    throttle.set(80)
    assert host.quotas() == [("10000", "100000"), ("2000", "10000")]
    host.holds_back(3)
    throttle.put_back()
    assert host.quotas() == [("50000", "100000"), FORMER[1]]
    assert throttle.held_back_s is None, "that limit holds back as well"


def test_a_limit_that_leaves_nothing_to_take(host: VcpuHost, throttle: Throttle, run: Path) -> None:
    host.set(1, ("1000", "100000"))
    with pytest.raises(MigrationError, match="too small already"):
        throttle.set(20)
    assert host.quotas() == [FORMER[0], ("1000", "100000")]
    assert not is_noted(UUID, run)


def test_nothing_is_lowered_before_the_other_program_runs(host: VcpuHost, run: Path, monkeypatch: t.Any) -> None:
    monkeypatch.setattr(watcher_module, "_WATCHED_WITHIN_S", 0.2)
    throttle = Throttle(run, start_program=lambda _command: None)
    with pytest.raises(MigrationError, match="cannot be started here"):
        throttle.set(20)
    assert host.quotas() == FORMER
    assert not is_noted(UUID, run)


def test_a_program_that_cannot_be_started(host: VcpuHost, run: Path) -> None:
    def fails(_command: list[str]) -> None:
        raise OSError(8, "Exec format error")

    with pytest.raises(MigrationError, match="cannot be started here"):
        Throttle(run, start_program=fails).set(20)
    assert host.quotas() == FORMER


def test_a_quota_that_is_refused_undoes_the_others(host: VcpuHost, throttle: Throttle, monkeypatch: t.Any) -> None:
    real = putting_back.write

    def write(path: str, text: str) -> None:
        if "vcpu1" in path and text not in ("-1", "100000", "max 100000"):
            raise OSError(22, "Invalid argument", path)
        real(path, text)

    monkeypatch.setattr(putting_back, "write", write)
    with pytest.raises(MigrationError, match="Invalid argument") as raised:
        throttle.set(60)
    assert raised.value.reason == "NO_VCPU_QUOTA"
    assert host.quotas() == FORMER
    assert throttle.look() == 0


def test_what_somebody_else_sets_stays_and_the_rest_is_put_back(host: VcpuHost, throttle: Throttle) -> None:
    throttle.set(60)
    host.set(0, ("70000", "100000"))
    assert throttle.look() == 0
    assert host.quotas() == [("70000", "100000"), FORMER[1]]
    (problem,) = throttle.problems
    assert "was changed by somebody else" in problem


def test_a_guest_that_has_left(host: VcpuHost, throttle: Throttle, run: Path) -> None:
    throttle.set(60)
    host.holds_back(3)
    throttle.look()
    host.end()
    assert throttle.look() == 60
    assert throttle.put_back() == ""
    assert (throttle.held_back_s, throttle.problems) == (3, [])
    assert not is_noted(UUID, run)


def test_another_program_for_one_that_was_killed(host: VcpuHost, throttle: Throttle) -> None:
    throttle.set(60)
    throttle.watchers[0].kill()
    throttle.watchers[0].wait()
    assert throttle.look() == 60
    assert len(throttle.watchers) == 2
    assert throttle.watchers[1].poll() is None


def test_without_another_program_it_ends(host: VcpuHost, throttle: Throttle, monkeypatch: t.Any) -> None:
    throttle.set(60)
    throttle.watchers[0].kill()
    throttle.watchers[0].wait()
    monkeypatch.setattr(watcher_module, "_WATCHED_WITHIN_S", 0.1)
    monkeypatch.setattr(throttle, "_start_program", lambda _command: None)
    assert throttle.look() == 0
    assert host.quotas() == FORMER
    assert "cannot be started again" in throttle.problems[0]


def test_two_at_once(host: VcpuHost, throttle: Throttle, run: Path, monkeypatch: t.Any) -> None:
    monkeypatch.setattr(module, "_FREE_WITHIN_S", 0.1)
    throttle.set(60)
    with pytest.raises(MigrationError, match="another process of this host"):
        Throttle(run).set(20)
    assert throttle.look() == 60
    assert mend(UUID, run) == ""
    assert throttle.look() == 60, "it is looked after"


def test_the_module_tells_that_it_is_there(throttle: Throttle, run: Path) -> None:
    throttle.set(20)
    held = run / f"{UUID}.vcpu-quota{HELD}"
    os.utime(held, (0, 0))
    throttle.look()
    assert time.time() - held.stat().st_mtime < 60


def left_behind(host: VcpuHost, run: Path) -> None:
    """What a process and its watcher leave when both are killed at once."""
    throttle = Throttle(run)
    throttle.set(80)
    throttle.watchers[0].kill()
    throttle.watchers[0].wait()
    os.close(throttle._held or -1)
    throttle._held = None
    assert host.quotas() == [("2000", "10000")] * 2


def test_the_next_run_mends_what_was_left(host: VcpuHost, run: Path) -> None:
    left_behind(host, run)
    assert is_noted(UUID, run)
    assert mend(UUID, run) == ""
    assert host.quotas() == FORMER
    assert not is_noted(UUID, run)


def test_the_next_throttle_does_not_take_what_was_left_for_what_was_there(host: VcpuHost, run: Path) -> None:
    left_behind(host, run)
    throttle = Throttle(run)
    throttle.set(40)
    throttle.put_back()
    assert host.quotas() == FORMER
    assert throttle.watchers[0].wait(10) == 0


def test_a_note_that_cannot_be_read_is_told(host: VcpuHost, run: Path) -> None:
    run.mkdir()
    (run / f"{UUID}.vcpu-quota").write_text("nonsense")
    assert "are not what they were" in mend(UUID, run)
    with pytest.raises(MigrationError, match="are not what they were"):
        Throttle(run).set(20)
    assert host.quotas() == FORMER


@pytest.mark.parametrize("uuid", ["", "../../etc", "6420e6ce"])
def test_what_is_no_uuid_names_no_file(host: VcpuHost, run: Path, uuid: str) -> None:
    assert not is_noted(uuid, run)
    with pytest.raises(MigrationError, match="no UUID"):
        VcpuThrottle("erp01", uuid, directory=run).set(20)


def test_the_note_says_what_was_there_before_anything_is_changed(host: VcpuHost, run: Path, monkeypatch: t.Any) -> None:
    seen: list[t.Any] = []
    real = putting_back.write

    def write(path: str, text: str) -> None:
        seen.append((json.loads((run / f"{UUID}.vcpu-quota").read_text()), path, text, locked_by_watcher(run)))
        real(path, text)

    monkeypatch.setattr(putting_back, "write", write)
    throttle = Throttle(run)
    throttle.set(80)
    lowered = list(seen)
    throttle.put_back()
    assert lowered
    for note, path, text, watched in lowered:
        (entry,) = (one for one in note["files"] if one["path"] == path)
        assert text in entry["ours"]
        assert entry["former"] in ("max 100000", "-1", "100000")
        assert watched
    assert throttle.watchers[0].wait(10) == 0


def locked_by_watcher(run: Path) -> bool:
    number = opened(str(run / f"{UUID}.vcpu-quota{WATCHED}"))
    try:
        return not locked(number)
    finally:
        os.close(number)


KILLED = """
import sys
sys.path[:0] = {path!r}
import os, time
from pathlib import Path
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import groups
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu.throttle import VcpuThrottle
groups.PROCESSES, groups._MOUNTS, groups.STATUS_DIRECTORY = {processes!r}, {mounts!r}, {status!r}
throttle = VcpuThrottle("erp01", {uuid!r}, directory=Path({run!r}))
throttle.set(80)
print("lowered", flush=True)
time.sleep(60)
"""


def test_a_process_that_is_killed_leaves_nothing(host: VcpuHost, run: Path) -> None:
    """As a module is started: with its own way to start the other program, which outlives it."""
    places = {"processes": str(host.tasks.parents[1]), "mounts": str(host.mounts), "status": str(host.status)}
    code = KILLED.format(path=[one for one in sys.path if one], uuid=UUID, run=str(run), **places)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"lowered\n"
    assert host.quotas() == [("2000", "10000")] * 2
    process.kill()
    process.communicate()
    deadline_s = time.monotonic() + 10
    while host.quotas() != FORMER or is_noted(UUID, run):
        assert time.monotonic() < deadline_s, host.quotas()
        time.sleep(0.05)
