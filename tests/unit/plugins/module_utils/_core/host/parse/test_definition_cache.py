# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions that differ in names only are read as each of them is by itself, and most of them without a parser."""

from __future__ import annotations

import os
import random
import re
import typing as t
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse import (
    definition_cache,
    domain_xml,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import (
    _document,
    parse_domain,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.elements import whole
from ansible_collections.virtops.live_migration.tests.unit.plugins.module_utils._core.host.parse import (
    test_fuzz_domains,
)

EXAMPLES = int(os.environ.get("VIRTOPS_FUZZ_EXAMPLES", "200"))
LIVE = (Path(__file__).parents[4] / "captured" / "everything.xml").read_text(encoding="utf-8")
ODD = (
    "",
    " ",
    " a ",
    "a b",
    "0",
    "-1",
    "5901",
    "1e9",
    "/dev/random",
    "/dev/urandom",
    "localhost",
    "a&amp;b",
    "a>b",
    "yes",
)
ODD += ("\u00e4", "\u00a0a", "\u00b7", "\u2402" + "0\u2403", "&#9;", "&#x2402;0&#x2403;", "]]", "{}", "\\1", "\\g<1>")
VALUE = re.compile("='([^']*)'|>([^<>\n]+)<")


def itself(xml: str) -> t.Any:
    """What is read of it as a whole."""
    try:
        return _document(whole(ElementTree.fromstring(xml)))
    except ElementTree.ParseError:
        return "BAD_DEFINITION"
    except MigrationError as exc:
        return exc.reason


def read(xml: str) -> t.Any:
    try:
        return parse_domain(xml)
    except MigrationError as exc:
        return exc.reason


def changed(xml: str, rng: random.Random, part: float) -> str:
    """Some values are others: new ones, odd ones, or such as stand elsewhere in it."""
    own = [value for pair in VALUE.findall(xml) for value in pair if value] or ["x"]

    def other(found: re.Match[str]) -> str:
        if rng.random() > part:
            return found[0]
        value = rng.choice([rng.choice(ODD), rng.choice(own), f"v{rng.random()}", f"/srv/{rng.randrange(9)}"])
        if found[1] is None:
            return f">{value.replace('>', '&gt;')}<"
        return f"='{value}'"

    return VALUE.sub(other, xml)


def quoted(xml: str) -> str:
    """As libvirt writes it."""
    root = ElementTree.fromstring(xml)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode").replace('"', "'") + "\n"


@settings(max_examples=max(10, EXAMPLES // 4), database=None, deadline=None)
@given(st.integers(0, 2**48), st.sampled_from([0.02, 0.1, 0.5]))
def test_each_is_read_as_it_is_by_itself(seed: int, part: float) -> None:
    rng = random.Random(seed)
    base = quoted(test_fuzz_domains.Maker(seed, 0.0).domain()) if rng.random() < 0.7 else LIVE
    for _number in range(4):
        xml = changed(base, rng, part)
        for _again in range(3):
            assert read(xml) == itself(xml)


@pytest.mark.parametrize("place", range(len(VALUE.findall(LIVE))))
def test_each_value_alone(place: int) -> None:
    """One after the other is another one, in a definition of which two others were seen."""
    for value in ("", " a ", "0", "5901", "/dev/random", "a&amp;b", "/srv/other"):
        count = iter(range(10_000))

        def other(found: re.Match[str], value: str = value, count: t.Iterator[int] = count) -> str:
            if next(count) != place:
                return found[0]
            return f"='{value}'" if found[1] is not None else f">{value.replace('>', '&gt;')}<"

        xml = VALUE.sub(other, LIVE)
        assert read(xml) == itself(xml), value


def test_most_are_not_parsed() -> None:
    parsed: list[str] = []

    def parse(xml: str) -> GuestDocument:
        parsed.append(xml)
        return _document(whole(ElementTree.fromstring(xml)))

    reader = definition_cache.Alike(parse)
    name, uuid = (re.search(f"<{tag}>(.*)</{tag}>", LIVE) for tag in ("name", "uuid"))
    assert name is not None
    assert uuid is not None
    for number in range(1000):
        xml = LIVE.replace(name[1], f"vm{number}").replace(uuid[1], f"{number:032x}")
        found = reader.parse(xml)
        assert (found.name, found.uuid) == (f"vm{number}", f"{number:032x}")
        assert number % 100 or found == itself(xml)
    assert len(parsed) == 2


def of_kind(kind: int, number: int) -> str:
    return f"<domain><name>vm{number}</name><vcpu>{kind}</vcpu></domain>"


def counting() -> tuple[definition_cache.Alike, list[str]]:
    parsed: list[str] = []

    def parse(xml: str) -> GuestDocument:
        parsed.append(xml)
        return _document(whole(ElementTree.fromstring(xml)))

    return definition_cache.Alike(parse), parsed


def test_each_kind_of_many_is_learned_once() -> None:
    """In turn, so that each is met again after all others. With room for 256 of them all were parsed, and learned anew
    each time: 20,000 guests of 500 kinds took six times as long as of 250."""
    reader, parsed = counting()
    for number in range(5000):
        assert reader.parse(of_kind(number % 1000, number)).name == f"vm{number}"
    assert len(parsed) == 2 * 1000


def test_more_kinds_than_there_is_room_for_are_parsed_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definition_cache, "_MOST_KINDS", 10)
    monkeypatch.setattr(definition_cache, "_MOST_SEEN", 30)
    reader, parsed = counting()
    for number in range(500):
        assert reader.parse(of_kind(number % 50, number)).name == f"vm{number}"
    assert (len(reader._known), len(reader._seen)) == (10, 30)
    # Of the ten that are known, once as it came and once with marks.
    assert len(parsed) == 500 - 10 * 10 + 2 * 10


def test_it_is_what_reads_definitions() -> None:
    assert isinstance(domain_xml._alike, definition_cache.Alike)
