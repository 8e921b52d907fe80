# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading
import types
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument, GuestMemory
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import Thread, thread_of
from ansible_collections.virtops.live_migration.plugins.module_utils._host import document, qemu_process, status_file
from ansible_collections.virtops.live_migration.plugins.module_utils._host.qemu_process import (
    GivenMemory,
    SendingThreads,
    guest_memory,
)

UUID = "11111111-2222-3333-4444-555555555555"
MIB = 1024**2
MAPPING = "7f0000000000-7f0010000000 rw-p 00000000 00:00 0\nRss:  204800 kB\nSwap:   0 kB\n"  # 256 MiB, 200 of them
OF_THE_MAPPING, OF_THE_PROCESS = "the mapping of its memory", "the size of its QEMU process, which is somewhat more"


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the process 4242, which libvirt's status file says is that of erp01; its size is 230 MiB."""
    status = f"<domstatus pid='4242'><job async='none'/><domain><uuid>{UUID}</uuid></domain></domstatus>"
    (tmp_path / "erp01.xml").write_text(status)
    files = tmp_path / "4242"
    files.mkdir()
    pages = 230 * MIB // os.sysconf("SC_PAGE_SIZE")
    (files / "statm").write_text(f"500000 {pages} 3000 1 0 100000 0\n")
    (files / "smaps").write_text(MAPPING)
    monkeypatch.setattr(qemu_process, "PROCESSES", str(tmp_path))
    monkeypatch.setattr(status_file.qemu_pid, "__defaults__", (tmp_path,))
    return files


def test_the_mapping_of_its_memory(process: Path) -> None:
    assert guest_memory("erp01", UUID, 256 * MIB) == GivenMemory(200 * MIB, OF_THE_MAPPING)


def test_the_size_of_the_process_where_its_mappings_may_not_be_read(process: Path) -> None:
    (process / "smaps").unlink()
    assert guest_memory("erp01", UUID, 256 * MIB) == GivenMemory(230 * MIB, OF_THE_PROCESS)
    # It has QEMU's own memory in it, and is no more than the guest has for that.
    assert guest_memory("erp01", UUID, 128 * MIB) == GivenMemory(128 * MIB, OF_THE_PROCESS)


@pytest.mark.parametrize("text", ["", "nonsense\n", MAPPING.replace("rw-p", "r-xp"), "7f0000000000 rw-p\nRss: x kB\n"])
def test_mappings_that_are_not_understood(process: Path, text: str) -> None:
    (process / "smaps").write_text(text)
    assert guest_memory("erp01", UUID, 256 * MIB) == GivenMemory(230 * MIB, OF_THE_PROCESS)


def test_mappings_that_hang_are_not_waited_for(process: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    never, real = threading.Event(), qemu_process.read
    monkeypatch.setattr(qemu_process, "_LIMIT_S", 0.05)
    monkeypatch.setattr(qemu_process, "read", lambda path: never.wait(5) if path.endswith("smaps") else real(path))
    assert guest_memory("erp01", UUID, 256 * MIB) == GivenMemory(230 * MIB, OF_THE_PROCESS)
    never.set()


@pytest.mark.parametrize(
    ("name", "uuid"),
    [
        ("erp01", "99999999-2222-3333-4444-555555555555"),  # another daemon's guest of that name, or one made anew
        ("crm01", UUID),
        ("../erp01", UUID),
    ],
)
def test_a_process_that_is_not_the_guests_does_not_count(process: Path, name: str, uuid: str) -> None:
    assert guest_memory(name, uuid, 256 * MIB) is None


def test_a_process_that_is_gone(process: Path) -> None:
    (process / "smaps").unlink()
    (process / "statm").unlink()
    assert guest_memory("erp01", UUID, 256 * MIB) is None


@pytest.mark.parametrize(
    ("changes", "found"), [({}, 200 * MIB), ({"uuid": "another"}, None), ({"state": "shut off"}, None)]
)
def test_documents_of_guests_have_the_same_figure(process: Path, changes: dict[str, t.Any], found: int | None) -> None:
    """So that readiness and plans rest on what a migration rests on."""
    guest = GuestDocument("erp01", UUID, state="running", memory=GuestMemory(total_bytes=256 * MIB))
    assert document._with_process(replace(guest, **changes)).resident_bytes == found


def test_firmware_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OVMF_CODE.fd", "edk2.qcow2", "README"):
        (tmp_path / name).touch()
    monkeypatch.setattr(qemu_process, "_FIRMWARE", (str(tmp_path), str(tmp_path / "none")))
    assert qemu_process.firmware_files() == [f"{tmp_path}/OVMF_CODE.fd", f"{tmp_path}/edk2.qcow2"]


# --- how busy the threads are that send


def set_ticks(process: Path, **threads: int) -> None:
    """``t<number>_<name>``: what each has used of the processors, half of it its own time."""
    for key, ticks in threads.items():
        number, _, name = key[1:].partition("_")
        task = process / "task" / number
        task.mkdir(parents=True, exist_ok=True)
        times = f"{ticks // 2} {ticks - ticks // 2}"
        (task / "stat").write_text(f"{number} ({name}) R 1 1 1 0 -1 4194624 9 0 0 0 {times} 0 0 20 0 9 0 1 1 1\n")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: what its list holds."""
    now = [100.0]
    monkeypatch.setattr(qemu_process, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
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
