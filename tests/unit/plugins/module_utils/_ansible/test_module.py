# SPDX-License-Identifier: GPL-3.0-or-later
"""A result that is told to whoever follows the progress is what Ansible returns, without secrets."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible.module import Module
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

SECRET = "s3same-open"


class Told:
    """A module that warns, and returns what it was given."""

    @staticmethod
    def main() -> None:
        module = Module({"uri": {}, "key": {"no_log": True}, "fails": {"type": "bool"}, "progress_file": {}})
        module.warn("erp01\n is small")
        if module.params["fails"]:
            module.fail_json("It failed.")
        module.exit_json(changed=True, found=[module.params["uri"], module.params["key"]])


def told(path: Path) -> list[t.Any]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()] if path.exists() else []


def test_what_it_returns(run: ModuleRunner, tmp_path: Path) -> None:
    path = tmp_path / "progress"
    uri = f"qemu+tls://root:{SECRET}@kvm02/system"
    returned = run(Told, uri=uri, key="a key of ours", progress_file=str(path))
    ((result,),) = [one.values() for one in told(path)]
    assert result["warnings"] == ["erp01\\n is small"]
    # Ansible may return the options, too, and gives warnings the form that it has for them.
    for one in (returned, result):
        del one["warnings"]
    invocation = result.pop("invocation")
    assert returned.pop("invocation", invocation) == invocation
    assert result == returned
    assert SECRET not in path.read_text("ascii")
    assert "a key of ours" not in path.read_text("ascii")


@pytest.mark.parametrize("given", [{"fails": True}, {"progress_file": None}])
def test_a_failure_is_fetched_and_so_is_what_nobody_follows(
    run: ModuleRunner, tmp_path: Path, given: dict[str, t.Any]
) -> None:
    words = {"uri": "x", "progress_file": str(tmp_path / "progress"), **given}
    (run.fails if given.get("fails") else run)(Told, **words)
    assert told(tmp_path / "progress") == []
