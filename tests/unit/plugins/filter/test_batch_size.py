# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.batch_size import batch_size

SIZES = [
    (1, 1),
    ("1", 1),
    (" 2\n", 2),
    ("007", 7),
    (250, 250),
    ("25%", "25%"),
    ("50 %", "50%"),
    ("100%", "100%"),
    ("1%", "1%"),
    ([1, "5", "50%"], [1, 5, "50%"]),
]
NO_SIZES = [
    *("", "some", "-1", "0", "0%", "101%", "200%", "-5%", "1.5", "1e3", "%", "5%%", "1 2", "\u0662", "9" * 5000, "[1]"),
    *(0, -1, 1.5, 1.0, True, False, None, [], [0], [1, "200%"], [[1]], {"a": 1}),
]


@pytest.mark.parametrize(("given", "size"), SIZES)
def test_sizes(given: t.Any, size: t.Any) -> None:
    assert batch_size(given) == size


@pytest.mark.parametrize("given", NO_SIZES)
def test_what_would_begin_all_hosts_at_once_or_means_nothing(given: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="percentage from 1% to 100%") as raised:
        batch_size(given)
    assert len(str(raised.value)) < 300
