# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of text for the output of a play."""

from __future__ import annotations

import textwrap
import typing as t

WIDTH = 110  # characters; a choice, since the output of a play is indented


def wrapped(text: t.Any, first: str = "", rest: t.Optional[str] = None) -> list[str]:
    """Lines of at most ``WIDTH`` characters, indented by ``first`` and then by ``rest``; control characters made
    visible."""
    rest, shown = first if rest is None else rest, printable(text)
    if len(first) + len(shown) <= WIDTH:  # as textwrap has it, but without its regular expressions
        return [first + shown.rstrip(" ")] if shown.strip(" ") else []
    return textwrap.wrap(shown, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def printable(text: t.Any) -> str:
    """A text from outside as one line that can do nothing to a terminal, nor be taken for other lines.

    Names of guests are other people's input. Controls, formats (what turns the direction of text, too), ends of lines,
    surrogates, what is unassigned, and spaces other than the ordinary one are shown as escapes: ``\\r``, ``\\x9b``,
    ``\\u202e``. All other characters of whatever script stay as they are.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)


def shortened(text: t.Any, width: int) -> str:
    """At most so many characters, with a mark where some were left out."""
    shown = printable(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


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
