# SPDX-License-Identifier: GPL-3.0-or-later
"""Two that would look after one guest's migration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host.supervision_lock import supervising

ERP = "6420e6ce-0f4d-4a27-83da-5e8587498451"
CRM = "6420e6ce-0f4d-4a27-83da-5e8587498452"
ANOTHER_PROCESS = f"""
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1] + "/{ERP}", os.O_RDWR), fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_one_for_each_guest(tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    with supervising(ERP, locks) as first, supervising(CRM, locks) as other, supervising(ERP, locks) as second:
        assert (first, other, second) == (True, True, False)
    with supervising(ERP, tmp_path / "locks") as later:
        assert later


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    with supervising(ERP, tmp_path):
        pass
    command = [sys.executable, "-c", ANOTHER_PROCESS, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    with supervising(ERP, tmp_path) as meanwhile:
        assert not meanwhile
    process.kill()
    process.communicate()
    with supervising(ERP, tmp_path) as afterwards:
        assert afterwards


@pytest.mark.parametrize("uuid", ["", "../../etc/passwd", "not a uuid", ERP.upper()])
def test_nothing_else_than_a_uuid_becomes_a_file(tmp_path: Path, uuid: str) -> None:
    with supervising(uuid, tmp_path / "locks") as alone:
        assert alone
    assert not (tmp_path / "locks").exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ERP).symlink_to(tmp_path / "elsewhere")
    with supervising(ERP, tmp_path) as alone:
        assert alone
    assert not (tmp_path / "elsewhere").exists()


def test_no_lock_where_there_can_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with supervising(ERP, tmp_path / "file") as alone:
        assert alone


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    with supervising(ERP, tmp_path / "locks"):
        assert os.stat(tmp_path / "locks").st_mode & 0o777 == 0o700
        assert os.stat(tmp_path / "locks" / ERP).st_mode & 0o777 == 0o600
