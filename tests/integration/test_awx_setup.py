# SPDX-License-Identifier: GPL-3.0-or-later
"""The role awx_setup with the real modules of awx.awx, against a part of AWX's API in memory.

The modules check our calls by their own argument specifications. The API shows the order of calls, that a second run
changes nothing, that check mode writes nothing, and what is removed. It is no AWX.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from bench.awx_api import Api, Server
from bench.runs import PROGRAMS, ROOT, Ansible, Run

# tests/setup/awx puts it there.
AWX = Path(os.environ.get("AWX_COLLECTIONS") or Path(sys.executable).parents[1] / "awx")
PLAYBOOK = "virtops.live_migration.awx_setup"
SECRET = "pr1vate-and-open"
PATTERNS = sorted((ROOT / "extensions" / "patterns").glob("*/meta/pattern.json"))
TEMPLATES = [f"{PLAYBOOK} : Templates | Job templates"]
NODES = ["readiness", "approval", "evacuate", "rescue", "return_home"]


@pytest.fixture
def ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ansible:
    assert (AWX / "ansible_collections" / "awx" / "awx").is_dir(), f"no awx.awx in {AWX}: run tests/setup/awx"
    made = Ansible(tmp_path, "all: {}\n")
    made.collections = f"{made.collections}:{AWX}"
    return made


@pytest.fixture
def server() -> t.Iterator[Server]:
    with Server() as running:
        yield running


def role_variables(server: Server) -> dict[str, t.Any]:
    return {
        "awx_setup_host": server.url,
        "awx_setup_username": "admin",
        "awx_setup_password": SECRET,
        "awx_setup_project": {"scm_url": "https://git.example.com/live_migration.git", "scm_branch": "main"},
        "awx_setup_image": "hub.example.com/virtops/live-migration-ee",
        "awx_setup_inventory": "Hypervisors",
        "awx_setup_hosts": ["kvm01", {"name": "kvm02", "variables": {"ansible_host": "192.0.2.2"}}],
        "awx_setup_credentials": [
            "Hypervisors SSH",
            {"name": "Vault", "credential_type": "Vault", "inputs": {"vault_password": SECRET}},
        ],
        "awx_setup_extra_vars": {"live_migration_allowed_hosts": "all"},
        "awx_setup_pattern_vars": {"evacuate_host": {"live_migration_between": "/runner/project/patch.yml"}},
        "awx_setup_more_templates": [{"name": "KVM / Diagnose", "playbook": "playbooks/diagnose.yml"}],
        "awx_setup_workflow_hosts": "kvm01,kvm02",
        "awx_setup_approval_timeout_s": 3600,
    }


def run(ansible: Ansible, server: Server, *options: str, **more: t.Any) -> Run:
    done = ansible.playbook(PLAYBOOK, *options, **{**role_variables(server), **more})
    assert done.code == 0, done.output
    assert SECRET not in done.output
    return done


def shape(api: Api) -> dict[str, set[str]]:
    return {kind: {str(one.get("name") or one.get("identifier")) for one in api.objects[kind].values()} for kind in (
        *("labels", "execution_environments", "credentials", "inventories", "hosts", "projects"),
        *("job_templates", "workflow_job_templates", "workflow_job_template_nodes"),
    )}  # fmt: skip


def test_made_once_then_unchanged_then_removed(ansible: Ansible, server: Server) -> None:
    before = copy.deepcopy(shape(server.api))
    would = run(ansible, server, "--check")
    assert server.api.changes == []
    assert would.changed
    for name in ("KVM / Evacuate hosts", "KVM / Patch night", "kvm01"):
        assert name in would.output

    run(ansible, server)
    everything_is_there(server.api)
    made = shape(server.api)

    server.api.changes.clear()
    again = run(ansible, server)
    assert (again.changed, server.api.changes) == ([], [])
    removal = run(ansible, server, "--check", awx_setup_state="absent")
    assert removal.changed
    assert (server.api.changes, shape(server.api)) == ([], made)
    run(ansible, server, awx_setup_state="absent")
    # AWX removes labels and nodes itself.
    before["labels"], before["workflow_job_template_nodes"] = made["labels"], made["workflow_job_template_nodes"]
    assert shape(server.api) == before


def everything_is_there(api: Api) -> None:
    templates = [
        (json.loads(path.read_text(encoding="utf-8")), template)
        for path in PATTERNS
        for template in json.loads(path.read_text(encoding="utf-8"))["aap_resources"]["controller_job_templates"]
    ]
    inventory, project = api.named("inventories", "Hypervisors"), api.named("projects", "virtops.live_migration")
    environment = api.named("execution_environments", "KVM live migration")
    assert environment["image"] == "hub.example.com/virtops/live-migration-ee"
    assert (project["scm_type"], project["scm_branch"]) == ("git", "main")
    assert api.names("job_templates") == {"KVM / Diagnose", *(template["name"] for _pattern, template in templates)}
    labels = {api.objects["labels"][number]["name"]: number for number in api.objects["labels"]}
    for pattern, template in templates:
        made = api.named("job_templates", template["name"])
        assert made["playbook"] == f"extensions/patterns/{pattern['name']}/playbooks/{template['playbook']}"
        assert api.surveys["job_templates", made["id"]] == template["survey"]
        asked = {key: value for key, value in template.items() if key.startswith("ask_")}
        assert asked.items() <= made.items()
        assert made["survey_enabled"] is True
        assert (made["project"], made["inventory"], made["execution_environment"]) == (
            *(project["id"], inventory["id"], environment["id"]),
        )
        linked = api.links["job_templates", made["id"], "labels"]
        assert sorted(linked) == sorted(labels[name] for name in template["labels"])
        assert len(api.links["job_templates", made["id"], "credentials"]) == 2
    variables = json.loads(api.named("job_templates", "KVM / Evacuate hosts")["extra_vars"])
    assert variables == {
        "live_migration_allowed_hosts": "all",
        "live_migration_between": "/runner/project/patch.yml",
    }
    assert json.loads(api.named("hosts", "kvm02")["variables"]) == {"ansible_host": "192.0.2.2"}
    workflow_is_there(api)


def workflow_is_there(api: Api) -> None:
    workflow = api.named("workflow_job_templates", "KVM / Patch night")
    asked = {one["variable"] for one in api.surveys["workflow_job_templates", workflow["id"]]["spec"]}
    assert "live_migration_policy" in asked
    assert "live_migration_hosts" not in asked
    nodes = {one["identifier"]: one for one in api.objects["workflow_job_template_nodes"].values()}
    assert sorted(nodes) == sorted(NODES)
    links = ("success_nodes", "failure_nodes", "always_nodes")
    assert {name: [api.linked(nodes[name], kind) for kind in links] for name in NODES} == {
        "readiness": [["approval"], [], []],
        "approval": [["evacuate"], [], []],
        "evacuate": [["return_home"], ["rescue"], []],
        "rescue": [[], [], ["return_home"]],
        "return_home": [[], [], []],
    }
    assert nodes["evacuate"]["extra_data"]["live_migration_hosts"] == "kvm01,kvm02"
    assert nodes["readiness"]["extra_data"]["live_migration_fail_on"] == "nowhere"
    approval = api.objects["workflow_approval_templates"][nodes["approval"]["unified_job_template"]]
    assert approval["timeout"] == 3600


@pytest.mark.wide
def test_what_was_there_before_stays_and_what_was_changed_by_hand_is_put_right(
    ansible: Ansible, server: Server
) -> None:
    own = server.api.add("inventories", {"name": "Hypervisors", "organization": 1, "description": "Ours"})
    server.api.add("hosts", {"name": "kvm01", "inventory": own["id"], "description": "", "variables": "a: 1"})
    before = copy.deepcopy(own)
    run(ansible, server, awx_setup_workflow_hosts="")
    assert server.api.named("inventories", "Hypervisors") == before
    number = server.api.named("job_templates", "KVM / Rescue a stuck migration")["id"]
    right = server.api.surveys["job_templates", number]
    server.api.surveys["job_templates", number] = {**right, "spec": right["spec"][1:]}
    assert run(ansible, server, "--check", awx_setup_workflow_hosts="").changed == TEMPLATES
    assert run(ansible, server, awx_setup_workflow_hosts="").changed == TEMPLATES
    assert server.api.surveys["job_templates", number] == right
    run(ansible, server, awx_setup_state="absent", awx_setup_workflow_hosts="")
    assert server.api.named("inventories", "Hypervisors") == before
    assert server.api.names("hosts") == {"kvm01"}


@pytest.mark.fast
def test_written_for_aap_configuration_without_a_collection_for_awx(tmp_path: Path, server: Server) -> None:
    bare = Ansible(tmp_path, "all: {}\n")
    refused = bare.playbook(PLAYBOOK, **role_variables(server), awx_setup_collections=["awx.nowhere"])
    assert refused.code != 0
    assert "None of the collections awx.nowhere is installed" in refused.failure
    path = tmp_path / "live_migration.yml"
    done = run(bare, server, awx_setup_apply=False, awx_setup_file=str(path))
    assert server.api.requests == []
    text = path.read_text(encoding="utf-8")
    assert SECRET not in text
    lists = yaml.safe_load(text)
    assert set(lists) == {
        *("controller_labels", "controller_credentials", "controller_execution_environments", "controller_projects"),
        *("controller_inventories", "controller_hosts", "controller_templates", "controller_workflows"),
    }
    assert done.changed == [f"{PLAYBOOK} : Write it for infra.aap_configuration"]


@pytest.mark.fast
def test_the_lists_fit_the_modules_that_aap_configuration_calls(tmp_path: Path, server: Server) -> None:
    """Each field of an item is an option of the module of its kind, as ansible-doc has it."""
    bare = Ansible(tmp_path, "all: {}\n")
    path = tmp_path / "lists.yml"
    run(bare, server, awx_setup_apply=False, awx_setup_file=str(path))
    lists = yaml.safe_load(path.read_text(encoding="utf-8"))
    kinds = {
        "label": lists["controller_labels"],
        "credential": lists["controller_credentials"],
        "execution_environment": lists["controller_execution_environments"],
        "project": lists["controller_projects"],
        "inventory": lists["controller_inventories"],
        "host": lists["controller_hosts"],
        "job_template": lists["controller_templates"],
        "workflow_job_template": [
            {key: value for key, value in one.items() if key != "simplified_workflow_nodes"}
            for one in lists["controller_workflows"]
        ],
        "workflow_job_template_node": lists["controller_workflows"][0]["simplified_workflow_nodes"],
    }
    command = [str(PROGRAMS / "ansible-doc"), "--json", *(f"awx.awx.{kind}" for kind in kinds)]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(AWX)}
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, cwd=tmp_path)
    documented = json.loads(told.stdout)
    for kind, items in kinds.items():
        options = documented[f"awx.awx.{kind}"]["doc"]["options"]
        known = set(options) | {alias for one in options.values() for alias in one.get("aliases", ())}
        assert items, kind
        for item in items:
            assert set(item) <= known, (kind, set(item) - known)
