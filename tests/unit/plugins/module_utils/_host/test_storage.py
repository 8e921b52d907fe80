# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import struct
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Disk, GuestDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._host import storage

MIB = 1 << 20


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[[str], None]:
    """Takes the place of the host's list of mounts."""

    def use(text: str) -> None:
        monkeypatch.setattr(storage, "read", lambda _path: text.replace("TMP", str(tmp_path)))

    return use


def line(point: str, fs_type: str, source: str) -> str:
    return f"1 2 0:1 / {point} rw - {fs_type} {source} rw\n"


def test_disks_and_what_they_are_on(tmp_path: Path, mounts: t.Callable[[str], None]) -> None:
    (tmp_path / "raw.img").write_bytes(b"x" * 8192)
    (tmp_path / "sparse.qcow2").write_bytes(b"QFI\xfb" + bytes(20) + struct.pack(">Q", 64 * MIB) + bytes(32))
    mounts(line("/", "ext4", "/dev/vda") + line("TMP", "nfs4", "filer:/export") + line("/proc", "proc", "proc"))
    paths = [str(tmp_path / name) for name in ("raw.img", "sparse.qcow2", "missing.img")]
    found, sizes, mounted, silent = storage.read_storage(["/proc/sys"], paths)
    assert found
    assert [(one.mount_point, one.fs_type, one.shared) for one in found] == [(str(tmp_path), "nfs4", True)]
    state = os.statvfs(tmp_path)
    assert found[0].size_bytes == state.f_blocks * state.f_frsize
    assert sizes[paths[0]] == storage.DiskFile(8192, 8192)
    assert sizes[paths[1]].size_bytes == 64 * MIB
    assert paths[2] not in sizes
    assert silent == []
    guest = GuestDocument(
        "a", "u", disks=[Disk("vda", type="file", source=paths[0]), Disk("vdb", type="network", source="rbd:p")]
    )
    vda, vdb = storage.with_storage(guest, mounted, sizes).disks
    assert (vda.size_bytes, vda.fs_type, vda.mount_source) == (8192, "nfs4", "filer:/export")
    assert vdb.fs_type == ""


def test_a_file_system_that_does_not_answer(
    tmp_path: Path, mounts: t.Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(point: str) -> t.NoReturn:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(os, "statvfs", gone)
    mounts(line("TMP", "nfs4", "filer:/export"))
    found, sizes, _mounted, silent = storage.read_storage([], [str(tmp_path / "a.img")])
    assert found
    assert (found[0].mount_point, found[0].free_bytes) == (str(tmp_path), None)
    assert sizes == {}
    assert silent == [f"The file system at {tmp_path} does not answer."]


def test_device_nodes_are_on_no_file_system(mounts: t.Callable[[str], None]) -> None:
    mounts(line("/", "ext4", "/dev/vda"))
    _found, sizes, mounted, _silent = storage.read_storage([], ["/dev/null"])
    guest = GuestDocument("a", "u", disks=[Disk("vda", type="block", source="/dev/null")])
    assert storage.with_storage(guest, mounted, sizes).disks[0].fs_type == ""


def test_a_pipe_or_a_terminal_is_no_disk_and_is_not_opened(tmp_path: Path, mounts: t.Callable[[str], None]) -> None:
    """A pipe would have been waited for, and with it all disks of its file system."""
    (tmp_path / "raw.img").write_bytes(b"x" * 4096)
    os.mkfifo(tmp_path / "pipe.qcow2")
    (tmp_path / "link.qcow2").symlink_to("pipe.qcow2")
    (tmp_path / "tty.qcow2").symlink_to("/dev/tty")
    (tmp_path / "directory").mkdir()
    mounts(line("/", "ext4", "/dev/vda"))
    names = ("raw.img", "pipe.qcow2", "link.qcow2", "tty.qcow2", "directory", "no\x00path")
    began_s = time.monotonic()
    found, sizes, _mounted, problems = storage.read_storage([], [str(tmp_path / name) for name in names])
    assert time.monotonic() - began_s < storage._LIMIT_S
    assert found
    assert {Path(path).name: size for path, size in sizes.items()} == {
        "raw.img": storage.DiskFile(4096, 4096),
        "directory": storage.DiskFile(None, None),
    }
    odd = [str(tmp_path / name) for name in ("link.qcow2", "pipe.qcow2", "tty.qcow2")]
    assert problems == [f"{path!r} is neither a file nor a block device." for path in odd]


@pytest.mark.parametrize("size", [2**64 - 1, 2**63])
def test_a_header_that_lies(tmp_path: Path, mounts: t.Callable[[str], None], size: int) -> None:
    (tmp_path / "a.qcow2").write_bytes(b"QFI\xfb" + bytes(20) + struct.pack(">Q", size) + bytes(480))
    mounts(line("/", "ext4", "/dev/vda"))
    _found, sizes, _mounted, _problems = storage.read_storage([], [str(tmp_path / "a.qcow2")])
    assert sizes[str(tmp_path / "a.qcow2")].size_bytes == 512


def test_mounts_that_are_not_understood_are_not_known(mounts: t.Callable[[str], None]) -> None:
    mounts(line("/", "ext4", "/dev/vda") + "nonsense\n")
    found, sizes, mounted, problems = storage.read_storage([], ["/srv/a.img"])
    assert (found, sizes, mounted.of("/srv/a.img")) == (None, {}, None)
    (problem,) = problems
    assert "nonsense" in problem


def test_a_link_leads_to_the_file_system_that_it_names(tmp_path: Path, mounts: t.Callable[[str], None]) -> None:
    """A directory of images on NFS, and a single file: by their names both are on the disk of the host."""
    nfs = tmp_path / "nfs"
    (nfs / "vm").mkdir(parents=True)
    (nfs / "vm" / "a.img").write_bytes(b"x" * 4096)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "c.img").write_bytes(b"x")
    (tmp_path / "images").symlink_to(nfs / "vm")
    (tmp_path / "here").symlink_to(tmp_path / "own")
    (tmp_path / "own" / "b.img").symlink_to(nfs / "vm" / "a.img")
    mounts(line("/", "ext4", "/dev/vda") + line("TMP/nfs", "nfs4", "filer:/export"))
    paths = [str(tmp_path / name) for name in ("images/a.img", "own/b.img", "own/c.img", "here/c.img")]
    found, sizes, mounted, problems = storage.read_storage([str(tmp_path / "images")], paths)
    assert problems == []
    guest = GuestDocument("a", "u", disks=[Disk(path, type="file", source=path) for path in paths])
    disks = storage.with_storage(guest, mounted, sizes).disks
    assert [(one.fs_type, one.mount_source, one.mount_root) for one in disks] == [
        ("nfs4", "filer:/export", "/vm"),
        ("nfs4", "filer:/export", "/vm/a.img"),
        ("ext4", "/dev/vda", "/"),
        ("ext4", "/dev/vda", "/"),
    ]
    assert disks[0].mount_point == str(tmp_path / "images")
    assert found
    assert str(tmp_path / "images") in {one.mount_point for one in found}
    assert sizes[paths[0]] == storage.DiskFile(4096, 4096)
