# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import time
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.name_list import name_list

NAMES = [
    (None, []),
    ("", []),
    (" \n \n", []),
    ([], []),
    ("[]", []),
    ("erp01", ["erp01"]),
    ("0123", ["0123"]),
    ("erp01,crm01 , web 01,", ["erp01", "crm01", "web 01"]),
    ("erp01\ncrm, the old one\n\nerp01\n", ["erp01", "crm, the old one"]),
    (
        "0123\n1.10\nno\nnull\n2024-01-02\n0x10\n*a\n&b",
        ["0123", "1.10", "no", "null", "2024-01-02", "0x10", "*a", "&b"],
    ),
    ("-dns 'a'", ["-dns 'a'"]),
    ("-dns 'a'\n-b", ["-dns 'a'", "-b"]),
    ('["erp01", "a,b", " c "]', ["erp01", "a,b", " c "]),
    ('[\n\t"erp01"\n]', ["erp01"]),
    ('["\\ud83d\\ude00"]', ["\U0001f600"]),
    ("[erp01, crm01]", ["erp01", "crm01"]),
    ("- erp01\n- 'two\\nlines'\n- 101", ["erp01", "two\\nlines", "101"]),
    # What is written is the name, and not what YAML would make of it.
    (
        "- 0123\n- 1.10\n- no\n- null\n- 2024-01-02\n- 1_000\n- 12:30",
        ["0123", "1.10", "no", "null", "2024-01-02", "1_000", "12:30"],
    ),
    ("[0123, 1.10, on, ~, 2024-01-02, 0x10]", ["0123", "1.10", "on", "~", "2024-01-02", "0x10"]),
    ("[1001, 1.10, true, false, null, 1e3]", ["1001", "1.10", "true", "false", "null", "1e3"]),
    ('["two\\nlines"]', ["two\nlines"]),
    (["erp01", "crm01", "erp01"], ["erp01", "crm01"]),
    (("erp01", "0123"), ["erp01", "0123"]),
    ("kassen-\u00e4\u00f6\u00fc", ["kassen-\u00e4\u00f6\u00fc"]),
]
# As one name, where that is meant.
SINGLE = [
    (None, []),
    ("", []),
    ("crm, the old one", ["crm, the old one"]),
    ("[web] 01", ["[web] 01"]),
    ("[ab]*,!a1", ["[ab]*,!a1"]),
    ('["0123"]', ["0123"]),
    ("- 0123", ["0123"]),
    ("kvm01\n[ab]*", ["kvm01", "[ab]*"]),
    (["0123"], ["0123"]),
]


@pytest.mark.parametrize(("given", "names"), NAMES)
def test_names(given: t.Any, names: list[str]) -> None:
    assert name_list(given) == names


@pytest.mark.parametrize(("given", "names"), SINGLE)
def test_without_commas(given: t.Any, names: list[str]) -> None:
    assert name_list(given, commas=False) == names


# Numbers and truth values may have been made of another text: 83 of 0123, 1.1 of 1.10, False of no.
NOT_A_TEXT = [83, 1.1, 0, True, False, datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2), b"erp01"]


@pytest.mark.parametrize(
    "given", [*NOT_A_TEXT, *([one] for one in NOT_A_TEXT), [None], {"erp01": 1}, [["erp01"]], [{}]]
)
def test_what_is_not_a_text(given: t.Any) -> None:
    for commas in (True, False):
        with pytest.raises(AnsibleFilterError, match="Give one name a line"):
            name_list(given, commas=commas)


BAD_TEXTS = [
    "[erp01, crm01",
    "[{a: 1}]",
    '[{"a": 1}]',
    "[[erp01]]",
    "[erp01, [crm01]]",
    "- erp01\n- a: 1",
    "- &a erp01\n- *a",
    "- !unsafe erp01",
    "- !!python/object/apply:os.getcwd []",
    "- &a [erp01]\n- *a",
    '[""]',
    "[a]\n---\n[b]",
    "[" * 5000,
    "[" * 5000 + "]" * 5000,
]


@pytest.mark.parametrize("given", BAD_TEXTS)
def test_what_is_no_list_of_names(given: str) -> None:
    with pytest.raises(AnsibleFilterError, match="Give one name a line") as raised:
        name_list(given)
    assert len(str(raised.value)) < 1000


def test_aliases_are_not_expanded() -> None:
    levels = [f"- &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 30)]
    begin = time.process_time()
    with pytest.raises(AnsibleFilterError, match="Give one name a line"):
        name_list("\n".join(["- &a0 [x]", *levels]))
    assert time.process_time() - begin < 1


def test_lists_of_any_depth_are_refused() -> None:
    deep: list[t.Any] = []
    for _number in range(100_000):
        deep = [deep]
    with pytest.raises(AnsibleFilterError, match="Give one name a line"):
        name_list(deep)
    while deep:  # or their destruction would go as deep
        deep = deep.pop()


def test_no_more_than_there_may_be() -> None:
    assert name_list("erp01", commas=False, at_most=1) == ["erp01"]
    with pytest.raises(AnsibleFilterError, match="no more than 1"):
        name_list("erp01\ncrm01", commas=False, at_most=1)


def test_ten_thousand_names_take_little_time() -> None:
    names = [f"guest-{number}" for number in range(10_000)]
    begin = time.process_time()
    assert name_list("\n".join(f"- {name}" for name in names)) == names
    assert name_list("\n".join(names)) == names
    assert time.process_time() - begin < 10
