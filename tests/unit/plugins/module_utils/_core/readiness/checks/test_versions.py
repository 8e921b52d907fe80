# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    KnownBug,
    Versions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    BY_ID,
    Row,
    find,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    Setup,
)

ROWS: list[Row] = [
    (
        "versions",
        WARN,
        {"destination.versions": Versions("11.3.0", "10.0.13")},
        "libvirt 12.0.0 to 11.3.0 and QEMU 11.0.0 to 10.0.13",
    ),
    ("versions", PASS, {"destination.versions": Versions("12.0.1", "11.1.0")}, "as new as"),
    ("versions", PASS, {"source.versions.qemu": "11.0.4"}, "as new as"),
    ("versions", SKIP, {"destination.versions": Versions()}, "not known"),
    ("known_bugs", WARN, {"destination.known_bugs": [KnownBug("id", "it crashes", "Update.")]}, "it crashes"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)


def test_a_name_that_is_missing_in_no_document_is_not_reported_twice() -> None:
    """Both hosts with the same bug: told once."""
    bugs = {f"{side}.known_bugs": [KnownBug("id", "it crashes", "Update.")] for side in ("source", "destination")}
    finding = find(BY_ID["known_bugs"], Setup().but(bugs))
    assert finding.summary.count("it crashes") == 1
    assert finding.evidence["bugs"] == ["kvm01: id", "kvm02: id"]
