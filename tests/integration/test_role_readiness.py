# SPDX-License-Identifier: GPL-3.0-or-later
"""The nightly report: which guests could leave their hosts now. It changes nothing, however often it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.runs import Ansible
from bench.subject import Subject

PLAYBOOK = "virtops.live_migration.readiness"
# A rule that no guest of the lab fulfils, so that it can go nowhere.
RULES = [{"id": "own_rule", "expr": "domain.name == 'nobody'", "message": "Not this one.", "remedy": "Rename it."}]


@pytest.mark.fast
def test_the_report_and_its_threshold(ansible: Ansible, crm01: Subject, tmp_path: Path) -> None:
    report = tmp_path / "readiness.json"
    uri = "qemu+tcp://{host}/system"
    run = ansible.playbook(PLAYBOOK, live_migration_destination_uri=uri, live_migration_report_file=str(report))
    assert run.code == 0, run.output
    assert run.changed == []
    found = {each["host"]: each for each in run.stats["live_migration_readiness"]}
    assert json.loads(report.read_text()) == run.stats["live_migration_readiness"]
    assert found[crm01.source]["candidates"] == [crm01.destination]
    (row,) = [guest for guest in found[crm01.source]["guests"] if guest["name"] == "crm01"]
    assert row["can_go_to"] == [crm01.destination], row
    assert "can go to" in run.output

    refused = ansible.playbook(
        PLAYBOOK, live_migration_fail_on="nowhere", live_migration_guest="crm01", readiness_rules=RULES
    )
    assert refused.code != 0
    assert refused.changed == []
    assert f"Not ready on {crm01.source}: crm01." in refused.output
    assert "own_rule: Not this one. Rename it." in refused.output
    assert crm01.state().startswith("running")
