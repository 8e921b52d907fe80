# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of two hosts for all tests, guests that are used again and again, and Ansible beside them."""

from __future__ import annotations

import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from bench import repeat
from bench.lab_versions import resume_crashes
from bench.lending import ERP, borrowed, explained, two_hosts, watched
from bench.runs import Ansible
from bench.subject import Subject
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

CRM = GuestOptions(ram_mib=160, hot_mib=24, cold_mib=8)


# Each takes minutes, the first ones longest. Begun last, one of them would keep one of the labs at work alone.
LONG = (
    *("test_report", "test_role_prerequisites", "test_evacuation_rules", "test_evacuation", "test_answers_carried_out"),
    *("test_migration", "test_rescue", "test_awx_setup", "test_shrink", "test_playbooks", "test_diagnosis", "test_lab"),
    *("test_return_home", "test_migration_carried", "test_silent_daemons", "test_migration_elsewhere", "test_demo"),
)

_known_crashes: set[str] = set()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fast: the few that 'make test' runs")
    config.addinivalue_line("markers", "wide: run by 'make integration-wide' and not by 'make integration'")
    config.addinivalue_line("markers", "modular: builds libvirt's modular daemons; run by 'make modular' only")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, since `tests/run/integration` gives out files in this order; of all directories of a run."""
    rank = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> t.Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    explained(item, report)
    repeat.note(item, report)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: t.Optional[pytest.Item]) -> bool:
    repeat.run(item, nextitem, _known_crashes)
    return True


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
def guests(lab: Lab) -> dict[str, Subject]:
    """The guests that tests hand on to each other; each is started when it is first needed."""
    return {"erp01": Subject(lab, "erp01", ERP), "crm01": Subject(lab, "crm01", CRM)}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the certificate and the key of an authority."""
    directory = tmp_path_factory.mktemp("authority")
    files = ["-keyout", str(directory / "key.pem"), "-out", str(directory / "ca.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-days", "2", *files]
    subprocess.run(command, check=True, capture_output=True)
    return directory


@pytest.fixture
def resumable(lab: Lab) -> None:
    """For tests in which libvirt resumes a broken post-copy."""
    if any(resume_crashes(lab, host.name) for host in lab.hosts):
        pytest.skip("libvirt of these hosts crashes when it resumes a post-copy; see test_recover_by_monitor")


@pytest.fixture
def erp01(guests: dict[str, Subject]) -> t.Iterator[Subject]:
    """Rewrites 96 MiB without end: its migration needs a downtime of 2 s and gets 300 ms."""
    yield from borrowed(guests["erp01"])


@pytest.fixture
def crm01(guests: dict[str, Subject]) -> t.Iterator[Subject]:
    """Small and quiet."""
    yield from borrowed(guests["crm01"])
