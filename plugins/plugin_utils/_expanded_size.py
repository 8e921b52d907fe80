# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a value is when it is written out, before anybody does so.

YAML's aliases let a value stand in many places and take memory once: nine lists within each other, each with the next
one nine times, are 400 million values. As JSON, or in a dataclass, each place has its own.
"""

from __future__ import annotations

import typing as t

from ..module_utils._core.errors import MigrationError

MOST_SHARED_VALUES = 1_000_000  # beyond it, what is written out may be some times as much as there is
MOST_SHARED_CHARACTERS = 64_000_000
MOST_DEEP = 200
_TIMES = 4
_LONG = 256  # a shorter text is hardly larger than what refers to it


class _Size(t.NamedTuple):
    """Written out: values, characters of texts, and levels of containers."""

    values: int
    characters: int
    deep: int


class _Measure:
    """``values`` and ``characters`` there are without repetition. Each container is looked at once."""

    def __init__(self) -> None:
        self.values = self.characters = 0
        self._known: dict[int, t.Optional[_Size]] = {}  # None: it is being looked at
        self._long: set[int] = set()

    def of(self, value: t.Any, level: int = 0) -> _Size:
        if isinstance(value, (str, bytes)):
            return self._text(value)
        inner = _inner(value)
        if inner is None:
            return _Size(1, 0, 0)
        if id(value) in self._known:
            known = self._known[id(value)]
            if known is None:
                raise _refused("a value is within itself")
        else:
            self._known[id(value)] = None
            known = self._sum(inner, level)
            self._known[id(value)] = known
        if level + known.deep > MOST_DEEP:
            raise _refused(f"it is nested more than {MOST_DEEP} deep")
        return known

    def _sum(self, inner: t.Iterable[t.Any], level: int) -> _Size:
        if level >= MOST_DEEP:
            raise _refused(f"it is nested more than {MOST_DEEP} deep")
        values, characters, deep = 1, 0, 0
        for one in inner:
            size = self.of(one, level + 1)
            values, characters, deep = values + size.values, characters + size.characters, max(deep, size.deep)
            self.values += 1
        return _Size(values, characters, deep + 1)

    def _text(self, text: t.Union[str, bytes]) -> _Size:
        if len(text) <= _LONG or id(text) not in self._long:
            self.characters += len(text)
        if len(text) > _LONG:
            self._long.add(id(text))
        return _Size(1, len(text), 0)


def _inner(value: t.Any) -> t.Optional[t.Iterable[t.Any]]:
    """What a container holds, as it is there: a newer Ansible makes a copy of what is asked for in the usual way."""
    if isinstance(value, dict):
        return (one for pair in dict.items(value) for one in pair)
    if isinstance(value, list):
        return list.__iter__(value)
    return tuple.__iter__(value) if isinstance(value, tuple) else None


def refuse_expansion(value: t.Any) -> None:
    """NOT_A_DOCUMENT for what would be far more, written out, than it is now, and for what has no end."""
    measure = _Measure()
    try:
        size = measure.of(value)
    except RecursionError:
        raise _refused("it is nested too deep") from None
    for written, own, most, what in (
        (size.values, measure.values, MOST_SHARED_VALUES, "values"),
        (size.characters, measure.characters, MOST_SHARED_CHARACTERS, "characters"),
    ):
        if written > max(most, _TIMES * own):
            raise _refused(
                f"written out it is more than {most} {what}, as parts of it stand in it many times (aliases)"
            )


def _refused(why: str) -> MigrationError:
    return MigrationError(
        "NOT_A_DOCUMENT",
        f"This is no document that could be JSON, or it is too large as one: {why}.",
        state="Nothing was changed.",
        remedy="Give what a module of this collection returned.",
    )
