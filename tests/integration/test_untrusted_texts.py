# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and guests that answer with templates and with what does something to a terminal: the playbooks and roles of
the collection, with the real ansible-playbook, and modules that answer what they were told to. Without a lab.

Before ansible-core 2.19 each text is a template that Ansible does not know to come from a host.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import re
import shutil
import typing as t
from pathlib import Path

import pytest
from bench.runs import COLLECTION, ROOT, Ansible, Run

from ansible_collections.virtops.live_migration.plugins.module_utils._core.text import printable
from ansible_collections.virtops.live_migration.tests.unit.plugins import pairs, reports, rescues

UUID = "11111111-2222-3333-4444-555555555555"
HOME = "aaaaaaaa-2222-3333-4444-555555555555"
RAW = re.compile("[\r\x1b\x9b\u202e]")
# These need no libvirt.
REAL = {"evacuation_plan_info", "migration_bandwidth_notes"}
STUB = """#!/usr/bin/python
# WANT_JSON
import json, sys
answers = json.load(open({answers!r}))[{module!r}]
# The interpreter has the name of the host.
print(json.dumps(answers[sys.executable.rpartition("/")[2]]))
"""


def answers(name: str) -> dict[str, dict[str, t.Any]]:
    """By module and host, about one guest on kvm01. Like the real ones, they make only their messages printable."""
    job = {**rescues.job("erp01"), "name": name, "uuid": UUID}
    guest = {"name": name, "uuid": UUID, "state": "running"}
    home = {"host": name, "host_uuid": HOME, "copy_storage": "none"}
    failed = {"changed": True, "failed": True, "reason": "X", "msg": printable(f"It failed: {name}."), "state": "."}
    document = dataclasses.replace(pairs.GUEST, name=name, uuid=UUID)
    row = {
        "name": name, "uuid": UUID, "strategy": "migrate", "source": name, "destination": "kvm02", "outcome": "failed",
        "runs_on": name, "elapsed_s": 1.0, "transfer_ms": None, "downtime_ms": None, "sent_bytes": None,
        "remedies": [name], "attempts": 1, "reason": "X", "msg": name, "state": name, "remedy": name, "elsewhere": True,
    }  # fmt: skip
    check = {"id": name, "status": "warn", "summary": name, "evidence": {name: name}, "remedy": name}
    kept = {**reports.record(), "name": name, "uuid": UUID, "source": name, "destination": name}
    alike: dict[str, t.Any] = {
        "evacuation": {**failed, "host": name, "guests": [row], "remaining": {"running": [guest], "jobs": []}},
        "evacuation_home_info": {
            "host_uuid": HOME,
            "guests": [{**guest, "home": home, "at_home": False, "off_since_evacuation": False}],
            "passed_over": [{**guest, "reason": "BAD_MARK", "home": home, "msg": name}],
        },
        "guest_agent_services": failed,
        "host_cordon": {"cordoned": True},
        "migration": {**failed, "record": kept},
        "migration_abort": {"name": name},
        "migration_bandwidth": {"diff": {"before": {"bandwidth_mib_per_s": 5}, "after": {"bandwidth_mib_per_s": 6}}},
        "migration_forecast_info": {"uuid": UUID, "name": name, "forecast": {"least_bandwidth_mib_per_s": 10}},
        "migration_dirty_rate_info": {"uuid": UUID, "name": name},
        "migration_history_info": {
            "migrations": [kept], "evacuations": [reports.evacuation(3, [name])], "files": [name],
        },
        "migration_readiness_info": {
            "domains": [
                {"name": name, "uuid": UUID, "destination": "kvm02", "ready": True, "checks": [check],
                 "counts": {"pass": 4, "warn": 1, "fail": 0, "skip": 0}, "summary": name}
            ]
        },
        "migration_rescue": {**failed, "actions": [], "record": kept},
    }  # fmt: skip
    each = {
        "migration_host_info": {
            "kvm01": {"host": dataclasses.replace(pairs.host(1), domains=[document]).document()},
            "kvm02": {"host": pairs.host(2).document()},
        },
        "migration_job_info": {
            "kvm01": {"guests": [guest], "jobs": [job]},
            "kvm02": {"guests": [], "jobs": []},
        },
    }
    return {**{module: {"kvm01": one, "kvm02": copy.deepcopy(one)} for module, one in alike.items()}, **each}


class Machine:
    """Two hosts whose modules answer with that name in the place of each text that is a guest's or a host's own."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.canary = directory, directory / "canary"
        # Shortened in tables, so that the beginning is for terminals.
        self.name = f"\r\x9b2J\u202e{{{{ lookup('pipe', 'touch {self.canary}') }}}}"
        tree = directory / "ansible_collections" / "virtops" / "live_migration"
        tree.mkdir(parents=True)
        for part in ("plugins", "roles", "playbooks", "meta", "galaxy.yml"):
            (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, tree / part)
        shutil.rmtree(tree / "plugins" / "action")
        given = answers(self.name)
        (directory / "answers.json").write_text(json.dumps(given), encoding="utf-8")
        for path in (tree / "plugins" / "modules").glob("*.py"):
            if path.stem not in REAL:
                stub = STUB.format(answers=str(directory / "answers.json"), module=path.stem)
                path.write_text(stub, encoding="utf-8")
        hosts = {}
        for host in ("kvm01", "kvm02"):
            (directory / host).symlink_to("/usr/bin/python3")
            hosts[host] = {"ansible_connection": "local", "ansible_python_interpreter": str(directory / host)}
        here = {
            # Nothing is to be noted on this machine, and both hosts are one.
            **dict.fromkeys(("evacuate_host_fact_path", "return_home_fact_path"), str(directory / "facts")),
            "evacuate_host_cordon": False,
            "bandwidth_state_directory": str(directory / "notes"),
            "live_migration_quiesce_metadata_may": "*",
        }
        self.ansible = Ansible(directory, json.dumps({"all": {"vars": here, "hosts": hosts}}))
        self.ansible.collections = str(directory)

    def judge(self, run: Run, *tasks: str) -> None:
        """``tasks``: that have to have run, so that it was not for nothing."""
        assert not self.canary.exists(), run.output
        assert not RAW.search(run.output), [line for line in run.output.splitlines() if RAW.search(line)]
        assert "x9b" in run.output, run.output  # after one backslash or, in JSON, two
        for task in tasks:
            assert task in run.output, run.output


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


HOSTS = {"live_migration_hosts": "kvm01"}
PLAYBOOKS: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "diagnose": ({}, ["[Tell]"]),
    "evacuate": ({**HOSTS, "live_migration_return": "true"}, ["Send | Move the guests away", "Quiesce | Put back"]),
    "migrate": ({"live_migration_destination": "kvm02"}, ["Migrate | Move it", "Quiesce | Tell where", "[Tell]"]),
    "plan": (HOSTS, ["Plan | Tell it"]),
    "readiness": ({}, ["readiness : Tell"]),
    "report": ({}, ["report : Write it"]),
    "rescue": ({}, ["See the migration to its end", "[Tell]"]),
    "return_home": (HOSTS, ["return_home : Tell what came of each guest"]),
}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
@pytest.mark.fast
def test_playbooks(machine: Machine, playbook: str) -> None:
    variables, tasks = PLAYBOOKS[playbook]
    if playbook not in ("diagnose", "plan"):
        variables = {**variables, "live_migration_report_dest": str(machine.directory / "report.html")}
    if playbook == "migrate":
        # As AWX gives it.
        path = machine.directory / "guest.json"
        path.write_text(json.dumps({"live_migration_guest": {"__ansible_unsafe": json.dumps([machine.name])}}))
        machine.judge(machine.ansible.playbook(f"{COLLECTION}.{playbook}", "-e", f"@{path}", **variables), *tasks)
        return
    machine.judge(machine.ansible.playbook(f"{COLLECTION}.{playbook}", **variables), *tasks)


@pytest.mark.parametrize("entry_point", ["main", "resize"])
def test_bandwidth(machine: Machine, entry_point: str) -> None:
    given = {"bandwidth_link_mib_per_s": 100, "bandwidth_watch_s": 1, "bandwidth_observe_s": 1}
    machine.judge(machine.ansible.role("bandwidth", "kvm01", entry_point, **given), "Set | Give each its part")
    machine.judge(machine.ansible.role("bandwidth", "kvm01", "restore", **given), "Put the former limits back")


@pytest.mark.fast
def test_this_attack_is_real(machine: Machine) -> None:
    """What would be run is run where Ansible is told that it is a template, and a filter that says nothing of it was
    enough before ansible-core 2.19."""
    play = [{"hosts": "kvm01", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": machine.name}}]}]
    path = machine.directory / "play.yml"
    path.write_text(json.dumps(play), encoding="utf-8")
    machine.ansible.playbook(str(path))
    assert machine.canary.exists()
