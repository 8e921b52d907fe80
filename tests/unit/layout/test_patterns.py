# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns make job templates that AWX takes, with surveys that ask for variables which their playbooks really have."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core.number_options import (
    MOST_BANDWIDTH_MIB_PER_S,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import MAX_DOWNTIME_LIMIT_MS

ROOT = Path(__file__).resolve().parents[3]
PATTERNS = sorted(path for path in (ROOT / "extensions" / "patterns").iterdir() if path.is_dir())
PLAYBOOKS = ROOT / "playbooks"
each_pattern = pytest.mark.parametrize("pattern", PATTERNS, ids=[path.name for path in PATTERNS])

# How AWX finds playbooks in a project: one line that matches, in no directory of these.
LISTED_BY_AWX = re.compile(r"^\s*?-?\s*?(?:hosts|include|import_playbook):\s*?.*?$")
NOT_LOOKED_INTO = {"roles", "tasks", "group_vars", "host_vars"}

# The types of questions, and of the variables that can take such an answer.
QUESTIONS: dict[str, set[str]] = {
    "text": {"str"},
    "textarea": {"str", "list", "dict"},
    "integer": {"int"},
    "float": {"float"},
    "multiplechoice": {"str", "bool"},
}
# What a question may not ask for: whoever answers it must not be able to name a program, a file, or where a guest's
# memory goes, nor to say what is allowed.
NOT_TO_BE_ASKED = re.compile(r"uri|url|path|file|directory|between|allow|command|socket|address|password|credential")
# The largest answers that a survey takes. AWX's form to edit a question shows 1024 where no maximum is given, whatever
# the type, and stores it with the next change.
LONGEST = {"text": 65536, "textarea": 16777216}
MOST = {
    "live_migration_bandwidth_mib_per_s": MOST_BANDWIDTH_MIB_PER_S,
    "live_migration_max_downtime_ms": MAX_DOWNTIME_LIMIT_MS,
}
ASKED_ON_LAUNCH = ("credential", "inventory", "job_type", "limit", "verbosity")
REQUIRED_OF_A_PATTERN = {"schema_version", "name", "title", "description", "short_description", "aap_resources"}


def listed_by_awx(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts[:-1]
    if NOT_LOOKED_INTO & set(parts) or any(part.startswith(".") for part in parts):
        return False
    return any(LISTED_BY_AWX.match(line) for line in path.read_text(encoding="utf-8").splitlines())


def definition(pattern: Path) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((pattern / "meta" / "pattern.json").read_text(encoding="utf-8")))


def job_templates(pattern: Path) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", definition(pattern)["aap_resources"]["controller_job_templates"])


def questions(pattern: Path) -> t.Iterator[tuple[dict[str, t.Any], dict[str, t.Any]]]:
    """Each question, with what the specification of the playbook says of its variable."""
    for template in job_templates(pattern):
        options = specification(pattern / "playbooks" / template["playbook"])
        for question in template["survey"]["spec"]:
            assert question["variable"] in options, question["variable"]
            yield question, options[question["variable"]]


def specification(playbook: Path) -> dict[str, dict[str, t.Any]]:
    documented = yaml.safe_load(playbook.with_name(f"{playbook.stem}.meta.yml").read_text(encoding="utf-8"))
    return t.cast("dict[str, dict[str, t.Any]]", documented["argument_specs"][playbook.stem]["options"])


def test_what_the_collection_ships() -> None:
    names = [
        "evacuate_host",
        "migrate_guest",
        "plan_evacuation",
        "readiness_report",
        "rescue_migration",
        "return_home",
    ]
    assert [path.name for path in PATTERNS] == names


@each_pattern
def test_the_definition_is_whole(pattern: Path) -> None:
    found = definition(pattern)
    assert set(found) >= REQUIRED_OF_A_PATTERN
    assert found["name"] == pattern.name
    assert re.fullmatch("[a-z0-9_]{1,64}", pattern.name)
    assert len(found["title"]) <= 64
    assert not found["short_description"].endswith(".")
    resources = found["aap_resources"]
    assert set(resources["controller_project"]) >= {"name", "description"}
    environment = resources["controller_execution_environment"]
    assert re.fullmatch("[a-z0-9_-]+/[a-z0-9_-]+", environment["image_name"]), (
        "without a registry: the hub's own is used"
    )
    templates = resources["controller_job_templates"]
    assert [template["primary"] for template in templates].count(True) == 1
    for template in templates:
        assert len(template["name"]) <= 200
        assert template["description"]
        assert template["execution_environment"] == environment["name"]
        assert set(template["labels"]) <= set(resources["controller_labels"])
        # "Launch with Check" is dropped without a word where the job type is not asked for, and so is a limit.
        for name in ASKED_ON_LAUNCH:
            assert template[f"ask_{name}_on_launch"] is True, name
        # What makes templates of patterns sends a survey and leaves it switched off, unless the template says so.
        assert template["survey_enabled"] is True
        # Extra variables would say whatever the survey does not ask for.
        assert not template.get("ask_variables_on_launch")


@each_pattern
def test_its_playbook_is_one_of_the_collection_and_found_by_awx(pattern: Path) -> None:
    for template in job_templates(pattern):
        path = pattern / "playbooks" / template["playbook"]
        assert listed_by_awx(path), path
        (play,) = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert (path.parent / play["import_playbook"]).resolve() == (PLAYBOOKS / path.name).resolve()
        assert (PLAYBOOKS / path.name).is_file()
        assert specification(path) == specification(PLAYBOOKS / path.name)


@each_pattern
def test_surveys_are_such_as_awx_takes(pattern: Path) -> None:
    for template in job_templates(pattern):
        survey = template["survey"]
        assert set(survey) == {"name", "description", "spec"}
        asked = [question["variable"] for question in survey["spec"]]
        assert len(asked) == len(set(asked))
    for question, _option in questions(pattern):
        name = question["variable"]
        assert re.fullmatch("[a-z0-9_]{1,64}", name)
        assert question["question_name"], name
        assert question["question_description"].endswith("."), name
        assert isinstance(question["required"], bool), name
        # A pattern wants a text for a default, and AWX a number for that of a number: so those have none.
        if "default" in question:
            assert question["type"] not in ("integer", "float"), name
            assert isinstance(question["default"], str), name
        if question["type"] == "multiplechoice":
            # AWX's form to edit a question splits the default of a choice, and throws where there is none. An empty
            # one is none of the choices, which AWX takes for a question without a default.
            assert question.get("default", question["choices"][0]) in ("", *question["choices"]), name
        else:
            assert "choices" not in question, name
            assert isinstance(question["min"], int), name
            assert isinstance(question["max"], int), name
            assert 0 <= question["min"] < question["max"], name
        if question["type"] in LONGEST:
            assert (question["min"], question["max"]) == (int(question["required"]), LONGEST[question["type"]]), name
        assert question.get("max") == MOST.get(name, question.get("max")), name


@each_pattern
def test_questions_agree_with_the_specification(pattern: Path) -> None:
    for question, option in questions(pattern):
        name = question["variable"]
        assert option["type"] in QUESTIONS[question["type"]], name
        assert question["required"] or not option.get("required"), name
        choices = ["true", "false"] if option["type"] == "bool" else option.get("choices")
        assert question.get("choices") == choices, name
        if "default" in question:
            default = option.get("default", "")
            assert question["default"] == (str(default).lower() if isinstance(default, bool) else str(default)), name


@each_pattern
def test_nobody_is_asked_for_a_uri_or_a_file(pattern: Path) -> None:
    for question, option in questions(pattern):
        name = question["variable"]
        assert not NOT_TO_BE_ASKED.search(name.removeprefix("live_migration_")), name
        # The name alone could hide it.
        assert "://" not in question.get("default", ""), name
        assert option["type"] not in ("path", "raw"), name
        assert "URI" not in str(option["description"]), name


def test_the_allowances_are_there_and_are_not_asked_for() -> None:
    for path in PLAYBOOKS.glob("*.meta.yml"):
        if path.name.split(".")[0] == "awx_setup":  # it has to do with AWX and with no host
            continue
        options = set(specification(path.with_name(path.name.replace(".meta", ""))))
        assert "live_migration_allowed_hosts" in options, path.name
        # The roles that prepare hosts have variables of their own for their URIs.
        assert "live_migration_uri_allow" in options or path.name == "prepare_hosts.meta.yml", path.name


# A rulebook copies the file of a playbook alone, so this one can include nothing, and it has no answers of people.
BY_EVENT = "rescue_by_event"


def test_what_a_rulebook_starts_is_one_file_that_checks_what_it_is_given() -> None:
    text = (PLAYBOOKS / f"{BY_EVENT}.yml").read_text(encoding="utf-8")
    (play,) = yaml.safe_load(text)
    assert "include_tasks" not in text and "import_" not in text and "lookup(" not in text
    assert "| virtops.live_migration.hosts_of_pattern(groups, ansible_limit | default(''))" in play["hosts"]
    first = play["tasks"][0]
    assert "uuid is match" in first["ansible.builtin.assert"]["that"][0]
    assert "live_migration_allowed_hosts" in str(first)
    # Guests are found by UUID: their names are chosen by others, and variables are templates.
    assert not re.search(r"\blive_migration_guest\b", text) and "event.name" not in text


def test_every_playbook_refuses_a_pattern_that_matches_nothing() -> None:
    """By a filter in the hosts of its play, as a limit would skip a play on localhost; and without an inventory."""
    for path in PLAYBOOKS.glob("*.yml"):
        if path.name.endswith(".meta.yml") or path.stem in (BY_EVENT, "awx_setup"):  # no host pattern is asked for
            continue
        first, *others = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert first["hosts"] == "localhost"
        assert first["tasks"][0]["ansible.builtin.include_tasks"] == "tasks/check_inventory.yml"
        for play in others:
            assert "| virtops.live_migration.hosts_of_pattern(groups, ansible_limit | default(''))" in play["hosts"]


def test_hosts_are_put_into_uris_in_one_way() -> None:
    """A name that is put in raw could bring parameters of libvirt's with it."""
    for path in [*PLAYBOOKS.rglob("*.yml"), *(ROOT / "roles").rglob("*.yml")]:
        assert "replace('{host}'" not in path.read_text(encoding="utf-8"), path


@each_pattern
def test_every_required_variable_is_asked_for(pattern: Path) -> None:
    for template in job_templates(pattern):
        options = specification(pattern / "playbooks" / template["playbook"])
        required = {name for name, option in options.items() if option.get("required")}
        assert required <= {one["variable"] for one in template["survey"]["spec"] if one["required"]}


@each_pattern
def test_the_readme_names_every_question(pattern: Path) -> None:
    readme = (pattern / "README.md").read_text(encoding="utf-8")
    for template in job_templates(pattern):
        assert template["name"] in readme
    for question, _option in questions(pattern):
        assert f"| `{question['variable']}` |" in readme, question["variable"]


def test_awx_lists_the_playbooks_and_nothing_that_is_none() -> None:
    for path in PLAYBOOKS.glob("*.yml"):
        assert listed_by_awx(path) is not path.name.endswith(".meta.yml"), path.name
    assert not any(listed_by_awx(path) for path in (PLAYBOOKS / "tasks").glob("*.yml"))
    others = [path for path in (ROOT / "extensions").rglob("*.yml") if path.parent.name != "playbooks"]
    assert not any(listed_by_awx(path) for path in others)


def test_every_playbook_has_a_specification_which_it_checks() -> None:
    for path in PLAYBOOKS.glob("*.yml"):
        if path.name.endswith(".meta.yml") or path.stem == "awx_setup":  # the role checks its own
            continue
        assert specification(path)
        if path.stem == BY_EVENT:
            continue
        plays = yaml.safe_load(path.read_text(encoding="utf-8"))
        steps = [task for play in plays for task in play["tasks"] if "__answers_to" in task.get("vars", {})]
        assert [step["vars"]["__answers_to"] for step in steps] == [path.stem]
        # Where an include runs once, only that host stops when what it includes fails; the others would go on.
        assert not any(step.get("run_once") for step in steps), path.name
