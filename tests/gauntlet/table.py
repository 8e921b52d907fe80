# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and titles in reStructuredText."""

from __future__ import annotations

import typing as t


def title(text: str, line: str) -> str:
    return f"\n{text}\n{line * len(text)}\n"


def rows(head: t.Sequence[str], lines: t.Sequence[t.Sequence[str]], widths: t.Sequence[int] = ()) -> str:
    wide = f"   :widths: {' '.join(map(str, widths))}\n" if widths else ""
    text = f"\n.. list-table::\n   :header-rows: 1\n{wide}\n"
    for cells in [head, *lines]:
        text += "".join(
            f"   {'* -' if not number else '  -'} {cell}".rstrip() + "\n" for number, cell in enumerate(cells)
        )
    return text
