# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of its own, as its hosts are harmed; each guest comes back whole, with its memory checked."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "integration")]

from bench import repeat
from bench.lab_versions import versions_of
from bench.lending import ERP, borrowed, explained, two_hosts, watched
from bench.runs import Ansible
from bench.subject import Subject
from crash_points import with_counter
from results import Seen, keep, note, seen_by
from scene import Scene
from virtlab.lab import Lab

_known_crashes: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fast: the few that 'make test' runs")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> t.Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    explained(item, report)
    repeat.note(item, report)
    lab = getattr(item, "funcargs", {}).get("lab")
    if isinstance(lab, Lab):
        note(item, report, lambda: versions_of(lab))
        keep(item, report)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: t.Optional[pytest.Item]) -> bool:
    repeat.run(item, nextitem, _known_crashes)
    return True


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Seen:
    """Called by a test that shows what comes of a fault."""
    return seen_by(request.node)


@pytest.fixture(scope="session")
def lab() -> t.Iterator[Lab]:
    yield from two_hosts()


@pytest.fixture(autouse=True)
def daemons_run(request: pytest.FixtureRequest) -> t.Iterator[None]:
    yield from watched(request)


@pytest.fixture(scope="session")
def ansible(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("ansible"), lab.inventory())


@pytest.fixture(scope="session")
def kept_guest(lab: Lab) -> Subject:
    return Subject(lab, "erp01", ERP)


@pytest.fixture
def scene(ansible: Ansible, kept_guest: Subject) -> t.Iterator[Scene]:
    """One guest that rewrites 96 MiB without end, on two whole hosts; they are whole again afterwards."""
    for guest in borrowed(kept_guest):
        made = Scene(ansible, guest)
        try:
            yield made
        finally:
            made.repair()


@pytest.fixture
def counting(scene: Scene) -> t.Iterator[Scene]:
    """For deaths at each call: the calls of modules are counted on both hosts."""
    yield from with_counter(scene)
