# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the reference of all readiness checks, docs/docsite/rst/readiness_checks.rst, from the checks themselves.

A unit test compares the two, so that the page cannot fall behind.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import types
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "docsite" / "rst" / "readiness_checks.rst"
CORE = ROOT / "plugins" / "module_utils" / "_core"

HEAD = """\
..
  Copyright (c) 2026, The virtops.live_migration authors
  GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later
  Written by tests/run/reference.py from the checks themselves. Do not edit.

.. _ansible_collections.virtops.live_migration.docsite.readiness_checks:

Readiness checks
================

What :ansplugin:`virtops.live_migration.migration_readiness_info#module` checks. Each check passes, or warns, or fails,
or is skipped where it could not be told or does not apply. A guest is ready when no check fails. The ids do not change
from version to version; new checks may come.

.. contents::
   :local:
   :depth: 1
"""


def checks() -> t.Sequence[t.Any]:
    """The registry. In a checkout the collection has no importable name, so that its core gets one."""
    package = types.ModuleType("virtops_core")
    package.__path__ = [str(CORE)]
    sys.modules.setdefault("virtops_core", package)
    return t.cast("t.Sequence[t.Any]", importlib.import_module("virtops_core.readiness").CHECKS)


def page(registry: t.Sequence[t.Any]) -> str:
    parts = [HEAD]
    for theme, group in itertools.groupby(registry, key=lambda check: check.theme):
        title = str(theme)[0].upper() + str(theme)[1:]
        parts.append(
            f"\n{title}\n{'-' * len(title)}\n\n.. list-table::\n   :header-rows: 1\n   :widths: 20 40 10 30\n\n"
        )
        parts.append(row("Check", "What it asks", "Worst", "Otherwise"))
        for check in group:
            worst = "fail" if "fail" in check.statuses else "warn"
            parts.append(row(f"``{check.id}``", check.asks, worst, check.otherwise))
    return "".join(parts)


def row(*cells: str) -> str:
    return "".join(f"   {'* -' if number == 0 else '  -'} {cell}\n" for number, cell in enumerate(cells))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    PAGE.write_text(page(checks()), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
