# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for all readiness checks. The causes of each are in ``checks``, a file for each theme.

The lab shows what it can (tests/integration/test_readiness.py). Here is the rest too, from documents as such hosts give
them: devices of the host, hugepages, NUMA, TLS, faster networks, other distributions.
"""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    PASS,
    SKIP,
    Check,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    Row,
    find,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    Setup,
)

CHECKS_OF_THEMES = "ansible_collections.virtops.live_migration.tests.unit.plugins.module_utils._core.readiness.checks"
# On healthy hosts there is nothing to look at for these.
NOTHING_TO_SAY = {"disk_room", "backing_images", "interface_load", "tls", "sends_free_memory"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_healthy_hosts_pass(check: Check) -> None:
    finding = find(check, Setup())
    assert finding.status == (SKIP if check.id in NOTHING_TO_SAY else PASS), finding.summary


def rows() -> t.Iterator[Row]:
    """Of all files of the themes."""
    for file in sorted(Path(__file__).parent.glob("checks/test_*.py")):
        module = importlib.import_module(f"{CHECKS_OF_THEMES}.{file.stem}")
        yield from getattr(module, "ROWS", ())


def test_every_check_was_seen_in_every_state_that_it_has() -> None:
    seen = {(name, status) for name, status, _changes, _says in rows()}
    seen |= {(check.id, PASS) for check in CHECKS if check.id not in NOTHING_TO_SAY}
    wanted = {(check.id, status) for check in CHECKS for status in (PASS, *check.statuses)}
    assert wanted - seen == set()
    assert {one for one in seen - wanted if one[1] != SKIP} == set()


def test_checks_are_described() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert (check.of_hosts is None) != (check.of_guest is None)
        assert check.asks.endswith("?")
        assert check.otherwise.endswith(".")
