# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.virtops.live_migration.plugins.modules import migration_bandwidth_notes
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

ERP = {"uuid": "u1", "name": "erp01", "before_mib_per_s": 0, "set_mib_per_s": 20}
CRM = {"uuid": "u2", "name": "crm01", "before_mib_per_s": 33, "set_mib_per_s": 20}
NOTED = {
    "u1": {"name": "erp01", "former_mib_per_s": 0, "set_mib_per_s": 20},
    "u2": {"name": "crm01", "former_mib_per_s": 33, "set_mib_per_s": 20},
}


def call(run: ModuleRunner, path: Path, **arguments: t.Any) -> t.Any:
    return run(migration_bandwidth_notes, path=str(path), **arguments)


def test_noted_and_forgotten(run: ModuleRunner, tmp_path: Path) -> None:
    path = tmp_path / "bandwidth.json"
    foreseen = call(run, path, note=[ERP, CRM], check=True)
    assert (foreseen["changed"], foreseen["notes"], path.exists()) == (True, NOTED, False)
    first = call(run, path, note=[ERP, CRM])
    assert (first["changed"], first["notes"], first["diff"]) == (True, NOTED, {"before": {}, "after": NOTED})
    assert json.loads(path.read_text()) == NOTED
    # The limits that were set are in force now.
    again = call(run, path, note=[{**ERP, "before_mib_per_s": 20}, {**CRM, "before_mib_per_s": 20}])
    assert (again["changed"], again["notes"]) == (False, NOTED)
    seen = call(run, path)
    assert (seen["changed"], seen["notes"]) == (False, NOTED)
    kept = call(run, path, forget=[{"uuid": "u1", "set_mib_per_s": 7}])
    assert kept["changed"] is False
    last = call(run, path, forget=[{"uuid": one, "set_mib_per_s": 20} for one in ("u1", "u2")])
    assert (last["changed"], last["notes"], path.exists()) == (True, {}, False)


def test_numbers_given_as_text(run: ModuleRunner, tmp_path: Path) -> None:
    path = tmp_path / "bandwidth.json"
    call(run, path, note=[{key: str(value) for key, value in ERP.items()}])
    assert json.loads(path.read_text()) == {"u1": NOTED["u1"]}


def test_what_cannot_be_read_or_written(run: ModuleRunner, tmp_path: Path) -> None:
    path = tmp_path / "bandwidth.json"
    path.write_text("{broken")
    damaged = run.fails(migration_bandwidth_notes, path=str(path), note=[ERP])
    assert (damaged["reason"], path.read_text()) == ("NOTES_DAMAGED", "{broken")
    away = run.fails(migration_bandwidth_notes, path=str(tmp_path / "away" / "bandwidth.json"), note=[ERP])
    assert away["reason"] == "FILE_FAILED"
    assert away["remedy"]
