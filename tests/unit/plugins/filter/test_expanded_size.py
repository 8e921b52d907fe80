# SPDX-License-Identifier: GPL-3.0-or-later
"""What YAML's aliases make small and a filter would write out: refused by each filter before anything is made of it."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import pkgutil
import typing as t
from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins import filter as filters
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.plugin_utils import _expanded_size
from ansible_collections.virtops.live_migration.plugins.plugin_utils._expanded_size import refuse_expansion
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain

LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
)
LAUGH = yaml.safe_load(LAUGHS)["a9"]  # 2 * 9**9 texts
FILTERS: dict[str, t.Callable[..., t.Any]] = {}
for _module in pkgutil.iter_modules(filters.__path__):
    FILTERS.update(importlib.import_module(f"{filters.__name__}.{_module.name}").FilterModule().filters())
_HANDED_ON = {"unless_blank"}  # what it is given, unchanged


def parameters(name: str) -> list[str]:
    found = inspect.signature(FILTERS[name]).parameters.values()
    return [one.name for one in found if one.kind is one.POSITIONAL_OR_KEYWORD]


def places() -> list[tuple[str, str]]:
    """Each parameter of each filter."""
    return [(name, one) for name in sorted(set(FILTERS) - _HANDED_ON) for one in parameters(name)]


PLACES = places()
_FLAGS = {("name_list", "commas"), ("name_list", "at_most")}


@pytest.mark.parametrize(("name", "place"), [one for one in PLACES if one not in _FLAGS])
@pytest.mark.parametrize("kind", ["list", "dictionary", "text"])
def test_every_filter(name: str, place: str, kind: str) -> None:
    """Nothing is written out, whichever of the arguments it is; what the others are does not matter."""
    text = "x" * 1_000_000
    value = {"list": LAUGH, "dictionary": {"a": LAUGH, "b": [LAUGH]}, "text": [text] * 1000}[kind]
    given = {one: "1" for one in parameters(name) if (name, one) not in _FLAGS} | {place: value}
    written: list[int] = []
    real = json.dumps

    def dumps(value: t.Any, **options: t.Any) -> str:
        found = real(value, **options)
        written.append(len(found))
        return found

    one_name = (name, place, kind) == ("name_list", "names", "text")  # a thousand times the same
    refused = contextlib.nullcontext() if one_name else pytest.raises(AnsibleFilterError)
    with mock.patch.object(json, "dumps", dumps), refused:
        FILTERS[name](**given)
    assert sum(written) < 10_000_000


def reason(value: t.Any) -> str:
    with pytest.raises(MigrationError) as caught:
        plain(value)
    return f"{caught.value.reason}: {caught.value.problem}"


def test_what_is_refused() -> None:
    within: list[t.Any] = []
    within.append(within)
    deep: list[t.Any] = []
    for _level in range(250):
        deep = [deep]
    assert "aliases" in reason(LAUGH)
    assert "1000000 values" in reason({"a": [LAUGH]})
    assert "64000000 characters" in reason([["x" * 100_000] * 1000] * 1)
    assert "within itself" in reason({"a": [{"b": within}]})
    assert "200 deep" in reason(deep)
    shared: t.Any = []
    for _level in range(120):
        shared = [shared]
    outer: t.Any = shared
    for _level in range(120):
        outer = [outer, shared]
    assert "200 deep" in reason(outer)


def test_what_is_there_itself_may_be_large() -> None:
    """Documents of a large fleet, and anchors that people use to write a value once."""
    plain([{"name": f"guest{number:05d}", "n": list(range(30))} for number in range(40_000)])
    rules = {"downtime_ms": 300, "may": ["a", "b"]}
    assert plain([rules] * 10_000) == [rules] * 10_000
    assert plain(["x" * 50_000_000])


def test_each_part_is_looked_at_once() -> None:
    looked: list[int] = []
    real = _expanded_size._inner

    def inner(value: t.Any) -> t.Any:
        looked.append(id(value))
        return real(value)

    with mock.patch.object(_expanded_size, "_inner", inner), pytest.raises(MigrationError):
        refuse_expansion(LAUGH)
    assert len(looked) <= 2 + 9 * 9 + 2


class Lazy(list[t.Any]):
    """As a newer Ansible's: whoever asks for its items in the usual way gets others."""

    def __iter__(self) -> t.Iterator[t.Any]:
        raise AssertionError("its items are made anew each time that they are asked for")


def test_lazy_containers_are_looked_at_as_they_are() -> None:
    refuse_expansion(Lazy([1, [2]]))


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=30,
)


def counted(value: t.Any) -> tuple[int, int]:
    """Values and characters, written out, the slow way."""
    if isinstance(value, str):
        return 1, len(value)
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    found = [counted(one) for one in inner]
    return 1 + sum(one for one, _more in found), sum(more for _one, more in found)


@settings(max_examples=200, deadline=None)
@given(TREES, st.lists(st.sampled_from(["twice", "keyed", "wrapped"]), max_size=12))
def test_the_size_is_that_of_what_is_written_out(tree: t.Any, steps: list[str]) -> None:
    for step in steps:
        tree = {"twice": [tree, tree], "keyed": {"a": tree, "b": tree}, "wrapped": [tree]}[step]
    size = _expanded_size._Measure().of(tree)
    assert (size.values, size.characters) == counted(tree)
    assert plain(tree) == json.loads(json.dumps(tree))
