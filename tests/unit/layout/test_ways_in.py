# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module migration can do, every way to move guests can do, or the table says why not; and it gets there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.virtops.live_migration.tests.unit.layout.run_scripts import run_script

ROOT = Path(__file__).resolve().parents[3]


ways_in = run_script("ways_in")
OPTIONS = ways_in.options_of_migration()
FIELDS = set(ways_in.documented("migration")["policy_overrides"]["suboptions"])
each_way = pytest.mark.parametrize(
    ("name", "kind", "file"), ways_in.WAYS, ids=[f"{kind} {name}" for name, kind, _file in ways_in.WAYS]
)


def test_the_page_is_what_the_specifications_say() -> None:
    assert ways_in.PAGE.read_text(encoding="utf-8") == ways_in.page(), "run python3 -B tests/run/reference.py"


@each_way
def test_every_option_is_there_or_the_table_says_why_not(name: str, kind: str, file: str) -> None:
    taken = ways_in.names_of(kind, file)
    missing = [one for one in OPTIONS if ways_in.wanted_name(kind, file, one, FIELDS) not in taken]
    assert [one for one in missing if not ways_in.reason(kind, file, one)] == []
    assert [one for one in OPTIONS if one not in missing and ways_in.reason(kind, file, one)] == [], "it is there"


def texts(folder: Path, pattern: str) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob(pattern)))


@pytest.mark.parametrize("role", ["evacuate_host", "return_home"])
def test_what_a_role_takes_reaches_the_module(role: str) -> None:
    """In the task that moves guests; what belongs to the destination, in the list of these."""
    files = sorted((ROOT / "roles" / role / "tasks").glob("*.yml"))
    tasks = [task for file in files for task in yaml.safe_load(file.read_text(encoding="utf-8"))]
    modules = [
        task["virtops.live_migration.evacuation"] for task in tasks if "virtops.live_migration.evacuation" in task
    ]
    (moves,) = [one for one in modules if "slots" in one]
    of_destinations = texts(ROOT / "roles" / role / "tasks", "*.yml")
    for option in [*(one for one in OPTIONS if one not in FIELDS), "policy_overrides"]:
        variable = f"{role}_{option}"
        if variable not in ways_in.names_of("role", role) or option == "copy_storage":
            continue
        if option in ("destination_uri", "migrate_uri", "link_mib_per_s"):
            assert re.search(rf"'?{option}'?: .*\n?.*{variable}\b", of_destinations), option
        else:
            assert re.search(rf"\b{variable}\b", str(moves.get(option))), option


@pytest.mark.parametrize(
    ("playbook", "roles"),
    [("evacuate", ["evacuate_host", "return_home"]), ("return_home", ["return_home"]), ("migrate", [])],
)
def test_what_a_playbook_takes_reaches_the_role_or_the_module(playbook: str, roles: list[str]) -> None:
    text = texts(ROOT / "playbooks", f"{playbook}.yml") + texts(ROOT / "playbooks" / "tasks", "migrate_guest.yml")
    own = (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    for option in OPTIONS:
        variable = ways_in.wanted_name("playbook", playbook, option, FIELDS)
        if variable not in ways_in.names_of("playbook", playbook):
            continue
        assert re.search(rf"\b{variable}\b", own if roles else text), variable
        for role in roles:
            taken = ways_in.wanted_name("role", role, option, FIELDS)
            if taken in ways_in.names_of("role", role):
                assert re.search(rf"^ +{taken}: ", own, re.MULTILINE), taken


@pytest.mark.parametrize("playbook", ["migrate", "evacuate", "return_home"])
def test_every_field_of_the_policy_goes_into_the_overrides(playbook: str) -> None:
    text = (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    for field in FIELDS - {"mode"}:
        variable = ways_in.wanted_name("playbook", playbook, field, FIELDS)
        assert f"'{field}': {variable} | default('')" in text, field
