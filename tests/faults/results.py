# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of kinds of fault, a line of JSON for each test that has passed, for the page of the documentation."""

from __future__ import annotations

import datetime
import json
import os
import typing as t
from pathlib import Path

import pytest

PROPERTY = "fault"
# Where runs are kept from one to the next; without it nothing is.
KEPT = "FAULTS_KEPT"


class Seen(t.Protocol):
    """Notes what came of a fault."""

    def __call__(self, kind: str, phase: str, by: str, end: str, *, lost: bool = False) -> None:
        """``end`` is what was told, ``lost`` whether the fault ends the guest by its nature."""


def seen_by(item: pytest.Item) -> Seen:
    def note(kind: str, phase: str, by: str, end: str, *, lost: bool = False) -> None:
        found = {"kind": kind, "phase": phase, "by": by, "end": end, "lost": lost}
        item.user_properties.append((PROPERTY, json.dumps(found)))

    return note


def note(item: pytest.Item, report: pytest.TestReport, versions: t.Callable[[], str]) -> None:
    """Of each phase of a test. ``versions`` is asked while the lab is up: the last test takes it down.

    A test that is run twice, since libvirtd crashed, begins anew with its set-up.
    """
    if report.when == "setup" or not report.passed:
        item.stash[_failed] = not report.passed
    if report.when == "call" and report.passed and os.environ.get(KEPT):
        item.stash[_versions] = versions()


def keep(item: pytest.Item, report: pytest.TestReport) -> None:
    """After the end of a test that has passed, and whose guest came back whole."""
    path = os.environ.get(KEPT)
    if not path or report.when != "teardown" or item.stash.get(_failed, False):
        return
    found = [json.loads(value) for name, value in item.user_properties if name == PROPERTY]
    if not found:
        return
    today, commit = datetime.date.today().isoformat(), os.environ.get("COMMIT", "")
    run = {"versions": item.stash[_versions], "at": today, "commit": commit}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as kept:
        kept.write("".join(json.dumps({**each, **run}) + "\n" for each in found))


_failed = pytest.StashKey[bool]()
_versions = pytest.StashKey[str]()
