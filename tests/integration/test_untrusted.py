# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of somebody who wants to run something: with the real ansible-playbook and libvirt, but without a lab.

The hosts are this machine. What an attack would run leaves a file behind, and one test shows that it really would.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from bench.runs import COLLECTION, ROOT, Ansible, Run, task

PATTERNS = sorted((ROOT / "extensions" / "patterns").iterdir())
GUEST = {"name": "erp01", "uuid": "11111111-2222-3333-4444-555555555555", "sent_bytes": 1, "order": 1}
# What is told of hosts that may not take part.
OUTSIDE = "No hosts of the inventory that live_migration_allowed_hosts admits"


class Machine:
    """Two hosts that may take part and one that may not; and a program that nobody is to run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.canary = directory / "canary"
        self.program = directory / "program.sh"
        self.program.write_text(f"#!/bin/sh\necho ran >> {self.canary}\nexit 1\n", encoding="utf-8")
        self.program.chmod(0o755)
        here = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
        # For the case that a test fails: nothing is to be noted on this machine.
        here |= {name: str(directory / "facts") for name in ("evacuate_host_fact_path", "return_home_fact_path")}
        hosts: dict[str, t.Any] = {"kvm01": {}, "kvm02": {}}
        groups = {"hypervisors": {"hosts": hosts}, "web": {"hosts": {"web01": {}}}}
        here["live_migration_allowed_hosts"] = "hypervisors"
        self.ansible = Ansible(directory, json.dumps({"all": {"vars": here, "children": groups}}))

    def run(self, playbook: str, *options: str, **answers: t.Any) -> Run:
        self.canary.unlink(missing_ok=True)
        run = self.ansible.playbook(playbook, *options, **answers)
        assert not self.canary.exists(), run.output
        assert run.changed == [], run.output
        return run

    def uris(self) -> dict[str, str]:
        shell = f"/x;{self.program};"
        return {
            "ext": f"qemu+ext:///system?command={self.program}",
            "command": f"qemu+ssh://root@127.0.0.1/system?command={self.program}",
            "netcat": f"qemu+ssh://root@127.0.0.1/system?netcat={self.program}",
            "shell": f"qemu+ssh://root@127.0.0.1/system?mode=direct&proxy=netcat&socket={shell}",
            "option": f"qemu+ssh://-oProxyCommand={self.program}@127.0.0.1/system",
        }

    def names(self) -> list[str]:
        return [
            f"kvm02/system?mode=direct&proxy=netcat&socket=/x;{self.program};",
            f"kvm02/system?command={self.program}&x=",
            f"-oProxyCommand={self.program}",
            "root@127.0.0.1",
            "127.0.0.1",
            "localhost",
            "web01",
            "kvm*",
        ]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("untrusted"))


def survey(pattern: Path) -> tuple[str, dict[str, dict[str, t.Any]]]:
    """The playbook of a pattern, as AWX finds it, and its questions."""
    definition = json.loads((pattern / "meta" / "pattern.json").read_text(encoding="utf-8"))
    (template,) = definition["aap_resources"]["controller_job_templates"]
    questions = {question["variable"]: question for question in template["survey"]["spec"]}
    return str(pattern / "playbooks" / template["playbook"]), questions


PLAIN = {
    "live_migration_hosts": "kvm01",
    "live_migration_guest": "erp01",
    "live_migration_guests": "erp01",
    "live_migration_destination": "kvm02",
}


def answers_to(questions: t.Mapping[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    """What has to be answered, and what else is said."""
    return {**{name: PLAIN[name] for name, one in questions.items() if one["required"]}, **more}


each_pattern = pytest.mark.parametrize("pattern", PATTERNS, ids=[path.name for path in PATTERNS])


def refused(run: Run, *names: str) -> None:
    assert run.code != 0, run.output
    assert run.failure.startswith(OUTSIDE), run.output
    for name in names:
        assert name in run.failure, run.output


@each_pattern
@pytest.mark.fast
def test_names_of_hosts_in_answers(machine: Machine, pattern: Path) -> None:
    playbook, questions = survey(pattern)
    if "live_migration_pool" in questions:
        pool = json.dumps([*machine.names(), "kvm02"])
        refused(machine.run(playbook, **answers_to(questions, live_migration_pool=pool)), *machine.names())
    if "live_migration_destination" in questions:
        for name in (*machine.names()[:2], "localhost"):
            refused(machine.run(playbook, **answers_to(questions, live_migration_destination=name)), name)


@each_pattern
def test_patterns_of_hosts_in_answers(machine: Machine, pattern: Path) -> None:
    """What matches nothing fails, with a limit or without, and a host that is in no inventory is none."""
    playbook, questions = survey(pattern)
    run = machine.run(playbook, **answers_to(questions, live_migration_hosts="localhost"))
    assert run.code != 0, run.output
    assert "No host of the inventory matches 'localhost'" in " ".join(run.output.split()), run.output
    run = machine.run(playbook, "--limit", "kvm02", **answers_to(questions, live_migration_hosts="kvm01"))
    assert run.code != 0, run.output
    assert "leaves none of the hosts" in " ".join(run.output.split()), run.output


def test_hosts_that_may_not_take_part(machine: Machine) -> None:
    playbook, questions = survey(next(one for one in PATTERNS if one.name == "migrate_guest"))
    refused(machine.run(playbook, **answers_to(questions, live_migration_hosts="hypervisors,web")), "web01")
    nobody = machine.ansible.playbook(
        playbook, **answers_to(questions, live_migration_hosts="all", live_migration_allowed_hosts="nobody")
    )
    refused(nobody, "kvm01", "kvm02", "web01")
    # What is meant by all is all that may.
    run = machine.run(playbook, **answers_to(questions, live_migration_hosts="all"))
    looked = {record["host"] for record in run.tasks if record["task"] == "Migrate | Look for the guest"}
    assert looked == {"kvm01", "kvm02"}, run.output


def test_hosts_in_a_plan(machine: Machine) -> None:
    playbook, questions = survey(next(one for one in PATTERNS if one.name == "evacuate_host"))
    moves = [{**GUEST, "from": "kvm01", "to": name} for name in [*machine.names(), "", None, 7, "kvm02"]]
    for plan, told in (
        ({"guests": moves}, [*machine.names(), "None", "7"]),
        ({"guests": [{**GUEST, "from": "kvm01"}]}, ["a move without a destination"]),
        ({"guests": "kvm02"}, ["a move without a destination"]),
    ):
        refused(machine.run(playbook, **answers_to(questions, live_migration_plan=json.dumps(plan))), *told)


GOES = {**GUEST, "from": "kvm01", "to": "kvm02"}
RULES: dict[str, t.Any] = {
    **{name: [] for name in ("guests", "groups", "hosts", "uplinks", "metadata_may")},
    "destinations": ["kvm02"],
    "policy": "minimal_downtime",
    "policy_overrides": {},
}
ODD_PLANS: list[tuple[dict[str, t.Any], list[str]]] = [
    (
        {
            "guests": [
                {**GUEST, "to": "kvm02"},
                {**GOES, "name": 5},
                {**GOES, "order": "first"},
                {**GOES, "policy_overrides": "max_pause_s=9"},
                {**GOES, "policy_overrides": {"max_downtime_ms": float("nan")}},
                {**GOES, "policy_overrides": {"postcopy": "perhaps"}},
                {**GOES, "sent_bytes": -1},
            ],
            "shutdown": "erp01",
            "left": [{"name": "erp01"}],
            "rules": {"guests": [], "policy_overrides": {}},
        },
        [
            "not all of guests have a text as from",
            "not all of guests have a text as name",
            "not all of guests have a whole number as order",
            "policy_overrides is no dictionary",
            "max_downtime_ms is 'NaN', but must be",  # as YAML reads JSON
            "postcopy is 'perhaps', but must be",
            "sent_bytes of 'erp01' is -1, but must be",
            "shutdown is no list",
            "not all of left have a text as uuid",
            "rules have no list uplinks",
            "rules have no policy",
        ],
    ),
    ({"guests": None, "rules": ["policy"]}, ["guests is no list", "rules is no dictionary"]),
    ({"rules": {}}, ["guests is no list"]),
    ({"guests": [GOES, GOES]}, ["is in it twice"]),
    (
        {"guests": [GOES], "rules": {**RULES, "uplinks": [{"name": "rack", "mib_per_s": float("inf")}]}},
        ["uplinks[0].mib_per_s is inf, but must be more than 0"],
    ),
]
PLAN_IDS = ["in its parts", "as a whole", "without guests", "a guest twice", "in its rules"]


@pytest.mark.parametrize(("plan", "problems"), ODD_PLANS, ids=PLAN_IDS)
@pytest.mark.fast
def test_a_plan_that_is_none_is_refused_before_the_host_is_marked(
    machine: Machine, plan: dict[str, t.Any], problems: list[str]
) -> None:
    playbook, questions = survey(next(one for one in PATTERNS if one.name == "evacuate_host"))
    run = machine.run(playbook, **answers_to(questions, live_migration_plan=json.dumps(plan)))
    assert run.code != 0, run.output
    for problem in [*problems, "This is no plan", "Nothing was changed."]:
        assert problem in run.failure, run.output


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"evacuate_host_plan": {"guests": [{**GOES, "policy_overrides": {"deadline_s": float("inf")}}]}},
            "deadline_s is inf",
        ),
        ({"evacuate_host_guests": [{"name": "erp01"}]}, "destination"),
        (
            {"evacuate_host_guests": [{"name": "erp01", "strategy": "leave", "policy_overrides": {"max_pause_s": -1}}]},
            "max_pause_s is -1",
        ),
        ({"evacuate_host_guest_options": [{"name": "erp*", "policy": "yolo"}]}, "yolo"),
        (
            {"evacuate_host_guest_options": [{"name": "erp*", "policy_overrides": {"patience": 1}}]},
            "no field 'patience'",
        ),
        ({"evacuate_host_policy_overrides": {"max_data_factor": float("nan")}}, "max_data_factor is nan"),
        ({"evacuate_host_groups": [{"name": "g", "guests": ["erp01"], "rule": "beside"}]}, "beside"),
    ],
)
def test_the_role_refuses_before_the_host_is_marked(machine: Machine, given: dict[str, t.Any], problem: str) -> None:
    run = machine.ansible.role("evacuate_host", "kvm01", evacuate_host_destinations=["kvm02"], **given)
    assert run.changed == [], run.output
    assert problem in run.failure, run.output


@each_pattern
def test_what_is_said_of_single_guests_is_refused_at_once(machine: Machine, pattern: Path) -> None:
    playbook, questions = survey(pattern)
    odd = [{"name": "erp01", "policy_overrides": {"max_downtime_ms": float("nan")}}]
    run = machine.run(playbook, **answers_to(questions, live_migration_guest_options=odd))
    assert run.code != 0, run.output
    assert "max_downtime_ms is nan" in run.failure, run.output


@each_pattern
def test_uris_that_are_not_asked_for_run_nothing_either(machine: Machine, pattern: Path) -> None:
    """Where variables are asked for at launch, these can be set. Programs are refused all the same."""
    playbook, questions = survey(pattern)
    uris = machine.uris()
    for name in ("ext", "command") if pattern.name == "migrate_guest" else ("ext",):
        run = machine.run(
            playbook, **answers_to(questions, live_migration_hosts="kvm01", live_migration_uri=uris[name])
        )
        assert run.code != 0, run.output
        assert "uri" in run.output
    for name in ("command", "netcat", "shell", "option") if pattern.name == "migrate_guest" else ("shell",):
        given = uris[name].replace("127.0.0.1", "{host}")
        machine.run(
            playbook, **answers_to(questions, live_migration_hosts="kvm01", live_migration_destination_uri=given)
        )


def test_these_attacks_are_real(machine: Machine) -> None:
    """With what the modules refuse allowed, the program is run."""
    machine.canary.unlink(missing_ok=True)
    uri = machine.uris()["ext"]
    refused, taken = machine.ansible.run(
        "kvm01",
        task("migration_job_info", uri=uri),
        task("migration_job_info", uri=uri, uri_allow=["ext", "command"], timeout_s=30),
    )
    assert refused["reason"] == "URI_NOT_ALLOWED"
    assert machine.canary.read_text(encoding="utf-8") == "ran\n", taken


@pytest.mark.parametrize("role", ["evacuate_host", "return_home"])
def test_roles_refuse_hosts_that_are_not_of_the_inventory(machine: Machine, role: str) -> None:
    variable = {"evacuate_host": "evacuate_host_destinations", "return_home": "return_home_hosts"}[role]
    names = [name for name in machine.names() if name != "web01"]
    for given, told in (
        ({variable: ["kvm02", "web01", *names]}, ", ".join(names)),
        ({variable: ["kvm02", "web01"], f"{role}_allowed_hosts": "hypervisors"}, "web01"),
    ):
        run = machine.ansible.role(role, "kvm01", **given)
        assert run.changed == []
        assert f"No hosts of the inventory that {role}_allowed_hosts admits: {told}." in run.failure, run.output


def test_a_guest_is_a_host_of_the_inventory_too(machine: Machine) -> None:
    given = {"guest_quiesce_method": "inventory", "guest_quiesce_units": ["app"]}
    run = machine.ansible.role("guest_quiesce", "kvm01", **given, guest_quiesce_inventory_host="root@127.0.0.1")
    assert run.changed == []
    assert run.failure.startswith("root@127.0.0.1 is no host of the inventory"), run.output


@pytest.mark.fast
def test_no_password_is_printed(machine: Machine) -> None:
    secret = "hunter2-open"
    for variable, uri in (
        ("live_migration_uri", f"qemu+tcp://kvm01/system?password={secret}"),
        ("live_migration_uri", f"qemu+ssh://root:{secret}@[broken/system"),
        ("live_migration_destination_uri", f"qemu+ssh:/root:{secret}@{{host}}/system"),
        ("live_migration_migrate_uri", f"tcp://root:{secret}@{{host}}:port"),
    ):
        # In a file, since -vvv begins with the command.
        answers = machine.directory / "answers.json"
        answers.write_text(json.dumps({**PLAIN, variable: uri}), encoding="utf-8")
        run = machine.run(f"{COLLECTION}.migrate", "-vvv", "--check", "-e", f"@{answers}")
        assert run.code != 0, run.output
        assert secret not in run.output, (variable, run.output)


def test_an_inventory_without_hosts(tmp_path: Path) -> None:
    empty = Ansible(tmp_path, json.dumps({"all": {"hosts": {}}}))
    for name in ("diagnose", "evacuate"):
        run = empty.playbook(f"{COLLECTION}.{name}", **PLAIN)
        assert run.code != 0, run.output
        assert "The inventory has no hosts" in run.failure, run.output
