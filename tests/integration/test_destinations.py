# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts the role evacuate_host takes for open, by the facts that it gathers itself; without a lab."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from bench.runs import ROOT, Ansible, Run

TASKS = ROOT / "roles" / "evacuate_host" / "tasks"
# What the note on each host is: text, or None where there is not even a place for it.
NOTES = {
    "kvm02": '{"cordoned": true}',
    "kvm03": '{"cordoned": tr',
    "kvm04": None,
    "kvm05": '{"cordoned": false}',
    "kvm06": '{"only_return_left": true, "cordoned": true}',
    "kvm07": "{}",
}


@pytest.fixture
def noted(tmp_path: Path) -> Ansible:
    """Each host is this machine, with a place of its own for local facts."""
    for host, note in NOTES.items():
        if note is not None:
            (tmp_path / host).mkdir()
            (tmp_path / host / "virtops_live_migration.fact").write_text(note, encoding="utf-8")
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts: dict[str, dict[str, str]] = {name: {} for name in ("kvm01", *NOTES)}
    return Ansible(tmp_path, json.dumps({"all": {"hosts": hosts, "vars": local}}))


def played(ansible: Ansible, *tasks: dict[str, t.Any], **variables: t.Any) -> Run:
    """After the role's own task that gathers the facts of all."""
    main = yaml.safe_load((TASKS / "main.yml").read_text(encoding="utf-8"))
    (gather,) = [task for task in main if "ansible.builtin.setup" in task]
    play = {
        "hosts": "kvm01",
        "gather_facts": False,
        "vars": {
            "__evacuate_host_takers": list(NOTES),
            "evacuate_host_fact_path": f"{ansible.directory}/{{{{ item }}}}",
            "evacuate_host_ignore_cordon": False,
            **variables,
        },
        "tasks": [gather, *tasks],
    }
    path = ansible.directory / "play.yml"
    path.write_text(json.dumps([play]), encoding="utf-8")
    return ansible.playbook(str(path))


def test_a_host_takes_guests_only_where_that_is_known(noted: Ansible) -> None:
    shown = "{{ {'open': __evacuate_host_open, 'unclear': __evacuate_host_unclear} }}"
    run = played(
        noted,
        {
            "ansible.builtin.include_tasks": str(TASKS / "open_destinations.yml"),
            "vars": {"evacuate_host_fact_path": "/etc/ansible/facts.d"},
        },
        {"name": "Shown", "ansible.builtin.debug": {"msg": shown}},
    )
    assert run.code == 0, run.output
    (record,) = [one for one in run.tasks if one["task"] == "Shown"]
    assert record["result"]["msg"] == {"open": ["kvm04", "kvm05"], "unclear": ["kvm03", "kvm07"]}


@pytest.mark.parametrize("ignored", [False, True])
def test_a_plan_of_the_users_goes_only_where_that_is_known(noted: Ansible, ignored: bool) -> None:
    """One that sends a guest to each host; the names of those that do not take it are in the message."""
    stop = yaml.safe_load((TASKS / "planned.yml").read_text(encoding="utf-8"))[0]
    moves = [{"from": "kvm01", "to": host} for host in NOTES]
    run = played(noted, stop, __evacuate_host_carried_out={"guests": moves}, evacuate_host_ignore_cordon=ignored)
    assert (run.code == 0) is ignored, run.output
    if not ignored:
        assert "guests to kvm02, kvm03, kvm06, kvm07, which take none" in run.failure


def test_a_place_for_facts_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    modes = {"kvm01": 0o700, "kvm02": 0o755}  # of one that an administrator has closed, and of one that is made
    (tmp_path / "kvm01").mkdir(mode=modes["kvm01"])
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    ansible = Ansible(tmp_path, json.dumps({"all": {"hosts": {name: {} for name in modes}, "vars": local}}))
    tasks = yaml.safe_load((TASKS / "cordon.yml").read_text(encoding="utf-8"))
    play = {
        "hosts": "all",
        "gather_facts": False,
        "vars": {"evacuate_host_fact_path": f"{tmp_path}/{{{{ inventory_hostname }}}}"},
        "tasks": [task for task in tasks if "virtops.live_migration.host_cordon" not in task],
    }
    path = tmp_path / "play.yml"
    path.write_text(json.dumps([play]), encoding="utf-8")
    run = ansible.playbook(str(path))
    assert run.code == 0, run.output
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in modes} == modes
    for name in modes:
        note = json.loads((tmp_path / name / "virtops_live_migration.fact").read_text(encoding="utf-8"))
        assert note == {"cordoned": True}
