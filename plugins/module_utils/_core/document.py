# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Documents as dataclasses: to JSON types and back, with an error that names the place that does not fit.

Unknown keys are passed over, so that a newer document can be read by older code; what is missing takes its default.
"""

from __future__ import annotations

import dataclasses
import sys
import typing as t

from .errors import MigrationError

T = t.TypeVar("T")


def to_plain(value: t.Any) -> t.Any:
    """A dataclass, and all in it, as dicts and lists."""
    if dataclasses.is_dataclass(value):
        return {name: to_plain(getattr(value, name)) for name in _hints(type(value))}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return value


def from_plain(cls: type[T], plain: t.Any, where: str) -> T:
    """The way back; BAD_DOCUMENT says which field of ``where`` is wrong."""
    try:
        return t.cast(T, _reader(cls)(plain))
    except _MisfitError as misfit:
        raise MigrationError(
            "BAD_DOCUMENT",
            f"{where}{misfit.path} is {misfit.value!r:.80}, but must be {misfit.wanted}.",
            state="Nothing was changed.",
            remedy="Pass the documents as migration_host_info returned them, of the same version of the collection.",
        ) from None


class _MisfitError(Exception):
    """Collects the path to the field on its way up: to carry it down would cost every field of every guest."""

    def __init__(self, value: t.Any, wanted: str) -> None:
        super().__init__(wanted)
        self.value, self.wanted, self.path = value, wanted, ""

    def below(self, step: str) -> _MisfitError:
        self.path = step + self.path
        return self


Reader = t.Callable[[t.Any], t.Any]
_READERS: dict[t.Any, Reader] = {}


def _reader(hint: t.Any) -> Reader:
    """Checks and converts a value of that type; made once for each type."""
    if hint not in _READERS:
        _READERS[hint] = _make_reader(hint)
    return _READERS[hint]


def _make_reader(hint: t.Any) -> Reader:
    origin, arguments = t.get_origin(hint), t.get_args(hint)
    if hint is t.Any:
        return lambda plain: plain
    if origin is t.Union:  # only Optional is used
        inner = _reader(arguments[0])
        return lambda plain: None if plain is None else inner(plain)
    if origin is list:
        return _list_reader(_reader(arguments[0]))
    if origin is dict:
        return _dict_reader(_reader(arguments[1]))
    return _class_reader(hint) if dataclasses.is_dataclass(hint) else _scalar_reader(hint)


def _class_reader(cls: t.Any) -> Reader:
    fields = [(name, _reader(hint), required) for name, (hint, required) in _hints(cls).items()]

    def read(plain: t.Any) -> t.Any:
        if not isinstance(plain, dict):
            raise _MisfitError(plain, "a dictionary")
        values = {}
        for name, inner, required in fields:
            if name in plain:
                try:
                    values[name] = inner(plain[name])
                except _MisfitError as misfit:
                    raise misfit.below(f".{name}") from None
            elif required:
                raise _MisfitError(None, "there").below(f".{name}")
        return cls(**values)

    return read


def _list_reader(inner: Reader) -> Reader:
    def read(plain: t.Any) -> t.Any:
        if not isinstance(plain, (list, tuple)):
            raise _MisfitError(plain, "a list")
        found = []
        for item in plain:
            try:
                found.append(inner(item))
            except _MisfitError as misfit:
                raise misfit.below(f"[{len(found)}]") from None
        return found

    return read


def _dict_reader(inner: Reader) -> Reader:
    def read(plain: t.Any) -> t.Any:
        if not isinstance(plain, dict):
            raise _MisfitError(plain, "a dictionary")
        found = {}
        for key, item in plain.items():
            try:
                found[str(key)] = inner(item)
            except _MisfitError as misfit:
                raise misfit.below(f".{key}") from None
        return found

    return read


def _scalar_reader(hint: t.Any) -> Reader:
    def read(plain: t.Any) -> t.Any:
        kind = type(plain)
        if kind is hint:
            return plain
        if hint is float and kind is int:
            return float(plain)
        # Texts of Ansible's own classes are texts; a truth value is no number, although it is one to Python.
        if isinstance(plain, hint) and kind is not bool:
            return plain
        raise _MisfitError(plain, _NAMES[hint])

    return read


_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_KNOWN: dict[t.Any, dict[str, tuple[t.Any, bool]]] = {}


def _hints(cls: t.Any) -> dict[str, tuple[t.Any, bool]]:
    """The type of each field, and whether it must be given."""
    if cls not in _KNOWN:
        hints = t.get_type_hints(cls, vars(sys.modules[cls.__module__]))
        _KNOWN[cls] = {
            field.name: (
                hints[field.name],
                field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
            )
            for field in dataclasses.fields(cls)
        }
    return _KNOWN[cls]
