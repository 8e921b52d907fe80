# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the host that do not look as they should: told as an error of ours, and never half read."""

from __future__ import annotations

import contextlib
import typing as t
from xml.etree import ElementTree

from .errors import MigrationError
from .text import shortened

_MOST_SHOWN = 100  # characters of an odd line
_MOST_DIGITS = 20  # the kernel counts in 64 bits


def odd(what: str, line: t.Any = "") -> MigrationError:
    """ODD_TEXT; ``what``: begins a sentence; ``line``: the place that is not understood."""
    shown = shortened(f"{line!r:.300}", _MOST_SHOWN) if line != "" else ""
    return MigrationError(
        "ODD_TEXT",
        f"{what} is not understood{': ' + shown if shown else ''}.",
        state="Nothing was changed.",
        remedy="Report it with this text; what it says counts as not known.",
    )


@contextlib.contextmanager
def understood(what: str) -> t.Iterator[None]:
    """Whatever else goes wrong while a text is read is ODD_TEXT. Works as a decorator too."""
    try:
        yield
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, ElementTree.ParseError) as exc:
        raise odd(what, str(exc) or type(exc).__name__) from exc


def whole(text: str) -> t.Optional[int]:
    """A number of decimal digits and nothing else; None for all others."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
