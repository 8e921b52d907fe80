# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument, GuestMemory
from ansible_collections.virtops.live_migration.plugins.module_utils._host import document, qemu_process, status_file
from ansible_collections.virtops.live_migration.plugins.module_utils._host.qemu_process import (
    GivenMemory,
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
