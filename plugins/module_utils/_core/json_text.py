# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that a program or a guest has printed: read within bounds, and never with another error than ValueError."""

from __future__ import annotations

import json
import typing as t

# Both are choices, well beyond what the programs print that are read here.
MOST_CHARACTERS = 64 * 1024**2
MOST_LEVELS = 64
_MOST_DIGITS = 40  # of a 128-bit number; more take Python quadratic time


def read_json(text: str, most_characters: int = MOST_CHARACTERS, most_levels: int = MOST_LEVELS) -> t.Any:
    """The value of a JSON text. ValueError for what is no JSON, and for what is longer or deeper than that."""
    if len(text) > most_characters:
        raise ValueError(f"it has more than {most_characters} characters")
    try:
        found = json.loads(text, parse_int=_whole_number, parse_constant=_constant)
    except RecursionError:
        raise ValueError(f"it is more than {most_levels} levels deep") from None
    check_depth(found, most_levels)
    return found


def check_depth(value: t.Any, most_levels: int) -> None:
    """ValueError when lists and dictionaries are nested deeper than that."""
    level: list[t.Any] = [value]
    for _number in range(most_levels + 1):
        level = [one for each in level for one in _within(each)]
        if not level:
            return
    raise ValueError(f"it is more than {most_levels} levels deep")


def is_whole(value: t.Any) -> bool:
    """Whether a value of JSON is a whole number; to Python true and false are such, too."""
    return isinstance(value, int) and not isinstance(value, bool)


def _within(value: t.Any) -> t.Iterable[t.Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it has a number of {len(digits)} digits")
    return int(digits)


def _constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is not JSON")
