# SPDX-License-Identifier: GPL-3.0-or-later
"""extensions/audit/event_query.yml: the guests that modules have managed, by jq over what they document to return."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t

import pytest
import yaml
from bench.runs import ROOT

QUERIES = yaml.safe_load((ROOT / "extensions" / "audit" / "event_query.yml").read_text(encoding="utf-8"))
ERP = {"name": "erp01", "uuid": "6420e6ce-0f4d-4a27-83da-5e8587498451"}


def returned(module: str) -> dict[str, t.Any]:
    """Samples of the module's RETURN."""
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    block = re.search(r'^RETURN = r"""\n(.*?)^"""', text, re.MULTILINE | re.DOTALL)
    assert block, module
    return {key: value.get("sample") for key, value in yaml.safe_load(block[1]).items()}


def jq(query: str, result: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    done = subprocess.run(
        ["jq", "--compact-output", query], input=json.dumps(result), capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def node(name: str, uuid: str) -> dict[str, t.Any]:
    facts = {"infra_type": "PrivateCloud", "infra_bucket": "Compute", "device_type": "VM"}
    return {"name": name, "canonical_facts": {"uuid": uuid}, "facts": facts}


@pytest.mark.parametrize("full_name", sorted(QUERIES))
@pytest.mark.fast
def test_the_guest_is_found_in_what_the_module_returns(full_name: str) -> None:
    module = full_name.removeprefix("virtops.live_migration.")
    query = QUERIES[full_name]["query"]
    if module == "evacuation":
        rows = [{"name": "a", "uuid": "A"}, {"name": "not found", "uuid": ""}, {"name": "b", "uuid": "B"}]
        assert jq(query, {"guests": rows}) == [node("a", "A"), node("b", "B")]
        assert {"guests"} <= set(returned(module))
    else:
        assert {"name", "uuid"} <= set(returned(module))
        assert jq(query, {**returned(module), **ERP}) == [node(**ERP)]
    assert jq(query, {"failed": True, "msg": "There is no such guest."}) == []


@pytest.mark.fast
def test_every_module_that_changes_a_guest_is_counted() -> None:
    acting = []
    for path in (ROOT / "plugins" / "modules").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "_libvirt.domain" in text and not path.stem.endswith("_info"):
            acting.append(f"virtops.live_migration.{path.stem}")
    assert set(acting) | {"virtops.live_migration.evacuation"} == set(QUERIES)
