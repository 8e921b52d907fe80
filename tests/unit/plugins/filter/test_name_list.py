# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.name_list import name_list

NAMES = [
    (None, []),
    ("", []),
    (" \n \n", []),
    ([], []),
    ("erp01", ["erp01"]),
    ("erp01,crm01 , web 01,", ["erp01", "crm01", "web 01"]),
    ("erp01\ncrm, the old one\n\nerp01\n", ["erp01", "crm, the old one"]),
    ("-dns 'a'", ["-dns 'a'"]),
    ("-dns 'a'\n-b", ["-dns 'a'", "-b"]),
    ('["erp01", "a,b", " c "]', ["erp01", "a,b", " c "]),
    ("[erp01, crm01]", ["erp01", "crm01"]),
    ("- erp01\n- 'two\\nlines'\n- 101", ["erp01", "two\\nlines", "101"]),
    ('["two\\nlines"]', ["two\nlines"]),
    (["erp01", "crm01", "erp01"], ["erp01", "crm01"]),
    ("kassen-\u00e4\u00f6\u00fc", ["kassen-\u00e4\u00f6\u00fc"]),
    (101, ["101"]),
]


@pytest.mark.parametrize(("given", "names"), NAMES)
def test_names(given: t.Any, names: list[str]) -> None:
    assert name_list(given) == names


@pytest.mark.parametrize("given", ["[erp01, crm01", "[on, erp01]", [None], {"erp01": 1}, "[{a: 1}]", [["erp01"]]])
def test_what_is_not_a_name(given: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="Give one name a line"):
        name_list(given)
