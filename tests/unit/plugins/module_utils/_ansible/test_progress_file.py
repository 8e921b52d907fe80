# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible.progress import ProgressFile, hide


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_what_is_told_stands_between_the_process_and_the_end(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    with ProgressFile(str(path)):
        ProgressFile(str(path)).report({"name": "erp \u00e9\n", "line": "pass 2", "pass": 2})
    assert entries(path) == [
        {"pid": os.getpid()},
        {"name": "erp \u00e9\n", "line": "pass 2", "pass": 2},
        {"end": True},
    ]


def test_the_end_is_told_of_a_failure_too(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    try:
        with ProgressFile(str(path)):
            raise SystemExit(1)
    except SystemExit:
        pass
    assert entries(path)[-1] == {"end": True}


def test_secrets_are_not_told(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    hide({"s3same-open"})
    ProgressFile(str(path)).report({"name": "erp01", "line": "no answer of root:s3same-open@kvm02"})
    assert entries(path) == [{"name": "erp01", "line": "no answer of root:********@kvm02"}]


def test_a_result_that_cannot_be_read_at_once_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    ProgressFile(str(path)).result({"record": "x" * 600_000})
    ProgressFile(str(path)).result({"record": "x" * 400_000})
    assert [len(str(entry["result"])) for entry in entries(path)] == [400_014]


def test_what_json_cannot_say_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    ProgressFile(str(path)).result({"changed": True, "odd": object})
    assert not path.exists()


def test_a_secret_that_looks_like_a_value_changes_no_other(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    ProgressFile(str(path)).result({"changed": True, "diff": None, "key": "a True one"}, {"True", "None"})
    assert entries(path) == [{"result": {"changed": True, "diff": None, "key": "a ******** one"}}]


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    with ProgressFile(str(tmp_path / "missing" / "progress")) as progress:
        progress.report({"name": "erp01", "line": "pass 2"})
    with ProgressFile(None) as progress:
        progress.report({"name": "erp01", "line": "pass 2"})


def test_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    pipe = tmp_path / "progress"
    os.mkfifo(pipe)
    with ProgressFile(str(pipe)) as progress:  # nobody reads
        progress.report({"name": "erp01", "line": "pass 2"})
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ProgressFile(str(pipe)).report({"name": "erp01", "line": "pass 2"})
        assert os.read(reader, 10) == b""
    finally:
        os.close(reader)


def test_a_device_is_not_written_to() -> None:
    ProgressFile("/dev/full").report({"name": "erp01", "line": "pass 2"})
