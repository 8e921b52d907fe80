# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents as dataclasses: to JSON types and back, with an error that names the place that does not fit.

Unknown keys are passed over, so that a newer document can be read by older code; what is missing takes its default.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import math
import sys
import typing as t

from .errors import MigrationError

T = t.TypeVar("T")
# A size, rate or time that is only shown: whole or not, but of at most 64 bits.
Amount = t.NewType("Amount", float)


def to_plain(value: t.Any) -> t.Any:
    """A dataclass, and all in it, as dicts and lists."""
    if dataclasses.is_dataclass(value):
        with uncollected():
            return _writer(type(value))(value)
    return _write_anything(value)


def _write_anything(value: t.Any) -> t.Any:
    if dataclasses.is_dataclass(value):
        return _writer(type(value))(value)
    if isinstance(value, (list, tuple)):
        return [_write_anything(item) for item in value]
    if isinstance(value, dict):
        return {key: _write_anything(item) for key, item in value.items()}
    return value


Writer = t.Callable[[t.Any], t.Any]
_WRITERS: dict[t.Any, t.Optional[Writer]] = {}


def _writer(cls: t.Any) -> Writer:
    """Made once for each class: 50,000 guests are millions of values, of which most are written as they are."""
    if cls not in _WRITERS:
        fields = [(name, _field_writer(hint)) for name, (hint, _required) in _hints(cls).items()]

        def write(value: t.Any) -> t.Any:
            return {
                name: getattr(value, name) if inner is None else inner(getattr(value, name)) for name, inner in fields
            }

        _WRITERS[cls] = write
    return t.cast(Writer, _WRITERS[cls])


def _field_writer(hint: t.Any) -> t.Optional[Writer]:
    """None for what is written as it is."""
    origin, arguments = t.get_origin(hint), t.get_args(hint)
    if hint in _NAMES or (origin is t.Union and all(one in _NAMES or one is _NONE for one in arguments)):
        return None
    if dataclasses.is_dataclass(hint):
        return _writer(hint)
    if origin is list and arguments[0] in _NAMES:
        return list
    if origin is list and dataclasses.is_dataclass(arguments[0]):
        inner = _writer(arguments[0])
        return lambda value: [inner(item) for item in value]
    return _write_anything


def changed(document: T, **fields: t.Any) -> T:
    """The same document with other values of these fields, as ``dataclasses.replace`` makes it, ten times as fast: it
    hands all 50 fields of a guest on one by one."""
    made: T = object.__new__(type(document))
    values = vars(made)
    values.update(vars(document))
    if not values.keys() >= fields.keys():
        raise TypeError(f"{type(document).__name__} has no {sorted(fields.keys() - values.keys())}")
    values.update(fields)
    return made


@contextlib.contextmanager
def uncollected() -> t.Iterator[None]:
    """Without the collector of cycles, of which documents have none: it looks through all of a growing document again
    and again, and takes the longest where there is the most."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


_REMEDY = "Pass the documents as migration_host_info returned them, of the same version of the collection."


def from_plain(cls: type[T], plain: t.Any, where: str, *, reason: str = "BAD_DOCUMENT", remedy: str = _REMEDY) -> T:
    """A ``cls`` from dicts and lists, as :func:`to_plain` makes them.

    Raises MigrationError with the code ``reason``, whose text names the field below ``where`` that does not fit, and
    says ``remedy``.
    """
    try:
        with uncollected():
            return t.cast(T, _reader(cls)(plain))
    except _MisfitError as misfit:
        raise MigrationError(
            reason,
            f"{where}{misfit.path[:_LONGEST_PATH]} is {_shown(misfit.value)}, but must be {misfit.wanted}.",
            state="Nothing was changed.",
            remedy=remedy,
        ) from None


def list_from_plain(
    cls: type[T], plain: t.Any, where: str, *, reason: str = "BAD_DOCUMENT", remedy: str = _REMEDY
) -> list[T]:
    """A list of them, as :func:`from_plain` for each; an error names its number: ``where[3]``."""
    read: t.Any = list[cls]  # type: ignore[valid-type]
    return t.cast("list[T]", from_plain(read, plain, where, reason=reason, remedy=remedy))


_LONGEST_PATH = 200  # characters of an error that say where


def _shown(value: t.Any) -> str:
    """Short, and whatever its size and depth."""
    if isinstance(value, (dict, list, tuple)) and value:
        return f"a {'dictionary' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and not _fits(value):
        return "a number of more than 200 bits"
    return f"{value[:80] if isinstance(value, str) else value!r:.80}"


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
    if hint is Amount:
        return _amount_reader
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
        if kind is hint and (kind is str or kind is bool or _fits(plain)):
            return plain
        if hint is float and kind is int and _fits(plain):
            return float(plain)
        # Texts of Ansible's own classes are texts; a truth value is no number, although it is one to Python.
        if isinstance(plain, hint) and kind is not bool and (hint is str or _fits(plain)):
            return plain
        raise _MisfitError(plain, _NAMES[hint])

    return read


def _amount_reader(plain: t.Any) -> t.Any:
    number = isinstance(plain, (int, float)) and not isinstance(plain, bool)
    if number and -_MOST <= plain <= _MOST:
        return plain
    raise _MisfitError(plain, "a number")


def _fits(number: t.Any) -> bool:
    """Python's whole numbers have no end, but what is computed with them has; and no document has nan or inf."""
    return bool(-_LARGEST <= number <= _LARGEST) if isinstance(number, int) else math.isfinite(number)


_LARGEST = 2**200  # of a whole number: products of a few stay below what a float holds, 2**1024
_MOST = 2**64  # of an Amount: libvirt counts in unsigned 64 bits
_NONE = type(None)
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
