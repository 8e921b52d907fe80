# Copyright (c) 2026, The virtops maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of two hosts for all tests, guests that are used again and again, and Ansible beside them."""

from __future__ import annotations

import os
import re
import signal
import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from bench.runs import Ansible
from bench.subject import LINK_MBIT, Subject
from virtlab import state
from virtlab.guest import GuestOptions
from virtlab.lab import Lab, leftovers

# Small guests, so that a pass takes 2 s: what they show does not depend on their size.
ERP = GuestOptions(ram_mib=256, hot_mib=96, cold_mib=16, pages_per_s=20_000)
CRM = GuestOptions(ram_mib=160, hot_mib=24, cold_mib=8)


def remove_labs_of_the_dead() -> None:
    """A run that was killed by SIGKILL has left its lab behind."""
    for name in state.lab_names():
        found = re.fullmatch(r"it-(\d+)", name)
        if found and not Path(f"/proc/{found[1]}").exists():
            Lab(name).down()


@pytest.fixture(scope="session")
def lab() -> t.Iterator[Lab]:
    # A plain SIGTERM would end the tests without taking the lab down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    remove_labs_of_the_dead()
    name = f"it-{os.getpid()}"
    with Lab(name) as made:
        made.up(host_count=2, link_mbit=LINK_MBIT)
        yield made
    assert leftovers(name) == []


@pytest.fixture(scope="session")
def ansible(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("ansible"), lab.inventory())


@pytest.fixture(scope="session")
def guests(lab: Lab) -> dict[str, Subject]:
    """The guests that tests hand on to each other; each is started when it is first needed."""
    return {"erp01": Subject(lab, "erp01", ERP), "crm01": Subject(lab, "crm01", CRM)}


def borrowed(subject: Subject) -> t.Iterator[Subject]:
    """Ready for a test, and afterwards found unharmed; a guest that is not is replaced for the next test."""
    if not subject.uuid:
        subject.start()
    try:
        yield subject
        subject.settle()
        subject.verify()
    except BaseException:
        subject.stop()
        raise


@pytest.fixture
def erp01(guests: dict[str, Subject]) -> t.Iterator[Subject]:
    """Rewrites 96 MiB without end: its migration needs a downtime of 2 s and gets 300 ms."""
    yield from borrowed(guests["erp01"])


@pytest.fixture
def crm01(guests: dict[str, Subject]) -> t.Iterator[Subject]:
    """Small and quiet."""
    yield from borrowed(guests["crm01"])
