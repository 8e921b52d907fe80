# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents changed at any place, what becomes of them in a filter, and how often, told at the end of a module."""

from __future__ import annotations

import collections
import copy
import json
import random
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError

ODD: list[t.Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**400,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "1",
    "nan",
    "erp01",
    "\x1b[2J\r\u202e\x9b",
    "\ud800",
    "x" * 5000,
    [],
    {},
    [None],
    [[]],
    {"": None},
    {"name": "a"},
    [1, "a", None],
]
counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)


def printed(request: pytest.FixtureRequest) -> t.Iterator[None]:
    """A fixture for each module that calls ``tried``."""
    counts.clear()
    yield
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        for what, found in counts.items():
            print(f"\nfuzzed {what}: {found['result']} gave a result, {found['refused']} were refused", end="")
        print()


def changed(document: t.Any, seed: int) -> t.Any:
    """One to three places, each at random: another value, one less, one twice, or one of another place."""
    dice, found = random.Random(seed), copy.deepcopy(document)
    for _number in range(dice.randint(1, 3)):
        places = list(_places(found))
        if not places:
            return dice.choice(ODD)
        parent, key = dice.choice(places)
        kind = dice.randrange(8)
        if kind == 0:
            del parent[key]
        elif kind == 1 and isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        elif kind == 2:
            other, where = dice.choice(places)
            parent[key] = copy.deepcopy(other[where]) if where in _keys(other) else None
        else:
            parent[key] = copy.deepcopy(dice.choice(ODD))
    return dice.choice(ODD) if dice.random() < 0.02 else found


def _keys(node: t.Any) -> t.Collection[t.Any]:
    return range(len(node)) if isinstance(node, list) else node


def _places(node: t.Any) -> t.Iterator[tuple[t.Any, t.Any]]:
    for key in _keys(node) if isinstance(node, (list, dict)) else ():
        yield node, key
        yield from _places(node[key])


def tried(what: str, error: type[Exception], call: t.Callable[[], t.Any], *, as_given: bool = False) -> None:
    """Whether it gives what can be JSON, with lines that can be printed unless they are ``as_given``, or this error."""
    said = ""
    try:
        result = call()
    except error as exc:
        said = str(exc) or "nothing"
    if said:
        counts[what]["refused"] += 1
        assert said.isprintable() or error is MigrationError
        assert len(said) < 20_000
        return
    counts[what]["result"] += 1
    if isinstance(result, list) and not as_given:
        assert [line for line in result if isinstance(line, str) and not line.isprintable()] == []
    json.dumps(result)
