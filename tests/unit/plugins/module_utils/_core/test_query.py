# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.query import search


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
