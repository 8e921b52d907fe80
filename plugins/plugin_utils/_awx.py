# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX is to have, made of the patterns of this collection: in the shape of ``infra.aap_configuration``."""

from __future__ import annotations

import re
import typing as t

from ..module_utils._core.errors import MigrationError

Item = dict[str, t.Any]

_PASSWORD = re.compile(r"//[^/?#@]*:[^/?#]*@")
# By whom a thing was made that only its maker may remove.
MARK = "Made by the role virtops.live_migration.awx_setup."
OPTIONS = frozenset(
    {
        *("organization", "project", "playbook_path", "image", "image_credential", "inventory", "inventory_variables"),
        *("hosts", "credentials", "become", "extra_vars", "pattern_vars", "more_templates"),
        *("workflow_hosts", "workflow_all_hosts", "workflow_name", "approval_timeout_s"),
    }
)
# What a question of the workflow must not be: the nodes say it themselves, each its own.
_SAID_BY_NODES = ("live_migration_hosts", "live_migration_return", "live_migration_plan")
_READINESS, _APPROVAL, _EVACUATE, _RESCUE, _RETURN = "readiness", "approval", "evacuate", "rescue", "return_home"
_PATTERN_OF = {
    _READINESS: "readiness_report",
    _EVACUATE: "evacuate_host",
    _RESCUE: "rescue_migration",
    _RETURN: "return_home",
}


def configuration(patterns: t.Sequence[Item], options: t.Mapping[str, t.Any]) -> dict[str, list[Item]]:
    """Lists by the names that ``infra.aap_configuration`` has for them: ``controller_projects``, and so on.

    ``patterns``: contents of ``pattern.json`` files. ``options``: what is particular to the site, as the options of the
    filter ``awx_configuration`` document it. No secret is in what is returned. Raises BAD_OPTION, BAD_PATTERNS.
    """
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise _bad(unknown[0], "is no option of the filter")
    _check_options(options)
    _check_patterns(patterns)
    organization = _text(options, "organization") or "Default"
    resources = [one["aap_resources"] for one in patterns]
    project = _only(resources, "controller_project")
    environment = _only(resources, "controller_execution_environment")
    labels = sorted({label for one in resources for label in one["controller_labels"]})
    inventory = _text(options, "inventory")
    credentials = [_credential(one, organization) for one in options.get("credentials") or []]
    ours: dict[str, list[Item]] = {
        "controller_labels": [{"name": name, "organization": organization} for name in labels],
        "controller_credentials": [one for one in credentials if "credential_type" in one],
        "controller_execution_environments": [_environment(environment, organization, options)],
        "controller_projects": [{**project, "organization": organization, **_project(options)}],
        **_inventory(inventory, organization, options),
    }
    strange = sorted(set(options.get("pattern_vars") or {}) - {one["name"] for one in patterns})
    if strange:
        raise _bad("pattern_vars", f"has variables for {strange[0]!r}, and there is no such pattern")
    launch = {"inventory": inventory, "credentials": [one["name"] for one in credentials]}
    launch = {key: value for key, value in launch.items() if value}
    of_project = {"organization": organization, "project": ours["controller_projects"][0]["name"], **launch}
    templates = {one["name"]: _templates(one, of_project, options) for one in patterns}
    more = [
        {"execution_environment": environment["name"], **of_project, **one}
        for one in options.get("more_templates") or []
    ]
    ours["controller_templates"] = [*(made for several in templates.values() for made in several), *more]
    workflow = _workflow(templates, organization, labels, options) if options.get("workflow_hosts") else None
    ours["controller_workflows"] = [workflow] if workflow else []
    return ours


def _check_options(options: t.Mapping[str, t.Any]) -> None:
    for name in ("project", "inventory_variables", "extra_vars", "pattern_vars"):
        if not isinstance(options.get(name) or {}, dict):
            raise _bad(name, "has to be a dictionary")
    for name in ("hosts", "credentials", "more_templates"):
        if not isinstance(options.get(name) or [], list):
            raise _bad(name, "has to be a list")
    for name, value in (options.get("pattern_vars") or {}).items():
        if not isinstance(value, dict):
            raise _bad("pattern_vars", f"has to have a dictionary for {name!r}")
    if not all(isinstance(one, dict) for one in options.get("more_templates") or []):
        raise _bad("more_templates", "have to be dictionaries")


def _check_patterns(patterns: t.Sequence[Item]) -> None:
    for one in patterns:
        if not isinstance(one.get("name"), str) or not _is_whole(one.get("aap_resources")):
            raise MigrationError(
                "BAD_PATTERNS",
                f"{one.get('name')!r:.60} is not the content of a pattern.json file of this collection.",
                state="Nothing was changed.",
                remedy="Install the collection anew, or give the files as they are in it.",
            )


def _is_whole(resources: t.Any) -> bool:
    if not isinstance(resources, dict):
        return False
    labels, templates = resources.get("controller_labels"), resources.get("controller_job_templates")
    environment, project = (resources.get(f"controller_{one}") for one in ("execution_environment", "project"))
    return (
        _are(labels, str)
        and _are(templates, dict)
        and bool(templates)
        and all(_is_template(one) for one in templates or [])
        and _has_texts(environment, "name", "image_name")
        and _has_texts(project, "name")
    )


def _is_template(one: Item) -> bool:
    survey = one.get("survey")
    if not _has_texts(one, "name", "playbook") or not isinstance(survey, dict) or not _are(survey.get("spec"), dict):
        return False
    return all(_has_texts(question, "variable") for question in survey["spec"])


def _are(value: t.Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


def _has_texts(value: t.Any, *names: str) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in names)


def _inventory(name: str, organization: str, options: t.Mapping[str, t.Any]) -> dict[str, list[Item]]:
    """The inventory of that name and its hosts; neither where it has no name, as then it is not made here."""
    hosts = options.get("hosts") or []
    if not name:
        if hosts:
            raise _bad("hosts", "are for an inventory, which has no name in inventory")
        return {"controller_inventories": [], "controller_hosts": []}
    variables = options.get("inventory_variables") or {}
    made = {"name": name, "organization": organization, "description": MARK}
    return {
        "controller_inventories": [{**made, **({"variables": variables} if variables else {})}],
        "controller_hosts": [_host(one, name) for one in hosts],
    }


def _environment(of_patterns: Item, organization: str, options: t.Mapping[str, t.Any]) -> Item:
    made = {key: value for key, value in of_patterns.items() if key != "image_name"}
    made["organization"] = organization
    made["image"] = _text(options, "image") or of_patterns["image_name"]
    credential = _text(options, "image_credential")
    return {**made, "credential": credential} if credential else made


def _project(options: t.Mapping[str, t.Any]) -> Item:
    given = dict(options.get("project") or {})
    if given.get("scm_type", "git") != "manual" and not given.get("scm_url"):
        raise _bad("project", "has no scm_url, where the collection is taken from")
    if _PASSWORD.search(str(given.get("scm_url"))):
        raise _bad("project", "has a password in scm_url, which everybody would see: name a credential for it instead")
    return {"scm_type": "git", **given}


def _credential(given: t.Any, organization: str) -> Item:
    """A name, or a credential that is to be made; its secrets stay where they are."""
    if isinstance(given, str) and given:
        return {"name": given}
    if not isinstance(given, dict) or not given.get("name"):
        raise _bad("credentials", "have to be names, or dictionaries with a name")
    kept = {key: given[key] for key in ("name", "credential_type") if given.get(key)}
    return {**kept, "organization": organization, "description": MARK} if "credential_type" in kept else kept


def _host(given: t.Any, inventory: str) -> Item:
    one = {"name": given} if isinstance(given, str) else dict(given) if isinstance(given, dict) else {}
    if not one.get("name"):
        raise _bad("hosts", "have to be names, or dictionaries with a name")
    return {**one, "inventory": inventory, "description": MARK}


def _templates(pattern: Item, common: Item, options: t.Mapping[str, t.Any]) -> list[Item]:
    where = _text(options, "playbook_path") or "extensions/patterns/{pattern}/playbooks/{playbook}"
    variables = {**(options.get("extra_vars") or {}), **(options.get("pattern_vars") or {}).get(pattern["name"], {})}
    found = []
    for one in pattern["aap_resources"]["controller_job_templates"]:
        kept = {key: value for key, value in one.items() if key not in ("playbook", "primary", "survey")}
        path = where.replace("{pattern}", pattern["name"]).replace("{playbook}", one["playbook"])
        made = {**kept, **common, "playbook": path, "job_type": "run", "survey_spec": one["survey"]}
        # Two of the same at once, or parts of one, do not know of each other's limits.
        made.update({"allow_simultaneous": False, "job_slice_count": 1})
        made["become_enabled"] = bool(options.get("become"))
        found.append({**made, "extra_vars": variables} if variables else made)
    return found


def _workflow(
    templates: t.Mapping[str, t.Sequence[Item]],
    organization: str,
    labels: t.Sequence[str],
    options: t.Mapping[str, t.Any],
) -> Item:
    missing = sorted(set(_PATTERN_OF.values()) - set(templates))
    if missing:
        raise _bad("patterns", f"have none of the name {missing[0]}, which the workflow needs")
    template = {node: templates[pattern][0] for node, pattern in _PATTERN_OF.items()}
    name = _text(options, "workflow_name") or "KVM / Patch night"
    asked = template[_EVACUATE]["survey_spec"]["spec"]
    what = "Readiness, an approval, evacuation, rescue of what is stuck, and the return home."
    return {
        "name": name,
        "description": what,
        "organization": organization,
        "labels": list(labels),
        "allow_simultaneous": False,
        "survey_enabled": True,
        "survey_spec": {
            "name": name,
            "description": what,
            "spec": [one for one in asked if one["variable"] not in _SAID_BY_NODES],
        },
        "simplified_workflow_nodes": _nodes(template, organization, options),
    }


def _nodes(template: t.Mapping[str, Item], organization: str, options: t.Mapping[str, t.Any]) -> list[Item]:
    """The last first, so that a node that another one leads to is there.

    AWX refuses a node without an inventory of its own, and one with a credential that its template has already.
    """
    inventory = _text(options, "inventory")
    if not inventory:
        raise _bad("inventory", "has to be named for a workflow, since each of its nodes needs one")
    hosts = str(options["workflow_hosts"])
    everywhere = _text(options, "workflow_all_hosts") or "all"

    def job(node: str, **more: t.Any) -> Item:
        by_name = {"unified_job_template": template[node]["name"], "lookup_organization": organization}
        return {"identifier": node, **by_name, "inventory": inventory, **more}

    approval: Item = {"name": "Empty these hosts?", "description": f"Hosts to empty: {hosts}"}
    timeout = _whole_number(options, "approval_timeout_s")
    if timeout:
        approval["timeout"] = timeout
    return [
        job(_RETURN, extra_data={"live_migration_hosts": hosts}),
        job(_RESCUE, extra_data={"live_migration_hosts": everywhere}, always_nodes=[_RETURN]),
        job(
            _EVACUATE,
            extra_data={"live_migration_hosts": hosts, "live_migration_return": "false"},
            success_nodes=[_RETURN],
            failure_nodes=[_RESCUE],
        ),
        {"identifier": _APPROVAL, "approval_node": approval, "success_nodes": [_EVACUATE]},
        job(
            _READINESS,
            extra_data={"live_migration_hosts": everywhere, "live_migration_fail_on": "nowhere"},
            success_nodes=[_APPROVAL],
        ),
    ]


def _only(resources: t.Sequence[Item], kind: str) -> Item:
    """What all patterns have in common."""
    different = {str(sorted(one.get(kind, {}).items())): one.get(kind) for one in resources}
    if len(different) != 1 or not (found := next(iter(different.values()))):
        raise MigrationError("BAD_PATTERNS", f"The patterns do not agree on one {kind}.")
    return dict(found)


def _text(options: t.Mapping[str, t.Any], name: str) -> str:
    value = options.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    raise _bad(name, f"is {value!r:.60}, but must be a text")


def _whole_number(options: t.Mapping[str, t.Any], name: str) -> int:
    value = options.get(name)
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError):
        raise _bad(name, f"is {value!r:.60}, but must be a whole number") from None


def _bad(name: str, why: str) -> MigrationError:
    return MigrationError(
        "BAD_OPTION", f"{name} {why}.", state="Nothing was changed.", remedy="Correct the variable of that name."
    )
