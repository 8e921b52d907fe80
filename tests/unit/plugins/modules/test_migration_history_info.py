# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible_collections.virtops.live_migration.plugins.module_utils._host.history import keep
from ansible_collections.virtops.live_migration.plugins.modules import migration_history_info
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import evacuation, record
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

NIGHT = 1_796_006_400.0


def test_what_was_kept(run: ModuleRunner, tmp_path: Path) -> None:
    for number in range(3):
        keep(str(tmp_path), {**record(), "began_epoch_s": NIGHT + 60 * number}, 10)
    keep(str(tmp_path), evacuation(2), 10)
    found = run(migration_history_info, history_dir=str(tmp_path))
    assert found["changed"] is False
    assert [one["began_epoch_s"] - NIGHT for one in found["migrations"]] == [120, 60, 0]
    assert [one["host"] for one in found["evacuations"]] == ["kvm01"]
    assert len(found["files"]) == 4
    assert len(run(migration_history_info, history_dir=str(tmp_path), newest=1)["files"]) == 1
    late = run(migration_history_info, history_dir=str(tmp_path), since_epoch_s=NIGHT + 100)
    assert len(late["migrations"]) == 1


def test_none_is_an_empty_one(run: ModuleRunner, tmp_path: Path) -> None:
    found = run(migration_history_info, history_dir=str(tmp_path / "nowhere"))
    assert (found["migrations"], found["evacuations"], found["passed_over"]) == ([], [], [])


def test_what_others_may_write_to_is_not_read(run: ModuleRunner, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    refused = run.fails(migration_history_info, history_dir=str(tmp_path))
    assert refused["reason"] == "HISTORY_UNREADABLE"
    assert run.fails(migration_history_info, history_dir=str(tmp_path), newest=0)["reason"] == "OUT_OF_RANGE"
