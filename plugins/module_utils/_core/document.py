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
    if isinstance(plain, cls):
        return plain
    if not isinstance(plain, dict):
        raise _bad(where, plain, "a dictionary")
    values = {}
    for name, (hint, required) in _hints(cls).items():
        if name in plain:
            values[name] = _value(hint, plain[name], f"{where}.{name}")
        elif required:
            raise _bad(f"{where}.{name}", None, "there")
    return cls(**values)


def _value(hint: t.Any, plain: t.Any, where: str) -> t.Any:
    origin, arguments = t.get_origin(hint), t.get_args(hint)
    if hint is t.Any:
        return plain
    if origin is t.Union:  # only Optional is used
        return None if plain is None else _value(arguments[0], plain, where)
    if origin is list:
        if not isinstance(plain, (list, tuple)):
            raise _bad(where, plain, "a list")
        return [_value(arguments[0], item, f"{where}[{number}]") for number, item in enumerate(plain)]
    if origin is dict:
        if not isinstance(plain, dict):
            raise _bad(where, plain, "a dictionary")
        return {str(key): _value(arguments[1], item, f"{where}.{key}") for key, item in plain.items()}
    if dataclasses.is_dataclass(hint):
        return from_plain(t.cast("type[t.Any]", hint), plain, where)
    return _scalar(hint, plain, where)


def _scalar(hint: t.Any, plain: t.Any, where: str) -> t.Any:
    if hint is bool or isinstance(plain, bool):
        if hint is not bool or not isinstance(plain, bool):
            raise _bad(where, plain, _NAMES[hint])
        return plain
    if hint is float and isinstance(plain, int):
        return float(plain)
    if not isinstance(plain, hint):
        raise _bad(where, plain, _NAMES[hint])
    return plain


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


def _bad(where: str, value: t.Any, wanted: str) -> MigrationError:
    return MigrationError(
        "BAD_DOCUMENT",
        f"{where} is {value!r:.80}, but must be {wanted}.",
        state="Nothing was changed.",
        remedy="Pass the documents as migration_host_info returned them, of the same version of the collection.",
    )
