# SPDX-License-Identifier: GPL-3.0-or-later
"""What fixtures lend to tests: a lab of two hosts, and guests that come back whole or are replaced."""

from __future__ import annotations

import os
import re
import signal
import typing as t
from pathlib import Path

import pytest
from virtlab import state, systems
from virtlab.errors import LabError
from virtlab.guest import GuestOptions
from virtlab.lab import Lab, leftovers

from .subject import LINK_MBIT, Subject

# Small guests, so that a pass takes 2 s: what they show does not depend on their size.
ERP = GuestOptions(ram_mib=256, hot_mib=96, cold_mib=16, pages_per_s=20_000)


def remove_labs_of_the_dead() -> None:
    """A run that was killed by SIGKILL has left its lab behind."""
    for name in state.lab_names():
        found = re.fullmatch(r"it-(\d+)(-\w+)?", name)
        if found and not Path(f"/proc/{found[1]}").exists():
            Lab(name).down()


def systems_asked_for() -> dict[str, str]:
    """The system of each host, from LAB_SYSTEMS, such as `kvm01=trixie,kvm02=trixie`; without it the machine's own."""
    pairs = [pair.split("=", 1) for pair in os.environ.get("LAB_SYSTEMS", "").split(",") if pair]
    return {host: system for host, system in pairs if system != systems.MACHINE}


def two_hosts() -> t.Iterator[Lab]:
    # A plain SIGTERM would end the tests without taking the lab down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    remove_labs_of_the_dead()
    name = f"it-{os.getpid()}"
    with Lab(name) as made:
        made.up(host_count=2, link_mbit=LINK_MBIT, on=systems_asked_for())
        yield made
    assert leftovers(name) == []


def lost_daemons(lab: Lab) -> list[str]:
    """Start each libvirtd that does not run, and say of which host it was and what a signal has ended there."""
    lost = [host.name for host in lab.hosts if not lab.libvirtd_runs(host.name)]
    for name in lost:
        lab.start_libvirtd(name)
    return [f"libvirtd of {name} did not run any more; there: {lab.ended_by_signal(name)[-5:]}" for name in lost]


def watched(request: pytest.FixtureRequest) -> t.Iterator[None]:
    """A test that uses the lab finds both daemons running, and fails when it leaves one that does not run."""
    lab: t.Optional[Lab] = request.getfixturevalue("lab") if "lab" in request.fixturenames else None
    if lab is not None:
        lost_daemons(lab)
    yield
    if lab is not None:
        lost = lost_daemons(lab)
        assert not lost, lost


def explained(item: pytest.Item, report: pytest.TestReport) -> None:
    """Add the state of the lab to the report of a test that has failed."""
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.failed and isinstance(lab, Lab):
        report.sections.append(("state of the lab", described(lab)))


def described(lab: Lab) -> str:
    """The state of the lab, for whoever reads why a test has failed."""
    if not lab.is_up:
        return "It was taken down already."
    lines = []
    for host in lab.hosts:
        lines.append(f"{host.name}, ended by a signal: {lab.ended_by_signal(host.name)[-5:]}")
        for words in (["list", "--all"], ["net-list", "--all"]):
            try:
                done = lab.virsh(host.name, *words, check=False, timeout_s=10)
                lines.append((done.stdout + done.stderr).strip())
            except LabError as problem:
                lines.append(str(problem))
    return "\n".join(lines)


def borrowed(subject: Subject) -> t.Iterator[Subject]:
    """Ready for a test, and afterwards found unharmed; a guest that is not is replaced for the next test.

    A test that empties a host moves guests that it does not know: where each is now is looked at first.
    """
    if subject.uuid:
        try:
            subject.settle()
        except (AssertionError, LabError):
            subject.stop()
    if not subject.uuid:
        subject.start()
    try:
        yield subject
        lost = lost_daemons(subject.lab)
        assert not lost, lost
        subject.settle()
        # One that goes on to rewrite its memory for nobody takes a sixth of a processor from the tests.
        subject.load(0)
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
