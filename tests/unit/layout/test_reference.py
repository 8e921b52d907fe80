# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference pages are what the checks and the tables of meanings themselves say."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_errors import (
    all_meanings as meanings,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.tests.unit.layout.run_scripts import run_script


@pytest.fixture
def script() -> t.Any:
    return run_script("reference")


def test_the_page_is_up_to_date(script: t.Any) -> None:
    assert script.page(CHECKS) == script.PAGE.read_text(encoding="utf-8"), "run tests/run/reference.py"


def test_every_check_is_in_it(script: t.Any) -> None:
    text = script.page(CHECKS)
    assert [check.id for check in CHECKS if text.count(f"``{check.id}``") != 1] == []
    assert text.count("fail\n") == sum("fail" in check.statuses for check in CHECKS)


def test_the_page_of_errors_is_up_to_date(script: t.Any) -> None:
    written = script.ERRORS_PAGE.read_text(encoding="utf-8")
    assert script.errors_page(meanings) == written, "run tests/run/reference.py"


def test_every_reason_of_an_error_is_in_it(script: t.Any) -> None:
    text = script.errors_page(meanings)
    reasons = {row.reason for row in (*meanings.MEANINGS, meanings.FALLBACK)}
    assert [reason for reason in sorted(reasons) if f"``{reason}``" not in text] == []
    assert text.count("* - ``") == len(meanings.MEANINGS)
