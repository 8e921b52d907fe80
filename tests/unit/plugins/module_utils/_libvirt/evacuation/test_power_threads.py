# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import queue

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.home_mark_xml import HomeMark
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation import (
    power_threads,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.guest_thread import (
    Ended,
    Post,
    Thread,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.home_mark import NAMESPACE
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.power_threads import (
    PowerOff,
    PowerOn,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    ERP02,
    RUNNING,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
)

HERE = "qemu:///system"
KNOWN = [Call("open", HERE), Call("lookupByUUIDString", ERP01).returns(Guest())]
MARK = HomeMark("kvm01", "1", "now", "shutdown", guest_uuid=ERP01)
OFF_AWAY = HomeMark("kvm02", "2", "then", "shutdown", "kvm01", "none", ERP01, "kvm01", "1")
CAPABILITIES = Call("getCapabilities").returns("<capabilities><host><uuid>1</uuid></host></capabilities>")
NO_MARK = [Call("metadata", 2, NAMESPACE, flag).raises(80, "metadata not found") for flag in (1, 2)]
PERSISTENT = Call("isPersistent").returns(1)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        power_threads, "mark_of_this_host", lambda _source, strategy: HomeMark("kvm01", "1", "now", strategy)
    )


def carries(mark: HomeMark) -> Call:
    return Call("metadata", 2, NAMESPACE, 1).returns(mark.xml())


def written(text: str | None, flags: int = 3) -> list[Call]:
    return [PERSISTENT, Call("setMetadata", 2, text, "home", NAMESPACE, flags)]


def ended(libvirt: FakeLibvirt, kind: type[Thread], *script: Call, limit_s: float = 10.0) -> Ended:
    libvirt.expect(*KNOWN, *script)
    mailbox: queue.Queue[Post] = queue.Queue()
    given = (ERP01, HERE, mailbox)
    thread = PowerOff(*given, limit_s) if kind is PowerOff else PowerOn(*given)
    thread._run()
    post = mailbox.get_nowait()
    assert isinstance(post, Ended)
    return post


def test_one_that_obeys_is_marked_first(libvirt: FakeLibvirt) -> None:
    asked = Call("shutdown").then(
        lambda fake: fake.clock.after(4.0, lambda: fake.states.__setitem__("erp01", SHUT_DOWN))
    )
    post = ended(libvirt, PowerOff, PERSISTENT, *NO_MARK, *written(MARK.xml()), asked)
    assert post.result["outcome"] == "shut_down"
    assert libvirt.clock.now == 1004.0


def test_one_that_does_not_obey_is_not_destroyed(libvirt: FakeLibvirt) -> None:
    """Nothing but the request is in the script, and its mark stays: it may still shut down."""
    post = ended(libvirt, PowerOff, PERSISTENT, *NO_MARK, *written(MARK.xml()), Call("shutdown"))
    assert post.error is not None
    assert post.error.reason == "STILL_RUNNING"
    assert libvirt.clock.now == 1010.0


def test_one_that_is_off_is_not_asked(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    assert ended(libvirt, PowerOff).result["outcome"] == "already_off"


def test_a_transient_one_is_refused(libvirt: FakeLibvirt) -> None:
    """Off, it would be gone for good."""
    post = ended(libvirt, PowerOff, Call("isPersistent").returns(0))
    assert post.error is not None
    assert post.error.reason == "TRANSIENT"


def test_one_that_goes_while_it_is_asked(libvirt: FakeLibvirt) -> None:
    asked = Call("shutdown").leaves(SHUT_DOWN).raises(55, "domain is not running")
    post = ended(libvirt, PowerOff, PERSISTENT, *NO_MARK, *written(MARK.xml()), asked)
    assert (post.error, post.result["outcome"]) == (None, "shut_down")


def test_one_that_cannot_be_asked(libvirt: FakeLibvirt) -> None:
    asked = Call("shutdown").raises(86, "Guest agent is not responding")
    post = ended(libvirt, PowerOff, PERSISTENT, *NO_MARK, *written(MARK.xml()), asked)
    assert post.error is not None
    assert post.error.state


def test_at_home_it_is_started_and_loses_its_mark(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    off = [Call("metadata", 2, NAMESPACE, 1).raises(55, "domain is not running")]
    off += [Call("metadata", 2, NAMESPACE, 2).returns(MARK.xml())]
    post = ended(libvirt, PowerOn, *off, CAPABILITIES, Call("create").leaves(RUNNING), carries(MARK), *written(None))
    assert post.result == {"outcome": "started", "runs_on": "kvm01"}


def off_with(mark: HomeMark) -> list[Call]:
    off = [Call("metadata", 2, NAMESPACE, 1).raises(55, "domain is not running")]
    return [*off, Call("metadata", 2, NAMESPACE, 2).returns(mark.xml())]


def test_a_visitor_that_was_shut_down_here_is_started_here_and_keeps_its_home(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    there = HomeMark("kvm02", "2", "then", "migrate", "kvm01", "none", ERP01)
    start = [*off_with(OFF_AWAY), CAPABILITIES, Call("create").leaves(RUNNING), *written(there.xml())]
    assert ended(libvirt, PowerOn, *start).result == {"outcome": "started", "runs_on": "kvm01"}


def test_one_that_was_shut_down_elsewhere_is_not_started_here(libvirt: FakeLibvirt) -> None:
    """Its definition is left here, and it may have been started where it was shut down."""
    libvirt.states["erp01"] = SHUT_DOWN
    elsewhere = HomeMark("kvm01", "1", "then", "shutdown", "kvm03", "none", ERP01, "kvm03", "3")
    post = ended(libvirt, PowerOn, *off_with(elsewhere), CAPABILITIES)
    assert post.error is not None
    assert (post.error.reason, "kvm03" in post.error.problem) == ("MARK_OF_ANOTHER", True)


def test_a_mark_that_names_no_guest_starts_none(libvirt: FakeLibvirt) -> None:
    """Written by 0.1.0: a clone of the guest carries the same, and nobody can tell them apart."""
    libvirt.states["erp01"] = SHUT_DOWN
    post = ended(libvirt, PowerOn, *off_with(HomeMark("kvm01", "1", "now", "shutdown")), CAPABILITIES)
    assert post.error is not None
    assert post.error.reason == "MARK_OF_ANOTHER"


def test_a_clone_is_not_started(libvirt: FakeLibvirt) -> None:
    """Its mark is that of another guest, and is left alone."""
    libvirt.states["erp01"] = SHUT_DOWN
    copied = HomeMark("kvm01", "1", "now", "shutdown", guest_uuid=ERP02)
    looks = [Call("metadata", 2, NAMESPACE, 1).returns(copied.xml())] * 2
    post = ended(libvirt, PowerOn, *looks)
    assert post.result == {"outcome": "already_there", "runs_on": None}


def test_a_mark_that_cannot_be_understood_is_told_and_kept(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    bad = "<home host='kvm01' host_uuid='1' strategy='shutdow'/>"
    post = ended(libvirt, PowerOn, Call("metadata", 2, NAMESPACE, 1).returns(bad))
    assert post.error is not None
    assert (post.error.reason, "shutdow" in post.error.problem) == ("BAD_MARK", True)


def test_a_mark_that_could_not_be_read_is_not_one_that_is_not_there(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    post = ended(libvirt, PowerOn, Call("metadata", 2, NAMESPACE, 1).raises(1, "client socket is closed"))
    assert post.error is not None


@pytest.mark.parametrize("strategy", ["shutdown", "migrate"])
def test_one_that_runs_only_loses_its_mark(libvirt: FakeLibvirt, strategy: str) -> None:
    mark = HomeMark("kvm01", "1", "now", strategy)
    post = ended(libvirt, PowerOn, carries(mark), carries(mark), *written(None))
    assert post.result == {"outcome": "unmarked", "runs_on": "kvm01"}


def test_one_that_somebody_else_has_shut_down_stays_off(libvirt: FakeLibvirt) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    twice = [*NO_MARK, *NO_MARK]
    assert ended(libvirt, PowerOn, *twice).result == {"outcome": "already_there", "runs_on": None}
