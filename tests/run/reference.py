# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the reference pages of docs/docsite/rst: readiness_checks.rst from the checks themselves, and
libvirt_errors.rst from the tables of meanings, and ways_in.rst from the specifications of options.

A unit test compares them, so that the pages cannot fall behind.
"""

from __future__ import annotations

import importlib
import itertools
import re
import sys
import types
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "docsite" / "rst" / "readiness_checks.rst"
ERRORS_PAGE = PAGE.with_name("libvirt_errors.rst")
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


ERRORS_HEAD = """\
..
  Copyright (c) 2026, The virtops.live_migration authors
  GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later
  Written by tests/run/reference.py from the tables of meanings themselves. Do not edit.

.. _ansible_collections.virtops.live_migration.docsite.libvirt_errors:

Errors of libvirt
=================

What the modules of this collection make of an error of libvirt: a ``reason`` that stays the same from version to
version, in which ``state`` things are, and a ``remedy``. libvirt's own code and text are in ``evidence``.

The code is compared first, because the daemon and the client translate texts. Among the rows of a code the first one
counts whose text is found, in the order below; a row without a text takes what is left of its codes, and with it every
text in another language than English. What is quoted in a message is not looked at, unless the row says *quoted*: the
name of a guest or file says nothing about the trouble. Texts are regular expressions of Python, in any case of
letters.

*Found in* says in which files of libvirt's sources (below ``src/``) or of QEMU's there are such texts, with the
releases that were looked at; it says nothing of those in between and after.

.. contents::
   :local:
   :depth: 1
"""


def core(name: str) -> t.Any:
    """A module of the core. In a checkout the collection has no importable name, so that its core gets one."""
    package = types.ModuleType("virtops_core")
    package.__path__ = [str(CORE)]
    sys.modules.setdefault("virtops_core", package)
    return importlib.import_module(f"virtops_core.{name}")


def checks() -> t.Sequence[t.Any]:
    return t.cast("t.Sequence[t.Any]", core("readiness.checks.all_checks").CHECKS)


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


def errors_page(meanings: t.Any) -> str:
    """``meanings``: the module of that name."""
    parts = [ERRORS_HEAD]
    for title, rows in meanings.SUBJECTS:
        parts.append(heading(title))
        parts.append(".. list-table::\n   :header-rows: 1\n   :widths: 14 22 18 30 16\n\n")
        parts.append(row("Reason", "Codes and text", "What it means", "What to do", "Found in"))
        parts += [meaning_row(one) for one in rows]
    parts.append(heading("Everything else"))
    parts.append(f"``{meanings.FALLBACK.reason}``: {plain(meanings.FALLBACK.remedy)}\n")
    return "".join(parts)


def meaning_row(one: t.Any) -> str:
    codes = ", ".join(f"{code.name} ({code:d})" for code in one.codes)
    texts = [f"``{one.text}``"] if one.text else []
    texts += [f"quoted: ``{one.quoted}``"] if one.quoted else []
    found = f"{one.source}: {one.seen.replace(' ', ', ') if one.seen[0].isdigit() else one.seen}"
    found += f" ({one.domain})" if one.domain else ""
    return row(
        f"``{one.reason}``",
        codes + ": " + ("; ".join(texts) or "any text"),
        plain(one.means),
        plain(f"{one.remedy} {one.state}"),
        plain(found),
    )


def heading(title: str) -> str:
    return f"\n{title}\n{'-' * len(title)}\n\n"


def plain(text: str) -> str:
    """As reStructuredText that shows the same characters."""
    return re.sub(r"([\\\\*`|]|_(?!\w))", r"\\\1", text)


def row(*cells: str) -> str:
    return "".join(f"   {'* -' if number == 0 else '  -'} {cell}\n" for number, cell in enumerate(cells))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    PAGE.write_text(page(checks()), encoding="utf-8")
    ERRORS_PAGE.write_text(errors_page(core("libvirt_errors.all_meanings")), encoding="utf-8")
    sys.path.insert(0, str(Path(__file__).parent))
    ways_in = importlib.import_module("ways_in")
    ways_in.PAGE.write_text(ways_in.page(), encoding="utf-8")
    for written in (PAGE, ERRORS_PAGE, ways_in.PAGE):
        print(written.relative_to(ROOT))
