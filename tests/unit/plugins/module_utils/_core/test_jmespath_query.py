# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import resource
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core import jmespath_query
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.jmespath_query import search


def test_search() -> None:
    guests = [{"name": "erp01", "memory": 7}, {"name": "crm01", "memory": 3}]
    assert search("sort_by(@, &memory)[?starts_with(name, 'e')].name", guests) == ["erp01"]
    assert search("nothing", {}) is None


@pytest.mark.parametrize("expression", ["[?", "", "max(@)", "no_such(@)", "starts_with(@, 'a')"])
def test_a_bad_expression_is_named(expression: str) -> None:
    with pytest.raises(MigrationError) as caught:
        search(expression, {"a": 1})
    assert caught.value.reason == "BAD_EXPRESSION"
    assert repr(expression) in caught.value.problem
    assert caught.value.remedy


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    with pytest.raises(MigrationError, match="python3-jmespath") as caught:
        search("a", {})
    assert caught.value.reason == "JMESPATH_MISSING"


# --- bounds

GUESTS = [{"name": f"guest{number:05d}", "memory": number, "disks": [{"size": 1}, {"size": 2}]} for number in range(50)]
TOO_MUCH = {
    "5,000 negations": "!" * 5000 + "a",
    "9,999 negations": "!" * 9999,
    "5,000 brackets": "[" * 5000,
    "5,000 lists": "[" * 3000 + "a" + "]" * 3000,
    "5,000 in parentheses": "(" * 4000 + "a" + ")" * 4000,
    "a literal 5,000 deep": "`" + "[" * 3000 + "]" * 3000 + "`",
    "a literal 300 deep": "`" + "[" * 300 + "]" * 300 + "`",
    "1,000 alternatives": " || ".join(["a"] * 1000),
    "1,000 pipes": " | ".join(["@"] * 1000),
    "4,999 names": ".".join(["a"] * 4999),
    "20,000 characters": "a" * 20_000,
    "doubled 25 times": "[@,@]" + "|[@,@]" * 25,
    "doubled and flattened": "[@,@]" + "|[@,@][]" * 28,
    "doubled in a dictionary": "{a:@,b:@}" + "|{a:@,b:@}" * 25,
    "doubled by names": "[@,@]" + "|[@,@,@,@,@,@][]" * 12,
    "doubled and made a text": "to_string(" + "[@,@]" + "|[@,@]" * 25 + ")",
    "doubled and compared": "[@,@]" + "|[@,@]" * 22 + "|[0] == [1]",
    "two that are alike compared": "(" + "[@,@]" + "|[@,@]" * 22 + ") == (" + "[@,@]" + "|[@,@]" * 22 + ")",
    "looked for in itself": "[@,@]" + "|[@,@]" * 22 + "|contains(@, [0])",
    "a text that grows": "'aaaaaaaaaaaaaaaa'" + "|join(@,[@,@,@,@,@,@])" * 12,
    "quotes that grow": r"""'"\\"'""" + "|to_string([@])" * 60,
    "one long list 1,900 times": "[" + ",".join(["@"] * 1900) + "][]" + "|[" + ",".join(["@"] * 80) + "][]",
    "mapped": "[@,@]" + "|[map(&@, @), map(&@, @)][]" * 25,
    "a result that is too deep": "@" + "|" + "[" * 40 + "@" + "]" * 40 + ("|" + "[" * 40 + "@" + "]" * 40) * 20,
}


@pytest.mark.parametrize("expression", TOO_MUCH.values(), ids=list(TOO_MUCH))
def test_expressions_that_take_too_much(monkeypatch: pytest.MonkeyPatch, expression: str) -> None:
    """Within a tenth of the bounds, so that it takes a tenth of the time."""
    for name in ("_MOST_MADE", "_MOST_WEIGHT"):
        monkeypatch.setattr(jmespath_query, name, getattr(jmespath_query, name) // 10)
    refused(expression, jmespath_query.MOST_STEPS // 10)


def test_the_bounds_themselves() -> None:
    refused(TOO_MUCH["mapped"], jmespath_query.MOST_STEPS)


def refused(expression: str, most_steps: int) -> None:
    began_s, before_kib = time.monotonic(), peak_kib()
    with pytest.raises(MigrationError) as caught:
        search(expression, GUESTS, most_steps)
    assert caught.value.reason == "BAD_EXPRESSION"
    assert len(str(caught.value)) < 2500
    assert time.monotonic() - began_s < 60
    assert peak_kib() - before_kib < 300 * 1024


def peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("length(to_string(@)) > `100`", True),
        ("[?memory == `7`].name | [0]", "guest00007"),
        ("reverse(sort_by(@, &memory))[0].name", "guest00049"),
        ("[].disks[].size | sum(@)", 150),
        ("[0] == [0]", True),
        ("[].disks | [0] == [1]", True),
        ("map(&name, @) | length(@)", 50),
        ("join(', ', [:2].name)", "guest00000, guest00001"),
        ("[*].{n: name, m: memory} | [1]", {"n": "guest00001", "m": 1}),
        ("!not_there && " + " && ".join(["[0].name"] * 40), "guest00000"),
        ("to_number('12')", 12),
        ("to_number('" + "9" * 5000 + "')", None),
        ("@[::2] | length(@)", 25),
        ("contains([].name, 'guest00003')", True),
    ],
)
def test_expressions_that_people_write(expression: str, value: object) -> None:
    assert search(expression, GUESTS) == value


def test_steps_may_be_fewer() -> None:
    with pytest.raises(MigrationError, match="more than 100 steps"):
        search("[?memory > `3`]", GUESTS, 100)


def test_a_filter_that_looks_into_texts_of_many_guests() -> None:
    guests = [
        {"name": f"guest{number:05d}", "disks": [f"/srv/images/{number:060d}.qcow2"] * 2} for number in range(20_000)
    ]
    found = search("[?contains(join(',', disks), '19999.') && contains(disks[0], 'images')].name", guests)
    assert found == ["guest19999"]


def test_a_large_document_may_be_the_result() -> None:
    large = GUESTS * 800
    assert search("@", large) == large
    assert len(search("[?memory < `40` && disks[0].size == `1` && name != 'x']", large)) == 32_000


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"@[]{}()|&!*.,:`'\"?<>=-0129 ", "[*]", "[]", "name", "||", "&&", "==", "sort_by(", "to_string(", "&name",
             "[::-1]",
             "[?", "keys(", "map(&", "`1`", "{a:", "sum(", "avg(", "ceil(", "[::0]", "`1e400`", "join('',", "max("]
        ),
        max_size=30,
    ).map("".join)
)  # fmt: skip
def test_whatever_is_written(expression: str) -> None:
    with contextlib.suppress(MigrationError):
        search(expression, GUESTS[:5])
