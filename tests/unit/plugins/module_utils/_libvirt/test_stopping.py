# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import queue

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.home import Home
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import stopping
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.departing import Ended, Post, Thread
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.home import NAMESPACE
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.stopping import Starting, Stopping
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    RUNNING,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
)

HERE = "qemu:///system"
KNOWN = [Call("open", HERE), Call("lookupByUUIDString", ERP01).returns(Guest())]
MARK = Home("kvm01", "1", "now", "shutdown")
NO_MARK = [Call("metadata", 2, NAMESPACE, flag).raises(80, "metadata not found") for flag in (1, 2)]
PERSISTENT = Call("isPersistent").returns(1)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "here", lambda _source, strategy: Home("kvm01", "1", "now", strategy))


def carries(mark: Home) -> Call:
    return Call("metadata", 2, NAMESPACE, 1).returns(mark.xml())


def written(text: str | None, flags: int = 3) -> list[Call]:
    return [PERSISTENT, Call("setMetadata", 2, text, "home", NAMESPACE, flags)]


def ended(libvirt: FakeLibvirt, kind: type[Thread], *script: Call, limit_s: float = 10.0) -> Ended:
    libvirt.expect(*KNOWN, *script)
    mailbox: queue.Queue[Post] = queue.Queue()
    given = ("key", ERP01, HERE, mailbox)
    thread = Stopping(*given, limit_s) if kind is Stopping else Starting(*given)
    thread._run()
    post = mailbox.get_nowait()
    assert isinstance(post, Ended)
    return post


def test_one_that_obeys_is_marked_first(libvirt: FakeLibvirt) -> None:
    asked = Call("shutdown").then(
        lambda fake: fake.clock.after(4.0, lambda: fake.states.__setitem__("erp01", SHUT_DOWN))
    )
    post = ended(libvirt, Stopping, PERSISTENT, *NO_MARK, *written(MARK.xml()), asked)
    assert post.result["outcome"] == "shut_down"
    assert libvirt.clock.now == 1004.0


def test_one_that_does_not_obey_is_not_destroyed(libvirt: FakeLibvirt) -> None:
    """Nothing but the request is in the script, and its mark stays: it may still shut down."""
    post = ended(libvirt, Stopping, PERSISTENT, *NO_MARK, *written(MARK.xml()), Call("shutdown"))
    assert post.error is not None
    assert post.error.reason == "STILL_RUNNING"
    assert libvirt.clock.now == 1010.0


def test_one_that_is_off_is_not_asked(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    assert ended(libvirt, Stopping).result["outcome"] == "already_off"


def test_a_transient_one_is_refused(libvirt: FakeLibvirt) -> None:
    """Off, it would be gone for good."""
    post = ended(libvirt, Stopping, Call("isPersistent").returns(0))
    assert post.error is not None
    assert post.error.reason == "TRANSIENT"


def test_one_that_goes_while_it_is_asked(libvirt: FakeLibvirt) -> None:
    asked = Call("shutdown").leaves(SHUT_DOWN).raises(55, "domain is not running")
    post = ended(libvirt, Stopping, PERSISTENT, *NO_MARK, *written(MARK.xml()), asked)
    assert (post.error, post.result["outcome"]) == (None, "shut_down")


def test_one_that_cannot_be_asked(libvirt: FakeLibvirt) -> None:
    asked = Call("shutdown").raises(86, "Guest agent is not responding")
    post = ended(libvirt, Stopping, PERSISTENT, *NO_MARK, *written(MARK.xml()), asked)
    assert post.error is not None
    assert post.error.state


def test_at_home_it_is_started_and_loses_its_mark(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    off = [Call("metadata", 2, NAMESPACE, 1).raises(55, "domain is not running")]
    off += [Call("metadata", 2, NAMESPACE, 2).returns(MARK.xml())]
    post = ended(libvirt, Starting, *off, Call("create").leaves(RUNNING), carries(MARK), *written(None))
    assert post.result == {"outcome": "started", "runs_on": "kvm01"}


@pytest.mark.parametrize("strategy", ["shutdown", "migrate"])
def test_one_that_runs_only_loses_its_mark(libvirt: FakeLibvirt, strategy: str) -> None:
    mark = Home("kvm01", "1", "now", strategy)
    post = ended(libvirt, Starting, carries(mark), carries(mark), *written(None))
    assert post.result == {"outcome": "unmarked", "runs_on": "kvm01"}


def test_one_that_somebody_else_has_shut_down_stays_off(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    twice = [*NO_MARK, *NO_MARK]
    assert ended(libvirt, Starting, *twice).result == {"outcome": "already_there", "runs_on": None}
