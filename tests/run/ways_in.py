# SPDX-License-Identifier: GPL-3.0-or-later

"""Which option of the module migration is which option of the other ways to move guests: one table.

It is made from the specifications themselves. What is not everywhere has its reason here; a unit test holds that there
is an entry or a reason for each, and never both.
"""

from __future__ import annotations

import ast
import json
import typing as t
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "docsite" / "rst" / "ways_in.rst"

MODULE, ROLE, PLAYBOOK, SURVEY = "module", "role", "playbook", "survey"
# Name of the column, kind, and what it is called on the disk.
WAYS: tuple[tuple[str, str, str], ...] = (
    ("evacuation", MODULE, "evacuation"),
    ("evacuate_host", ROLE, "evacuate_host"),
    ("return_home", ROLE, "return_home"),
    ("migrate", PLAYBOOK, "migrate"),
    ("evacuate", PLAYBOOK, "evacuate"),
    ("return_home", PLAYBOOK, "return_home"),
    ("migrate_guest", SURVEY, "migrate_guest"),
    ("evacuate_host", SURVEY, "evacuate_host"),
    ("return_home", SURVEY, "return_home"),
    ("plan", PLAYBOOK, "plan"),
    ("plan_evacuation", SURVEY, "plan_evacuation"),
)
# Where the name is not that of the option with the prefix of the way in.
RENAMED = {
    "deadline_s": "timeout_s",
    "storage_deadline_s": "storage_timeout_s",
    "setup_deadline_s": "setup_timeout_s",
}
# What has no place of its own there, and through what it goes.
WITHIN: dict[tuple[str, str], str] = {
    ("evacuation", "name"): "guests[].name",
    ("evacuation", "uuid"): "guests[].uuid",
    ("evacuation", "copy_disks"): "guests[].copy_disks",
    ("evacuation", "destination_uri"): "destinations[].destination_uri",
    ("evacuation", "migrate_uri"): "destinations[].migrate_uri",
    ("evacuation", "link_mib_per_s"): "destinations[].link_mib_per_s",
}
PLANNED = "the plan, or the marks of the guests, say which"
PROGRAM = "libvirt runs programs that a URI names, or sends memory to whatever it names"
BY_GUEST = "guests have different disks; guest_options says it for each"
DECIDES = "the administrator decides it for all launches"
REASONS: tuple[tuple[t.Container[str], t.Container[str], str], ...] = (
    # kinds, options, why not
    ((ROLE,), ("name", "uuid"), PLANNED),
    ((PLAYBOOK, SURVEY), ("uuid",), "guests are named; a name that looks like a UUID is one"),
    ((MODULE, ROLE, PLAYBOOK, SURVEY), ("wait",), "each is seen to its end"),
    ((ROLE, PLAYBOOK, SURVEY), ("progress", "progress_file"), "progress is always told"),
    ((PLAYBOOK, SURVEY), ("mode",), "to only watch a migration that runs is what rescue is for"),
    (
        (MODULE, ROLE, PLAYBOOK, SURVEY),
        ("destination_xml", "persistent_xml"),
        "a definition belongs to one guest and holds secrets; destination_changes is for all",
    ),
    ((ROLE,), ("copy_disks",), BY_GUEST),
    (
        (SURVEY,),
        ("copy_disks",),
        "a disk that is left out, and that the destination does not have, is lost to the guest",
    ),
    ((SURVEY,), ("destination_changes",), "it gives guests other networks and other files"),
    ((SURVEY,), ("metrics_directory", "history_dir", "history_keep"), "files on hosts are the administrator's"),
    ((SURVEY,), ("uri", "uri_allow", "destination_uri", "migrate_uri"), PROGRAM),
    ((SURVEY,), ("force", "ignore_cordon", "heed_metadata", "guest_options"), DECIDES),
    ((SURVEY,), ("persistent", "undefine_source"), "a guest could be lost when it is off, or be started twice"),
)
# Of one way in only.
SINGLE: dict[tuple[str, str, str], str] = {
    (ROLE, "return_home", "copy_storage"): "as it went, which the mark of its home tells",
    (PLAYBOOK, "return_home", "copy_storage"): "as it went, which the mark of its home tells",
    (SURVEY, "return_home", "copy_storage"): "as it went, which the mark of its home tells",
    (PLAYBOOK, "evacuate", "copy_disks"): BY_GUEST,
    (PLAYBOOK, "return_home", "copy_disks"): BY_GUEST,
    (PLAYBOOK, "evacuate", "name"): PLANNED,
    (PLAYBOOK, "return_home", "name"): PLANNED,
    (SURVEY, "evacuate_host", "name"): PLANNED,
    (SURVEY, "return_home", "name"): PLANNED,
}
# Why a plan, which moves nobody, does not take what those that move guests take.
_HOW_SENT = "how memory is sent changes neither who goes where nor the order; links and limits say when"
_MOVES_NOBODY = "a plan moves nobody"
_GOES_WRONG = "a plan is of migrations that go well, and this is for those that do not"
_NOT_OF_A_PLAN: tuple[tuple[t.Sequence[str], str], ...] = (
    (("parallel_connections", "compression", "compression_level", "copy_synchronous_writes"), _HOW_SENT),
    (("calm_wait_s", "force"), _MOVES_NOBODY),
    (("setup_deadline_s", "max_restarts"), _GOES_WRONG),
    (
        ("shrink", "shrink_keep_mib"),
        "what a guest can spare is known when it is asked, right before it goes; a plan counts all that it has touched",
    ),
)
_OF_A_PLAN_PLAYBOOK: tuple[tuple[t.Sequence[str], str], ...] = (
    (("persistent", "undefine_source", "destination_uri", "migrate_uri", "metrics_directory"), _MOVES_NOBODY),
    (("history_dir", "history_keep"), _MOVES_NOBODY),
    (("copy_disks",), BY_GUEST),
    (("name",), PLANNED),
)
for _names, _why in _NOT_OF_A_PLAN + _OF_A_PLAN_PLAYBOOK:
    SINGLE.update({(PLAYBOOK, "plan", _name): _why for _name in _names})
for _names, _why in (*_NOT_OF_A_PLAN, (("name",), PLANNED)):
    SINGLE.update({(SURVEY, "plan_evacuation", _name): _why for _name in _names})
OF_A_PLAYBOOK = {"name": "guests"}

HEAD = """\
..
  Copyright (c) 2026, The virtops.live_migration authors
  GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later
  Written by tests/run/reference.py from the specifications themselves. Do not edit.

.. _ansible_collections.virtops.live_migration.docsite.ways_in:

Options, and the ways in
========================

What :ansplugin:`virtops.live_migration.migration#module` can do, and under which name the other ways to move guests
take it. Fields of the policy are suboptions of ``policy_overrides`` in modules and roles. A number in brackets stands
for a reason below the table why it is not there. The last two columns are a plan of the same, which takes what changes
who goes where, and when.

Single guests have options of their own in ``guest_options``, in a plan, and in their metadata; where these differ the
most careful one holds.

.. list-table::
   :header-rows: 1

"""


def documented(name: str) -> dict[str, t.Any]:
    """The options of a module, with those of its fragments."""
    plugins = ROOT / "plugins"
    found = yaml.safe_load(text_in(plugins / "modules" / f"{name}.py", "DOCUMENTATION"))
    options: dict[str, t.Any] = {}
    for fragment in found["extends_documentation_fragment"]:
        *_collection, file, part = (fragment + (".documentation" if fragment.count(".") == 2 else "")).split(".")
        path = plugins / "doc_fragments" / f"{file}.py"
        options.update(yaml.safe_load(text_in(path, part.upper())).get("options", {}))
    return {**options, **found["options"]}


def text_in(path: Path, name: str) -> str:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = isinstance(node, ast.Assign) and any(getattr(one, "id", "") == name for one in node.targets)
        if named and isinstance(node.value, ast.Constant):
            return str(node.value.value)
    raise ValueError(f"{path} has no {name}")


def options_of_migration() -> list[str]:
    """In the order of the documentation; fields of the policy by themselves."""
    options = documented("migration")
    fields = list(options["policy_overrides"]["suboptions"])
    return [name for name in options if name != "policy_overrides"] + fields


def names_of(kind: str, name: str) -> set[str]:
    """What a way in takes."""
    if kind == MODULE:
        options = documented(name)
        inner = {f"{key}[].{sub}" for key in options for sub in options[key].get("suboptions", {})}
        return set(options) | set(options["policy_overrides"]["suboptions"]) | inner
    if kind == ROLE:
        spec = yaml.safe_load((ROOT / "roles" / name / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        return set(spec["argument_specs"]["main"]["options"])
    if kind == PLAYBOOK:
        spec = yaml.safe_load((ROOT / "playbooks" / f"{name}.meta.yml").read_text(encoding="utf-8"))
        return set(spec["argument_specs"][name]["options"])
    pattern = json.loads((ROOT / "extensions/patterns" / name / "meta/pattern.json").read_text(encoding="utf-8"))
    (template,) = pattern["aap_resources"]["controller_job_templates"]
    return {question["variable"] for question in template["survey"]["spec"]}


def wanted_name(kind: str, way: str, option: str, fields: t.Container[str]) -> str:
    """What the option is called there, if it is there."""
    if kind == MODULE:
        return WITHIN.get((way, option), option)
    if kind == ROLE:
        return f"{way}_policy_overrides" if option in fields else f"{way}_{option}"
    return f"live_migration_{OF_A_PLAYBOOK.get(option, RENAMED.get(option, option))}"


def reason(kind: str, way: str, option: str) -> str:
    """Why it is not there; empty where it has to be."""
    single = SINGLE.get((kind, way, option), "")
    return single or next((why for kinds, options, why in REASONS if kind in kinds and option in options), "")


def page() -> str:
    options = documented("migration")
    fields = set(options["policy_overrides"]["suboptions"])
    reasons: list[str] = []
    lines = [row("Option", *(f"{kind} ``{name}``" for name, kind, _file in WAYS))]
    for option in options_of_migration():
        cells = [f"``{option}``"]
        for _name, kind, file in WAYS:
            called = wanted_name(kind, file, option, fields)
            if called in names_of(kind, file):
                cells.append("yes" if called == option else f"``{called.removeprefix('live_migration_')}``")
                continue
            why = reason(kind, file, option)
            if why not in reasons:
                reasons.append(why)
            cells.append(f"[{reasons.index(why) + 1}]")
        lines.append(row(*cells))
    notes = "".join(f"\n{number}. {why[0].upper()}{why[1:]}.\n" for number, why in enumerate(reasons, 1))
    tail = "\nVariables of playbooks and surveys begin with ``live_migration_``.\n\nWhy not\n-------\n"
    return HEAD + "".join(lines) + tail + notes


def row(*cells: str) -> str:
    return "".join(f"   {'* -' if number == 0 else '  -'} {cell}\n" for number, cell in enumerate(cells))
