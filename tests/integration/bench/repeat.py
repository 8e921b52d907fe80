# SPDX-License-Identifier: GPL-3.0-or-later
"""No test suffers from what another one has left: after one that failed, the lab and all in it are made anew.

A test during which libvirtd itself crashed shows nothing of the collection: it is run once more in such a new lab, and
that is told. Seen twice with libvirt 9.0, each time with nothing but the tests on a new machine; the tests after it
failed, too. A crash is an end by one of `CRASHES`, which no test and no module sends; one that comes again fails the
test.
"""

from __future__ import annotations

import typing as t

import pytest
from _pytest.runner import runtestprotocol
from virtlab.lab import Lab

CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")
DAEMONS = ("libvirtd", "virtqemud")
_TITLE = "libvirtd crashed, and the test was run once more"
_LEFT = "while its lab was taken down"
seen = pytest.StashKey[list[str]]()


def crashes(item: pytest.Item) -> list[str]:
    """A line for each crash of a libvirtd in the lab that this test uses, as far as that has one by now."""
    lab = getattr(item, "funcargs", {}).get("lab")
    if not isinstance(lab, Lab) or not lab.is_up:
        return []
    lines = [f"{host.name} {line}" for host in lab.hosts for line in lab.ended_by_signal(host.name)]
    return [line for line in lines if any(f"{name} ended by" in line for name in DAEMONS) and line.endswith(CRASHES)]


def note(item: pytest.Item, report: pytest.TestReport) -> None:
    """Of a phase of a test that has failed: which crashes there were by then."""
    if report.failed:
        item.stash[seen] = [*item.stash.get(seen, []), *crashes(item)]


def run(item: pytest.Item, nextitem: t.Optional[pytest.Item], known: set[str]) -> None:
    """One test, or two runs of it; `known` are the crashes of earlier tests."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    new = sorted(set(item.stash.get(seen, [])) - known)
    known.update(new)
    if new:
        end_fixtures(item, reports)
        item._initrequest()  # type: ignore[attr-defined]  # a second run needs its fixtures anew
        item.stash[seen] = []
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        known.update(item.stash.get(seen, []))
        reports[-1].sections.append((_TITLE, "\n".join(new)))
        reports[-1].user_properties.append(("repeated", "; ".join(new)))
    if any(report.failed for report in reports):
        end_fixtures(item, reports)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def end_fixtures(item: pytest.Item, reports: list[pytest.TestReport]) -> None:
    """End every fixture, those of the module and of the session too: who needs one next gets a new one."""
    try:
        item.session._setupstate.teardown_exact(None)
    except Exception as problem:
        reports[-1].sections.append((_LEFT, repr(problem)))
