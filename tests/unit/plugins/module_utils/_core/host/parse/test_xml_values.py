# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.xml_values import number_set


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("", []), ("3", [3]), ("0-3", [0, 1, 2, 3]), ("0-4,^2,8", [0, 1, 3, 4, 8]), (" 1 , 0 ", [0, 1])],
)
def test_sets_of_numbers(text: str, numbers: list[int]) -> None:
    assert number_set(text) == numbers
