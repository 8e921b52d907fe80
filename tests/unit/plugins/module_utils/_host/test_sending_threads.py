# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import types
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import Thread, thread_of
from ansible_collections.virtops.live_migration.plugins.module_utils._host import sending_threads, status_file
from ansible_collections.virtops.live_migration.plugins.module_utils._host.sending_threads import SendingThreads

UUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the process 4242, which libvirt's status file says is that of erp01."""
    status = f"<domstatus pid='4242'><job async='none'/><domain><uuid>{UUID}</uuid></domain></domstatus>"
    (tmp_path / "erp01.xml").write_text(status)
    monkeypatch.setattr(sending_threads, "PROCESSES", str(tmp_path))
    monkeypatch.setattr(status_file.qemu_pid, "__defaults__", (tmp_path,))
    return tmp_path / "4242"


def set_ticks(process: Path, **threads: int) -> None:
    """``t<number>_<name>``: what each has used of the processors, half of it its own time."""
    for key, ticks in threads.items():
        number, name = key[1:].split("_", 1)
        task = process / "task" / number
        task.mkdir(parents=True, exist_ok=True)
        times = f"{ticks // 2} {ticks - ticks // 2}"
        (task / "stat").write_text(f"{number} ({name}) R 1 1 1 0 -1 4194624 9 0 0 0 {times} 0 0 20 0 9 0 1 1 1\n")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: what its list holds."""
    now = [100.0]
    monkeypatch.setattr(sending_threads, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    return now


HZ = os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("name", ["multifdsend_{}", "mig/src/send_{}"])
def test_the_threads_of_several_connections(process: Path, seconds: list[float], name: str) -> None:
    """Two seconds, in which one ran all the time and one for half of it; the one that leads them counts not."""
    one, two, main = name.format(0), name.format(1), "mig/src/main" if "/" in name else "live_migration"
    set_ticks(process, **{f"t11_{one}": 500, f"t12_{two}": 500, f"t13_{main}": 0, "t14_CPU 0/KVM": 0})
    threads = SendingThreads("erp01", UUID)
    assert threads.busy() is None
    seconds[0] += 2
    set_ticks(
        process, **{f"t11_{one}": 500 + 2 * HZ, f"t12_{two}": 500 + HZ, f"t13_{main}": 9, "t14_CPU 0/KVM": 2 * HZ}
    )
    assert threads.busy() == pytest.approx(0.75)


@pytest.mark.parametrize("name", ["live_migration", "mig/src/main"])
def test_the_thread_of_one_connection(process: Path, seconds: list[float], name: str) -> None:
    set_ticks(process, **{f"t11_{name}": 40, "t12_IO mon_iothread": 0})
    threads = SendingThreads("erp01", UUID)
    seconds[0] += 4
    set_ticks(process, **{f"t11_{name}": 40 + HZ})
    assert threads.busy() == pytest.approx(0.25)
    # Its clock is finer than the kernel's: no share is above 1.
    set_ticks(process, **{f"t11_{name}": 40 + 5 * HZ})
    assert threads.busy() == 1.0


def test_threads_that_are_not_known(process: Path, seconds: list[float]) -> None:
    """Another guest of the name, none that sends, one that has begun meanwhile, one that is gone, no such line."""
    set_ticks(process, **{"t12_CPU 0/KVM": 0})
    found = [SendingThreads("erp01", UUID), SendingThreads("erp01", "9" + UUID[1:]), SendingThreads("crm01", UUID)]
    set_ticks(process, t11_live_migration=9)
    seconds[0] += 1
    assert [one.busy() for one in found] == [None, None, None]
    later = SendingThreads("erp01", UUID)
    seconds[0] += 1
    (process / "task" / "11" / "stat").write_text("11 (live_migration) R 1 1\n")
    assert later.busy() is None
    (process / "task" / "11" / "stat").unlink()
    assert later.busy() is None


def test_a_name_with_brackets_is_one_name() -> None:
    line = "11 (a) R (b) S 1 1 1 0 -1 4194624 9 0 0 0 30 12 0 0 20 0 9 0 1 1 1"
    assert thread_of(line) == Thread("a) R (b", 42)
    assert thread_of("") is None
    assert thread_of(line.replace("30 12", "x 12")) is None
