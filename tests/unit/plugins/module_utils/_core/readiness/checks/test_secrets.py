# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import Row, ids, see

ROWS: list[Row] = [
    ("secrets", PASS, {}, "need a secret"),
    ("secrets", SKIP, {"domain.secrets": ["uuid:a"]}, "not known"),
    ("secrets", FAIL, {"domain.secrets": ["uuid:a", "usage:b"], "destination.secrets": ["uuid:a"]}, "usage:b"),
    (
        "secrets",
        PASS,
        {"domain.secrets": ["uuid:a"], "destination.secrets": ["uuid:a", "usage:b"]},
        "nobody can compare",
    ),
    ("secrets", FAIL, {"domain.secrets": ["uuid:a"], "destination.secrets": []}, "does not have the secrets uuid:a"),
    ("secrets", PASS, {"destination.secrets": []}, "need a secret"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
