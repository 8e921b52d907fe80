# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to surveys arrive as text, those that nobody gave as empty text: what the playbooks make of them."""

from __future__ import annotations

import itertools
import json
import typing as t
from pathlib import Path

import pytest
import yaml
from bench.runs import ROOT, Ansible, Result, Run, unsafe

PLAYBOOKS = ROOT / "playbooks"
PATTERNS = sorted((ROOT / "extensions" / "patterns").iterdir())
NUMBERS = {
    "live_migration_max_downtime_ms": "2000",
    "live_migration_max_pause_s": "1.5",
    "live_migration_timeout_s": "600",
    "live_migration_bandwidth_mib_per_s": "0",
    "live_migration_link_mib_per_s": "45.6",
}
TEXTS = {
    **NUMBERS,
    "live_migration_hosts": "nobody",
    "live_migration_guest": "erp01",
    "live_migration_guests": '["erp01", "crm, the old one"]',
    "live_migration_destination": "kvm02",
    "live_migration_serial": "50%",
    "live_migration_pool": "kvm01\nkvm02\n",
    "live_migration_leave": "- pinned01\n- pinned02",
    "live_migration_shutdown": "test01,test02",
    "live_migration_plan": '{"guests": []}',
    "live_migration_return": "true",
    "live_migration_postcopy": "if_needed",
    "live_migration_policy": "post_copy",
}

WRONG = {
    "live_migration_max_downtime_ms": "soon",
    "live_migration_link_mib_per_s": "10 Gbit/s",
    "live_migration_return": "perhaps",
    "live_migration_plan": "{broken",
    "live_migration_on_hopeless": "kill",
    "live_migration_fail_on": "always",
    "live_migration_policy": "yolo",
}


LIST = "virtops.live_migration.name_list"
NUMBERS_FOR_NAMES: dict[str, t.Any] = {
    "live_migration_guest": 83,
    "live_migration_guests": [1.1, "erp01"],
    "live_migration_pool": 0,
    "live_migration_leave": False,
    "live_migration_shutdown": [True],
    "live_migration_copy_storage": [None],
}
LIKE_YAML = {
    "live_migration_guest": "0123",
    "live_migration_guests": "1.10",
    "live_migration_pool": "0",
    "live_migration_leave": "no",
    "live_migration_shutdown": "true",
    "live_migration_copy_storage": "2024-01-02",
}
IN_LISTS = {
    "live_migration_guests": '["0123", "1.10", "no", "true", "1001"]',
    "live_migration_pool": "0123\n1.10\nno\ntrue\n1001",
    "live_migration_leave": "- 0123\n- 1.10\n- no\n- true\n- 1001\n",
    "live_migration_shutdown": "0123,1.10,no,true,1001",
    "live_migration_copy_storage": "[0123, 1.10, no, true, 1001]",
}


# What AWX's file makes of them on ansible-core 2.19 and later: numbers, truth values, a date.
RETYPED = ("0123", "1.10", "no", "1001", "0x1f", "true", "0", "1_000", "2024-01-02")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """Ansible without a lab."""
    return Ansible(tmp_path_factory.mktemp("answers"), json.dumps({"all": {"hosts": {"kvm01": {}, "kvm02": {}}}}))


def surveys() -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for pattern in PATTERNS:
        definition = json.loads((pattern / "meta" / "pattern.json").read_text(encoding="utf-8"))
        (template,) = definition["aap_resources"]["controller_job_templates"]
        yield Path(template["playbook"]).stem, template["survey"]


def specified(playbook: str) -> set[str]:
    content = yaml.safe_load((PLAYBOOKS / f"{playbook}.meta.yml").read_text(encoding="utf-8"))
    return set(content["argument_specs"][playbook]["options"])


def check(bare: Ansible, answers: t.Mapping[str, t.Any], as_awx: bool = False) -> Run:
    """Only the first step of each playbook that a pattern has, with the same answers for all; each may fail."""
    for path in [*PLAYBOOKS.glob("*.meta.yml"), PLAYBOOKS / "tasks"]:
        link = bare.directory / path.name
        if not link.exists():
            link.symlink_to(path)
    tasks = [
        {
            "name": name,
            "block": [{"ansible.builtin.include_tasks": "tasks/check_answers.yml", "vars": {"__answers_to": name}}],
            "rescue": [{"name": f"Refused {name}", "ansible.builtin.debug": {"var": "ansible_failed_result.msg"}}],
        }
        for name, _survey in surveys()
    ]
    path = bare.directory / "check.yml"
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    if as_awx:
        run = bare.playbook(str(path), "-e", f"@{unsafe(bare.directory, answers)}")
    else:
        run = bare.playbook(str(path), **answers)
    assert run.code == 0, run.output
    return run


def told(run: Run) -> dict[str, str]:
    """By playbook, why it was refused."""
    return {
        record["task"].split()[-1]: record["result"]["ansible_failed_result.msg"]
        for record in run.tasks
        if record["task"].startswith("Refused ")
    }


def refused(run: Run) -> set[str]:
    return {record["task"].split()[-1] for record in run.tasks if record["task"].startswith("Refused ")}


@pytest.mark.parametrize("nothing", ["", None])
@pytest.mark.fast
def test_questions_that_nobody_answered(bare: Ansible, nothing: t.Optional[str]) -> None:
    blank = {question["variable"]: nothing for _name, survey in surveys() for question in survey["spec"]}
    needed = ("live_migration_hosts", "live_migration_guest", "live_migration_guests", "live_migration_destination")
    assert refused(check(bare, {**blank, **{name: TEXTS[name] for name in needed}})) == set()


def test_numbers_booleans_and_lists_as_text(bare: Ansible) -> None:
    assert refused(check(bare, TEXTS)) == set()


@pytest.mark.fast
def test_wrong_answers_are_refused_by_name(bare: Ansible) -> None:
    """All at once: each playbook names those of its variables that are wrong, and no other ones."""
    run = check(bare, {**TEXTS, **WRONG})
    for name, survey in surveys():
        wrong = {question["variable"] for question in survey["spec"]} & set(WRONG)
        assert {variable for variable in WRONG if variable in told(run).get(name, "")} == wrong, name
    assert told(run)


def test_names_that_are_no_texts_are_refused(bare: Ansible) -> None:
    """As JSON, numbers and truth values are none in every version."""
    run = check(bare, {**TEXTS, **NUMBERS_FOR_NAMES})
    for name, _survey in surveys():
        wrong = specified(name) & set(NUMBERS_FOR_NAMES)
        assert {one for one in NUMBERS_FOR_NAMES if f"{one} is " in told(run).get(name, "")} == wrong, name
        assert '["0123"]' in told(run).get(name, '["0123"]')
    assert told(run)


def test_lists_of_dictionaries_are_no_texts(bare: Ansible) -> None:
    """What an administrator says of single guests, and of those that belong together; the names in it are texts."""
    entries = [
        {"name": "db*", "policy": "post_copy", "copy_storage": "all", "copy_disks": ["vda"]},
        {"name": "erp01", "policy_overrides": {"max_downtime_ms": 500}},
    ]
    groups = [{"name": "pair", "guests": ["erp01", "crm01"], "rule": "apart", "hard": True}]
    given = {"live_migration_guest_options": entries, "live_migration_groups": groups}
    assert told(check(bare, {**TEXTS, **given})) == {}
    retyped = {
        "live_migration_guest_options": [{"name": 83, "policy": "post_copy"}],
        "live_migration_groups": [{"name": "pair", "guests": ["erp01", True], "rule": "apart"}],
    }
    found = told(check(bare, {**TEXTS, **retyped}))
    for name, _survey in surveys():
        wrong = specified(name) & set(retyped)
        assert {one for one in retyped if f"a name in {one} is " in found.get(name, "")} == wrong, name
    assert found


def test_texts_that_look_like_yaml_are_never_other_names(bare: Ansible) -> None:
    """AWX's own file: ansible-core from 2.19 on makes numbers of them, and then they are refused."""
    version = core(bare)
    run = check(bare, {**TEXTS, **LIKE_YAML}, as_awx=True)
    if version < (2, 19):
        assert told(run) == {}
    for name, _survey in surveys():
        wrong = specified(name) & set(LIKE_YAML)
        if version >= (2, 19):
            assert {one for one in LIKE_YAML if f"{one} is " in told(run).get(name, "")} == wrong, name


def core(bare: Ansible) -> tuple[int, ...]:
    return tuple(int(part) for part in bare.version().split(".")[:2])


def texts_of(playbook: str, survey: Result) -> set[str]:
    """The questions of a survey that want a text; a number of hosts may be a number."""
    content = yaml.safe_load((PLAYBOOKS / f"{playbook}.meta.yml").read_text(encoding="utf-8"))
    options = content["argument_specs"][playbook]["options"]
    kinds = {one["variable"]: options[one["variable"]] for one in survey["spec"]}
    texts = {name for name, option in kinds.items() if option["type"] in ("str", "list") and "choices" not in option}
    return texts - {"live_migration_serial"}


@pytest.mark.parametrize("shift", [0, 3, 6])
def test_every_name_of_every_survey_is_refused_where_it_was_retyped(bare: Ansible, shift: int) -> None:
    wanted = {name: texts_of(name, survey) for name, survey in surveys()}
    names = sorted(set().union(*wanted.values()))
    written = {name: RETYPED[(number + shift) % len(RETYPED)] for number, name in enumerate(names)}
    found = told(check(bare, {**TEXTS, **written}, as_awx=True))
    for name, variables in wanted.items():
        expected = variables if core(bare) >= (2, 19) else set()
        assert {one for one in variables if f"{one} is " in found.get(name, "")} == expected, name
        assert not expected or '["0123"]' in found[name]


# Neither asks for hosts: one is for AWX itself, the other is told of a host by an event.
WITHOUT_HOSTS = {"awx_setup", "rescue_by_event"}
ALL_PLAYBOOKS = sorted({path.name.split(".")[0] for path in PLAYBOOKS.glob("*.meta.yml")} - WITHOUT_HOSTS)


@pytest.mark.parametrize(
    ("playbook", "written"), list(zip(ALL_PLAYBOOKS, itertools.cycle(["1001", "true", "0", "[1001]"])))
)
def test_hosts_that_are_no_text_end_in_no_traceback(bare: Ansible, playbook: str, written: str) -> None:
    path = unsafe(bare.directory, {**TEXTS, "live_migration_hosts": written})
    run = bare.playbook(f"virtops.live_migration.{playbook}", "-e", f"@{path}")
    assert run.code != 0
    assert "Traceback" not in run.output
    assert "has no filter" not in run.output
    refused_as_name = "Give one name a line, or a list in JSON" in run.output
    assert refused_as_name or f"No host of the inventory matches '{written.strip('[]')}'" in run.output, run.output
    assert {record["host"] for record in run.tasks} <= {"localhost"}


@pytest.mark.parametrize("playbook", ALL_PLAYBOOKS)
def test_a_pattern_that_matches_nothing_fails(bare: Ansible, playbook: str) -> None:
    run = bare.playbook(f"virtops.live_migration.{playbook}", "-e", f"@{unsafe(bare.directory, TEXTS)}")
    assert run.code != 0
    assert "No host of the inventory matches 'nobody'" in run.output


def allowed(bare: Ansible, playbook: str, **answers: str) -> str:
    """What is told that may be done to a guest; nobody answers at those hosts."""
    common = {"live_migration_guest": "erp01", "live_migration_destination": "kvm02"}
    path = unsafe(bare.directory, {**common, **answers})
    run = bare.playbook(f"virtops.live_migration.{playbook}", "-e", f"@{path}")
    told = [one["result"]["msg"] for one in run.tasks if one["task"] == "Answers | Tell what may be done to a guest"]
    assert told, run.output
    return str(told[0])


def test_the_policy_says_what_is_left_empty(bare: Ansible) -> None:
    """Of a rescue as of a migration. Without a policy a rescue takes no longer than ten minutes."""
    blank = dict.fromkeys(["live_migration_postcopy", *NUMBERS], "")
    policies = ("minimal_downtime", "suspend_workload", "post_copy", "very_large")
    found = {name: allowed(bare, "rescue", **{**blank, "live_migration_policy": name}) for name in policies}
    assert len(set(found.values())) == len(policies), found
    assert "1500 ms" in found["very_large"]
    assert "pause for 5.0 s" in found["suspend_workload"]
    assert "post-copy is prefer" in found["post_copy"]
    assert allowed(bare, "migrate", **{**blank, "live_migration_policy": "post_copy"}) == found["post_copy"]
    own = allowed(bare, "rescue", **{**blank, "live_migration_policy": ""})
    for part in ("500 ms", "pause for 0.0 s", "600.0 s", "post-copy is never"):
        assert part in own
    assert "pause for 0.0 s" in allowed(
        bare, "rescue", live_migration_policy="suspend_workload", live_migration_max_pause_s="0"
    )


@pytest.mark.parametrize("policy", ["", "minimal_downtime"])
def test_a_pause_in_the_end_without_seconds_is_refused_before_any_host_is_asked(bare: Ansible, policy: str) -> None:
    answers = {
        "live_migration_guest": "erp01",
        "live_migration_policy": policy,
        "live_migration_on_hopeless": "pause",
    }
    run = bare.playbook("virtops.live_migration.rescue", "-e", f"@{unsafe(bare.directory, answers)}")
    assert run.code != 0
    assert "max_pause_s is 0, which allows no pause" in run.output
    assert not any(record["task"] == "Look for the guest's migration" for record in run.tasks)


def test_names_in_lists_and_lines_stay_what_they_are(bare: Ansible) -> None:
    """In every version, in the file that AWX writes."""
    tasks = [{"name": name, "ansible.builtin.debug": {"msg": f"{{{{ {name} | {LIST} }}}}"}} for name in IN_LISTS]
    path = bare.directory / "names.yml"
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    run = bare.playbook(str(path), "-e", f"@{unsafe(bare.directory, IN_LISTS)}")
    assert run.code == 0, run.output
    for record in run.tasks:
        assert record["result"]["msg"] == ["0123", "1.10", "no", "true", "1001"], record["task"]
    assert told(check(bare, {**TEXTS, **IN_LISTS, "live_migration_guest": '["0123"]'}, as_awx=True)) == {}


@pytest.mark.parametrize(
    ("playbook", "serial"), [("evacuate", "-1"), ("return_home", "200%"), ("prepare_hosts", "some"), ("evacuate", "0")]
)
def test_how_many_hosts_at_a_time(bare: Ansible, playbook: str, serial: str) -> None:
    answers = {"live_migration_hosts": "all", "live_migration_serial": serial}
    run = bare.playbook(f"virtops.live_migration.{playbook}", "-e", f"@{unsafe(bare.directory, answers)}")
    assert run.code != 0
    assert "percentage from 1% to 100%" in run.output
    assert "Traceback" not in run.output
    assert {record["host"] for record in run.tasks} <= {"localhost"}


def test_the_playbooks_that_patterns_name_are_found(bare: Ansible) -> None:
    paths = [str(pattern / "playbooks" / f"{name}.yml") for pattern, (name, _survey) in zip(PATTERNS, surveys())]
    run = bare.playbook(paths[0], *paths[1:], "--list-tasks", **TEXTS)
    assert run.code == 0, run.output
    assert run.output.count("Check what was asked for") >= len(paths)


def test_an_evacuation_hands_on_whom_to_rescue(bare: Ansible) -> None:
    """As a rescue takes it that comes next in a workflow: the first of those that failed, and not as a number."""
    (*_before, play) = yaml.safe_load((PLAYBOOKS / "evacuate.yml").read_text(encoding="utf-8"))
    rows = [{"name": "erp01", "outcome": "moved"}, *({"name": name, "outcome": "failed"} for name in ("0123", "crm01"))]
    for guests, handed_on in ((rows, ["0123"]), (rows[:1], None)):
        variables = {"evacuate_host_result": {"guests": guests}}
        path = bare.directory / "handed_on.yml"
        plays = [{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": play["tasks"][-1]["always"]}]
        path.write_text(json.dumps(plays), encoding="utf-8")
        run = bare.playbook(str(path))
        assert run.code == 0, run.output
        assert run.stats["live_migration_evacuate"]["localhost"] == guests
        found = run.stats.get("live_migration_guest")
        # Before ansible-core 2.19 a text that looks like a list becomes one.
        assert (json.loads(found) if isinstance(found, str) else found) == handed_on
