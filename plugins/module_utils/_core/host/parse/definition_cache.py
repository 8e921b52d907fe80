# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions that differ in names only. A host may have 50,000, of which most come from a few templates.

What is between such values makes its kind: two definitions of one kind differ in nothing that anything depends on but
these values, which go through the parser as they are. So a definition is parsed once with a mark in the place of each
value, and of all others of its kind the values are put in. A definition that holds anything else is parsed by itself.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing as t

from ...dataclass_json import changed
from ...errors import MigrationError
from ..guest import Graphics, GuestDocument
from .xml_values import whole_number

Values = t.Sequence[str]
Fill = t.Callable[[Values], t.Any]
Parse = t.Callable[[str], GuestDocument]

_OPEN, _CLOSE = "\u2402", "\u2403"  # around the number of a value
_OTHERWISE = ("<!", "<?", "&#", _OPEN)  # comments and the like, and what could be taken for a mark
_VALUE = rf"([^\x00-\x1f'\"<>&{_OPEN}{_CLOSE}\ud800-\udfff\ufffe\uffff]+)"  # XML has no other way to write it
# What is before a value that means nothing but itself, and the value.
_PLACES = re.compile(
    r"(<(?:"
    r"(?:name|uuid|genid|label|imagelabel|baselabel|serial|wwn|title|description|entry name='(?:uuid|serial)'"
    r"|nvram(?: [^<>]*)?)>"
    r"|(?:domain type='[^']*' id|mac address|address uuid|console type='pty' tty|cid auto='yes' address"
    r"|graphics type='(?:vnc|spice)' port"
    r"|source (?:(?:mode='bind' |type='unix' )?path|file|dev|dir|bridge|protocol='rbd' name|pool='[^']*' volume"
    r"|network='[^']*'(?: portgroup='[^']*')? portid))='"
    r"|target dev='(?=[^']*'/>)"
    rf")){_VALUE}(?=['<])"
)
_TEXTS = re.compile(rf"(>){_VALUE}(?=<)")  # of metadata, of which nothing is looked at
_METADATA_OPEN, _METADATA_CLOSE = "\n  <metadata>", "\n  </metadata>"
_PORT = re.compile("<graphics type='(?:vnc|spice)' port='")
_FIRST_PORT = 1 << 32  # of those that stand for a value; no port of a console is as large
_SETS = ("boot_files", "host_files", "needed_files", "secrets")  # sorted
_LONGEST = 65536
_MOST_KINDS = 4096  # about 20 KB each
_MOST_SEEN = 65536  # 100 bytes each

Kind = bytes


class Alike:
    """The kinds of definitions that there are. ``parse``: reads a whole one by itself.

    None is forgotten for another one: with more kinds than there is place for each would be learned over and over.
    """

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._seen: set[Kind] = set()  # once
        self._known: dict[Kind, t.Optional[Fill]] = {}  # None: one that has to be parsed by itself

    def parse(self, xml: str) -> GuestDocument:
        """Raises what ``parse`` raises."""
        if len(xml) > _LONGEST or any(one in xml for one in _OTHERWISE):
            return self._parse(xml)
        parts = _split(xml)
        values = parts[2::3]
        del parts[2::3]
        numbers: dict[str, int] = {}
        kind = _kind(parts, [numbers.setdefault(value, len(numbers)) for value in values])
        fill = self._known.get(kind) if kind in self._known else self._new(kind, parts, values)
        if fill is None or any(value != value.strip() for value in numbers):
            return self._parse(xml)
        try:
            return t.cast(GuestDocument, fill(list(numbers)))
        except ValueError:
            return self._parse(xml)

    def _new(self, kind: Kind, parts: t.Sequence[str], values: Values) -> t.Optional[Fill]:
        """Learned when it is met again: most kinds are those of one guest, or of many."""
        if kind not in self._seen:
            if len(self._seen) < _MOST_SEEN:
                self._seen.add(kind)
            return None
        if len(self._known) >= _MOST_KINDS:
            return None
        fill = self._known[kind] = self._learned(parts, values)
        return fill

    def _learned(self, parts: t.Sequence[str], values: Values) -> t.Optional[Fill]:
        numbers: dict[str, int] = {}
        pieces = [parts[0]]
        for before, value, after in zip(parts[1::2], values, parts[2::2]):
            number = numbers.setdefault(value, len(numbers))
            port = _PORT.fullmatch(before) is not None
            pieces += [before, str(_FIRST_PORT + number) if port else f"{_OPEN}{number}{_CLOSE}", after]
        try:
            return _fill(self._parse("".join(pieces)))
        except MigrationError:
            return None


def _kind(parts: t.Sequence[str], numbers: t.Sequence[int]) -> Kind:
    """A digest of it, as the text is as long as the definition. The mark between its parts is in none of them."""
    text = _OPEN.join([*parts, *map(str, numbers)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _split(xml: str) -> list[str]:
    """A text, what is before a value, the value, the next text, and so on."""
    start = xml.find(_METADATA_OPEN)
    end = xml.find(_METADATA_CLOSE, start) if start >= 0 else -1
    if end < 0:
        return _PLACES.split(xml)
    parts = _PLACES.split(xml[:start])
    for more in (_TEXTS.split(xml[start:end]), _PLACES.split(xml[end:])):
        parts[-1] += more[0]
        parts += more[1:]
    return parts


_MARK = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


def _fill(template: t.Any) -> t.Optional[Fill]:
    """Puts values in the places of marks; None where there is no mark."""
    if isinstance(template, str):
        return _fill_text(template)
    if isinstance(template, list):
        return _fill_list(template)
    if isinstance(template, dict):
        return _fill_dict(template)
    if not dataclasses.is_dataclass(template) or isinstance(template, type):
        return None
    fills = {name: fill for name, value in vars(template).items() if (fill := _fill_field(template, name, value))}
    if not fills:
        return None
    pairs = list(fills.items())
    return lambda values: changed(template, **{name: fill(values) for name, fill in pairs})


def _fill_field(owner: t.Any, name: str, value: t.Any) -> t.Optional[Fill]:
    if isinstance(owner, Graphics) and name == "port" and value is not None and value >= _FIRST_PORT:
        number = value - _FIRST_PORT
        return lambda values: whole_number(values[number]) or None
    fill = _fill(value)
    if isinstance(value, dict) and fill is None:
        return lambda _values: dict(value)  # each guest has its own
    if fill is not None and isinstance(owner, GuestDocument) and name in _SETS:
        unsorted = fill
        return lambda values: sorted(set(unsorted(values)))
    return fill


def _fill_text(template: str) -> t.Optional[Fill]:
    pieces = _MARK.split(template)
    if len(pieces) == 1:
        return None
    numbers = [int(number) for number in pieces[1::2]]
    if len(numbers) == 1 and not pieces[0] and not pieces[2]:
        number = numbers[0]
        return lambda values: values[number]

    def fill(values: Values) -> str:
        made = list(pieces)
        made[1::2] = [values[number] for number in numbers]
        return "".join(made)

    return fill


def _fill_list(template: t.Sequence[t.Any]) -> t.Optional[Fill]:
    fills = [_fill(one) for one in template]
    if not any(fills):
        return None
    pairs = list(zip(template, fills))
    return lambda values: [one if fill is None else fill(values) for one, fill in pairs]


def _fill_dict(template: t.Mapping[str, t.Any]) -> t.Optional[Fill]:
    fills = {key: fill for key, value in template.items() if (fill := _fill(value))}
    if not fills:
        return None
    return lambda values: {**template, **{key: fill(values) for key, fill in fills.items()}}
