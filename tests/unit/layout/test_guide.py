# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide and the modules' documentation name exactly the codes that the code can give."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import Reason, Verdict
from ansible_collections.virtops.live_migration.plugins.modules import migration_job_info

GUIDE = Path(__file__).parents[3] / "docs" / "docsite" / "rst" / "guide_diagnosis.rst"

# libvirt frees an aborted job at once, and other jobs are not listed; only a pasted text can show these.
NEVER_IN_A_LIST = {"CANCELLED", "NOT_A_MIGRATION"}


def diagnosis_field(name: str) -> set[str]:
    documents = yaml.safe_load(migration_job_info.RETURN)
    field = documents["jobs"]["contains"]["diagnosis"]["contains"][name]
    return {str(choice) for choice in field["choices"]}


def test_guide_explains_every_reason() -> None:
    table = GUIDE.read_text(encoding="utf-8").split("\nReasons\n")[1].split("\nFree it\n")[0]
    named = {
        code for line in table.splitlines() if line.startswith("   * - ``") for code in re.findall("``(.+?)``", line)
    }
    assert named == {reason.value for reason in Reason}


def test_module_documents_every_reason_and_verdict() -> None:
    assert diagnosis_field("reason") == {reason.value for reason in Reason} - NEVER_IN_A_LIST
    assert diagnosis_field("verdict") == {verdict.value for verdict in Verdict}
