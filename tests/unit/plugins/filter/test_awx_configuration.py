# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.awx_configuration import DOCUMENTATION, awx_configuration
from ansible_collections.virtops.live_migration.plugins.filter.installed_collections import installed_collections
from ansible_collections.virtops.live_migration.plugins.plugin_utils._awx import OPTIONS

ROOT = Path(__file__).resolve().parents[4]
PATTERNS = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "extensions" / "patterns").glob("*/meta/pattern.json"))
]
PROJECT = {"scm_url": "https://git.example.com/live_migration.git"}
Lists = dict[str, list[dict[str, t.Any]]]


def made(**options: t.Any) -> Lists:
    return awx_configuration(PATTERNS, **{"project": PROJECT, **options})


def templates(lists: Lists) -> dict[str, dict[str, t.Any]]:
    return {one["name"]: one for one in lists["controller_templates"]}


def nodes(lists: Lists) -> dict[str, dict[str, t.Any]]:
    (workflow,) = lists["controller_workflows"]
    return {one["identifier"]: one for one in workflow["simplified_workflow_nodes"]}


def test_the_options_are_those_that_are_documented_and_that_the_role_hands_on() -> None:
    documented = set(yaml.safe_load(DOCUMENTATION)["options"]) - {"_input"}
    assert documented == set(OPTIONS)
    role = (ROOT / "roles" / "awx_setup" / "tasks" / "main.yml").read_text(encoding="utf-8")
    assert {name for name in OPTIONS if f"           {name}=" in role} == set(OPTIONS)


def test_each_job_template_of_each_pattern_is_there_with_its_survey() -> None:
    found = templates(made())
    wanted = [
        (pattern["name"], one) for pattern in PATTERNS for one in pattern["aap_resources"]["controller_job_templates"]
    ]
    assert len(found) == len(wanted)
    for pattern, one in wanted:
        template = found[one["name"]]
        assert template["survey_spec"] == one["survey"]
        assert template["playbook"] == f"extensions/patterns/{pattern}/playbooks/{one['playbook']}"
        assert {key: value for key, value in one.items() if key.startswith("ask_")}.items() <= template.items()
        assert (template["survey_enabled"], template["allow_simultaneous"], template["job_slice_count"]) == (
            True,
            False,
            1,
        )
        assert not {"primary", "survey", "inventory", "credentials", "extra_vars"} & set(template)


def test_without_wishes_there_is_neither_inventory_nor_workflow() -> None:
    lists = made()
    for name in ("controller_inventories", "controller_hosts", "controller_workflows", "controller_credentials"):
        assert lists[name] == []
    (project,) = lists["controller_projects"]
    assert (project["scm_type"], project["scm_url"], project["organization"]) == ("git", PROJECT["scm_url"], "Default")
    (environment,) = lists["controller_execution_environments"]
    assert (environment["image"], "image_name" in environment) == ("virtops/live-migration-ee", False)
    assert [one["name"] for one in lists["controller_labels"]] == ["kvm", "live_migration"]


def test_variables_of_all_and_of_one_pattern() -> None:
    found = templates(made(extra_vars={"a": 1, "b": 2}, pattern_vars={"evacuate_host": {"b": 3}}))
    assert found["KVM / Evacuate hosts"]["extra_vars"] == {"a": 1, "b": 3}
    assert found["KVM / Bring guests home"]["extra_vars"] == {"a": 1, "b": 2}


def test_a_project_of_ones_own() -> None:
    found = templates(
        made(playbook_path="{playbook}", become=True, more_templates=[{"name": "x", "playbook": "x.yml"}])
    )
    assert found["KVM / Evacuate hosts"]["playbook"] == "evacuate.yml"
    assert found["KVM / Evacuate hosts"]["become_enabled"] is True
    assert found["x"] == {
        "name": "x",
        "playbook": "x.yml",
        "organization": "Default",
        "project": "virtops.live_migration",
        "execution_environment": "KVM live migration",
    }


def test_no_secret_is_in_it() -> None:
    given = {"name": "root", "credential_type": "Machine", "inputs": {"password": "s3same"}}
    lists = made(credentials=["ssh", given], inventory="Hypervisors")
    assert "s3same" not in json.dumps(lists)
    assert [one["name"] for one in lists["controller_credentials"]] == ["root"]
    assert templates(lists)["KVM / Evacuate hosts"]["credentials"] == ["ssh", "root"]


def test_the_workflow_goes_from_readiness_to_the_return() -> None:
    found = nodes(made(workflow_hosts="kvm01", inventory="Hypervisors", credentials=["ssh"], approval_timeout_s=60))
    steps = {
        name: (node.get("success_nodes"), node.get("failure_nodes"), node.get("always_nodes"))
        for name, node in found.items()
    }
    assert steps == {
        "readiness": (["approval"], None, None),
        "approval": (["evacuate"], None, None),
        "evacuate": (["return_home"], ["rescue"], None),
        "rescue": (None, None, ["return_home"]),
        "return_home": (None, None, None),
    }
    for name, node in found.items():
        if name != "approval":
            # AWX refuses a node without an inventory, and one with a credential that its template has.
            assert (node["inventory"], "credentials" in node) == ("Hypervisors", False), name
    assert found["approval"]["approval_node"]["timeout"] == 60


def test_the_nodes_say_only_what_their_surveys_ask_for() -> None:
    """AWX refuses a node with another variable. What the workflow asks goes over what a node says."""
    lists = made(workflow_hosts="kvm01", inventory="Hypervisors")
    (workflow,) = lists["controller_workflows"]
    asked = {one["variable"] for one in workflow["survey_spec"]["spec"]}
    for node in nodes(lists).values():
        if "extra_data" in node:
            template = templates(lists)[node["unified_job_template"]]
            questions = {one["variable"]: one for one in template["survey_spec"]["spec"]}
            assert set(node["extra_data"]) <= set(questions)
            assert not asked & set(node["extra_data"])
            for variable, value in node["extra_data"].items():
                assert value in questions[variable].get("choices", [value])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"project": {}}, "no scm_url"),
        ({"project": {"scm_type": "git"}}, "no scm_url"),
        ({"project": {"scm_url": "https://ci:hunter2@git.example.com/a.git"}}, "a password in scm_url"),
        ({"project": {"scm_url": "https://oauth2:a@b/c@git.example.com/a.git"}}, "a password in scm_url"),
        ({"hosts": ["kvm01"]}, "no name in inventory"),
        ({"workflow_hosts": "kvm01"}, "inventory has to be named for a workflow"),
        ({"workflow_host": "kvm01"}, "workflow_host is no option"),
        ({"pattern_vars": {"evacuate": {"a": 1}}}, "no such pattern"),
        ({"hosts": [7], "inventory": "x"}, "hosts have to be names"),
        ({"credentials": [{"inputs": {}}]}, "credentials have to be names"),
        ({"credentials": [""]}, "credentials have to be names"),
        ({"inventory": 83}, "inventory is 83, but must be a text"),
        ({"organization": False}, "organization is False"),
    ],
)
def test_wishes_that_cannot_be_fulfilled(options: dict[str, t.Any], told: str) -> None:
    with pytest.raises(AnsibleFilterError, match=told):
        made(**options)


def test_patterns_have_to_agree_on_the_project_and_be_there_for_the_workflow() -> None:
    other = json.loads(json.dumps(PATTERNS[0]))
    other["aap_resources"]["controller_project"]["name"] = "another"
    with pytest.raises(AnsibleFilterError, match="do not agree on one controller_project"):
        awx_configuration([*PATTERNS[1:], other], project=PROJECT)
    few = [one for one in PATTERNS if one["name"] != "evacuate_host"]
    with pytest.raises(AnsibleFilterError, match="none of the name evacuate_host"):
        awx_configuration(few, project=PROJECT, workflow_hosts="kvm01")
    with pytest.raises(AnsibleFilterError, match="do not agree"):
        awx_configuration([], project=PROJECT)


def test_which_collections_are_installed() -> None:
    ours, nowhere = "virtops.live_migration", "virtops.nowhere"
    assert installed_collections([nowhere, ours, "nobody.nothing", "os", "a.b.c", 7]) == [ours]
    assert installed_collections(ours) == [ours]


@pytest.mark.parametrize(
    "url", ["git@git.example.com:a.git", "ssh://git@git.example.com:2222/a.git", "https://git.example.com/a:b@c.git"]
)
def test_urls_without_a_password(url: str) -> None:
    assert made(project={"scm_url": url})["controller_projects"][0]["scm_url"] == url


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(AnsibleFilterError) as error:
        made(project={"scm_url": "https://ci:hunter2@git.example.com/a.git"})
    assert "hunter2" not in str(error.value)
