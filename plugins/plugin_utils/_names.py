# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of guests and hosts, taken from what a user gave: as they were written, or not at all."""

from __future__ import annotations

import json
import typing as t

import yaml

from ..module_utils._core.errors import MigrationError

_REMEDY = "Give one name a line, or a list in JSON, with each name in double quotes"
_SHOWN = 60


def names_from(value: t.Any, commas: bool = True, at_most: t.Optional[int] = None) -> list[str]:
    """Names in their order, each once; from None, a text, or a list of texts.

    ``commas``: whether the only line of a text is separated at its commas. Otherwise it is one name, even with a
    bracket at its beginning, unless it is a list in JSON. ``at_most``: how many names there may be.
    Raises MigrationError ``BAD_NAMES``.
    """
    if value is None:
        return []
    if isinstance(value, str):
        value = _split(_plain(value), commas)
    if isinstance(value, t.Mapping) or not isinstance(value, t.Iterable):
        raise _not_a_text(value)
    # A text that stands there a million times, by aliases of YAML, is looked at once.
    found = list(dict.fromkeys(_name(one) for one in {id(one): one for one in value}.values()))
    if at_most is not None and len(found) > at_most:
        raise _bad(f"{_shown(', '.join(found))} are {len(found)} names, but there may be no more than {at_most}.")
    return found


def _plain(text: str) -> str:
    """The same without what a newer Ansible attaches to a text."""
    return str(json.loads(json.dumps(text)))


def _split(text: str, commas: bool) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    if lines[0].startswith("["):
        found = _from_json(text)
        if found is not None:
            return found
        if commas:
            return _from_yaml(text)
    elif all(line.startswith("- ") for line in lines):
        return _from_yaml(text)
    if len(lines) > 1 or not commas:
        return lines
    return [one.strip() for one in lines[0].split(",") if one.strip()]


def _from_json(text: str) -> t.Optional[list[str]]:
    """The texts of a flat list, numbers as they are written; None where it is no list in JSON."""
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    words = {True: "true", False: "false", None: "null"}
    return [one if isinstance(one, (str, list, dict)) else words[one] for one in found]


def _from_yaml(text: str) -> list[str]:
    """The scalars of a flat list as they are written, so that ``0123``, ``1.10``, ``no`` and dates stay what they are.

    Read event by event: anchors, aliases, tags and lists in lists are refused before anything is made of them.
    """
    found: list[str] = []
    lists = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if not isinstance(event, yaml.NodeEvent):  # beginnings and ends
                continue
            lists += isinstance(event, yaml.SequenceStartEvent)
            named = event.anchor or getattr(event, "tag", None)
            if named or lists != 1 or not isinstance(event, (yaml.SequenceStartEvent, yaml.ScalarEvent)):
                raise _bad(f"{_shown(text)} is a list with something in it that is not a plain name.")
            if isinstance(event, yaml.ScalarEvent):
                found.append(str(event.value))
    except yaml.YAMLError as exc:
        raise _bad(f"{_shown(text)} looks like a list, but is not one in JSON or YAML ({exc}).") from exc
    return found


def _name(one: t.Any) -> str:
    if not isinstance(one, str):
        raise _not_a_text(one)
    if not one:
        raise _bad("An empty text is not a name.")
    return _plain(one)


def _not_a_text(value: t.Any) -> MigrationError:
    kind = "null" if value is None else type(value).__name__.lstrip("_").replace("AnsibleTagged", "").lower()
    return _bad(
        f"{_shown(value)} is not a text ({kind}). Ansible may have read a name such as 0123 or no as a number or a"
        " truth value."
    )


def _shown(value: t.Any) -> str:
    # What is in a list or dictionary may be of any depth.
    text = (
        "This" if isinstance(value, (list, tuple, t.Mapping)) else repr(value) if isinstance(value, str) else str(value)
    )
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _bad(problem: str) -> MigrationError:
    return MigrationError("BAD_NAMES", problem, remedy=f'{_REMEDY}: ["0123", "erp01"].')
