# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables, titles and cells in reStructuredText."""

from __future__ import annotations

import typing as t


def head(written_by: str, label: str) -> str:
    """What a generated page begins with. ``label``: its name among the pages of the collection."""
    return f"""..
  Copyright (c) 2026, The virtops.live_migration authors
  GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. Written by {written_by}. Do not edit.

.. _ansible_collections.virtops.live_migration.docsite.{label}:
"""


def title(text: str, line: str) -> str:
    return f"\n{text}\n{line * len(text)}\n"


def rows(head: t.Sequence[str], lines: t.Sequence[t.Sequence[str]], widths: t.Sequence[int] = ()) -> str:
    wide = f"   :widths: {' '.join(map(str, widths))}\n" if widths else ""
    text = f"\n.. list-table::\n   :header-rows: 1\n{wide}\n"
    for cells in [head, *lines]:
        text += "".join(
            f"   {'* -' if not column else '  -'} {cell}".rstrip() + "\n" for column, cell in enumerate(cells)
        )
    return text


def span(days: t.Iterable[str]) -> str:
    """The first and the last of days such as 2026-11-30, or the only one."""
    ordered = sorted(days)
    return " to ".join(dict.fromkeys([ordered[0], ordered[-1]]))


def number(value: t.Optional[float], pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def lost(share: t.Optional[float], lost_s: t.Optional[float]) -> str:
    return "-" if share is None or lost_s is None else f"{share:.0%}, {lost_s:.1f} s"


def middle(values: t.Sequence[float], pattern: str) -> str:
    ordered = sorted(values)
    return pattern.format(ordered[len(ordered) // 2]) if ordered else "-"
