# SPDX-License-Identifier: GPL-3.0-or-later
"""What fixtures lend to tests: a lab of two hosts, and guests that come back whole or are replaced."""

from __future__ import annotations

import os
import re
import signal
import typing as t
from pathlib import Path

from virtlab import state
from virtlab.guest import GuestOptions
from virtlab.lab import Lab, leftovers

from .subject import LINK_MBIT, Subject

# Small guests, so that a pass takes 2 s: what they show does not depend on their size.
ERP = GuestOptions(ram_mib=256, hot_mib=96, cold_mib=16, pages_per_s=20_000)


def remove_labs_of_the_dead() -> None:
    """A run that was killed by SIGKILL has left its lab behind."""
    for name in state.lab_names():
        found = re.fullmatch(r"it-(\d+)(-\d+)?", name)
        if found and not Path(f"/proc/{found[1]}").exists():
            Lab(name).down()


def two_hosts() -> t.Iterator[Lab]:
    # A plain SIGTERM would end the tests without taking the lab down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    remove_labs_of_the_dead()
    name = f"it-{os.getpid()}"
    with Lab(name) as made:
        made.up(host_count=2, link_mbit=LINK_MBIT)
        yield made
    assert leftovers(name) == []


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


def passing_by(lab: Lab, name: str, options: GuestOptions) -> t.Iterator[Subject]:
    """A guest for one test alone, found unharmed afterwards."""
    guest = Subject(lab, name, options)
    guest.start()
    try:
        yield guest
        guest.settle()
        guest.verify()
    finally:
        guest.stop()
