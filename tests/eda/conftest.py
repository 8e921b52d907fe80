# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab for the rulebooks, and the real ansible-rulebook beside it."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "integration")]

from bench.lending import ERP, borrowed, two_hosts
from bench.subject import Subject
from rulebook import Rulebook
from virtlab.lab import Lab


@pytest.fixture(scope="session")
def lab() -> t.Iterator[Lab]:
    yield from two_hosts()


@pytest.fixture(scope="session")
def kept_guest(lab: Lab) -> Subject:
    return Subject(lab, "erp01", ERP)


@pytest.fixture
def erp01(kept_guest: Subject) -> t.Iterator[Subject]:
    yield from borrowed(kept_guest)


@pytest.fixture
def rulebook(lab: Lab, tmp_path: Path) -> t.Iterator[Rulebook]:
    made = Rulebook(lab, tmp_path)
    try:
        yield made
    finally:
        made.kill()
