# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Rows of texts as aligned columns for the output of a play."""

from __future__ import annotations

import typing as t

from .text import printable

_SHORTENED = "..."


def aligned(rows: t.Sequence[t.Sequence[str]], widths: t.Sequence[int] = ()) -> list[str]:
    """A line for each row. ``widths``: the most that a column may take (0, or none given: what it needs).

    The texts may come from outside: they break no line, and do nothing to a terminal.
    """
    most = [*widths, *[0] * (len(rows[0]) - len(widths))] if rows else []
    cells = [[_short(printable(text), width) for text, width in zip(row, most)] for row in rows]
    needed = [max(len(row[column]) for row in cells) for column in range(len(most))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, needed)).rstrip() for row in cells]


def _short(text: str, width: int) -> str:
    return text if not width or len(text) <= width else text[: width - len(_SHORTENED)] + _SHORTENED
