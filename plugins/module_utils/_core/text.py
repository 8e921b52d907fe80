# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Lines of text for the output of a play."""

from __future__ import annotations

import textwrap
import typing as t

WIDTH = 110


def wrapped(text: str, first: str = "", rest: t.Optional[str] = None) -> list[str]:
    rest = first if rest is None else rest
    return textwrap.wrap(printable(text), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def printable(text: str) -> str:
    """Nothing that a terminal could take for a command: names of guests are other people's input."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shortened(text: str, width: int) -> str:
    """At most so many characters, with a mark where some were left out."""
    text = printable(text)
    return text if len(text) <= width else text[: width - 1] + "…"
