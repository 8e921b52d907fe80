# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import queue
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.home_mark_xml import HomeMark
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
    RouteDevice,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import StartOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import Choices
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation import (
    guest_thread,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.guest_thread import (
    Ended,
    GuestTransfer,
    Post,
    Ready,
    Sending,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.home_mark import NAMESPACE
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.facts import MeasurementOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.driver import ProgressCallback
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.migration import (
    MigrationOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.two_hosts import TwoHosts
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    Call,
    FakeLibvirt,
    Guest,
    libvirtError,
)

HERE, THERE = "qemu:///system", "qemu+tcp://kvm02/system"
FORECAST = {"expected": {"sent_bytes": 5}}
ORDER = MigrationOptions(
    Policy(),
    DestinationPath(THERE, link_mib_per_s=100.0),
    MeasurementOptions(Choices("none"), False, lambda _hosts: RouteDevice()),
    StartOptions(),
    persistent=None,
)
MOVED = {"outcome": "moved", "changed": True, "runs_on": "kvm02"}
BROKEN = MigrationError("MIGRATION_FAILED", "It broke.", state="As before.", remedy="Again.")


class StandIn:
    """Stands in for Relocation: asks for its turn where it is to be started, and ends as the test says."""

    end: dict[str, t.Any] = MOVED
    breaks: t.Sequence[Exception] = ()
    asks = True
    found_there: t.Optional[str] = None
    copy_storage = "all"  # of the guest, whatever the task says for all

    def __init__(
        self, ends: TwoHosts, order: MigrationOptions, on_progress: ProgressCallback, on_look: ProgressCallback
    ) -> None:
        self._ends, self._order, self._on_progress, self._on_look = ends, order, on_progress, on_look
        self.notes = ["By the way."]

    def run(self, *, check: bool) -> dict[str, t.Any]:
        assert not check
        self._ends.here = guest = find_guest(self._ends.source, None, ERP01)
        if self.asks and self._order.before_start:
            self._order.before_start(guest, FORECAST)
        self._on_progress({"line": "pass 1"})
        self._on_look({"phase": "precopy"})
        for problem in self.breaks:
            raise problem
        self._ends.there = find_guest(self._ends.destination, None, ERP01)
        return self.end


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    class Mine(StandIn):
        pass

    monkeypatch.setattr(guest_thread, "Migration", Mine)
    monkeypatch.setattr(
        guest_thread, "mark_of_this_host", lambda _source, *words: HomeMark("kvm01", "1", "now", *words)
    )
    return Mine


def host(uuid: str) -> Call:
    return Call("getCapabilities").returns(f"<capabilities><host><uuid>{uuid}</uuid></host></capabilities>")


ENDS = [Call("open", HERE), Call("open", THERE), host("1"), host("2")]
KNOWN = Call("lookupByUUIDString", ERP01).returns(Guest())
ARRIVED = Call("lookupByUUIDString", ERP01).returns(Guest(at="kvm02"))
NO_MARK = [Call("metadata", 2, NAMESPACE, flag).raises(80, "metadata not found") for flag in (1, 2)]
HOME = HomeMark("kvm01", "1", "now", "migrate", "kvm02", "all", ERP01).xml()


def written(text: t.Optional[str], at: str = "erp01") -> list[Call]:
    words = (2, text, "home", NAMESPACE, 3)
    return [Call("isPersistent", guest=at).returns(1), Call("setMetadata", *words, guest=at)]


def departed(
    libvirt: FakeLibvirt, *script: Call, marks: bool = True, why: t.Optional[MigrationError] = None
) -> tuple[list[Post], list[t.Any]]:
    """What it has posted, and what it has told."""
    libvirt.expect(*ENDS, KNOWN, *script)
    mailbox: queue.Queue[Post] = queue.Queue()
    told: list[t.Any] = []
    one = GuestTransfer(ERP01, ORDER, HERE, mailbox, told.append, marks=marks)
    # Its turn comes, or not, before it asks: then it need not wait, and the test runs in one thread.
    if why is not None:
        one.dismiss(why)
    else:
        one.let_go()
    one._run()
    return [mailbox.get_nowait() for _post in range(mailbox.qsize())], told


def test_it_asks_for_its_turn_and_is_marked_before_it_leaves(libvirt: FakeLibvirt, way: type[StandIn]) -> None:
    posts, told = departed(libvirt, *NO_MARK, *written(HOME), ARRIVED)
    assert posts[:2] == [Ready(ERP01, FORECAST), Sending(ERP01, {"phase": "precopy"})]
    assert posts[2] == Ended(ERP01, MOVED, ("By the way.",))
    assert told == [{"line": "pass 1"}]


def test_one_that_is_on_its_way_already_does_not_ask(libvirt: FakeLibvirt, way: type[StandIn]) -> None:
    way.asks = False
    posts, _told = departed(libvirt, ARRIVED)
    assert [type(post) for post in posts] == [Sending, Ended]


def test_one_that_is_dismissed_is_not_touched(libvirt: FakeLibvirt, way: type[StandIn]) -> None:
    full = MigrationError("DESTINATION_FULL", "No room.", state="As before.", remedy="Make room.")
    posts, _told = departed(libvirt, why=full)
    assert isinstance(posts[-1], Ended)
    assert posts[-1].error is full


def test_the_mark_of_one_that_did_not_leave_is_taken_back(libvirt: FakeLibvirt, way: type[StandIn]) -> None:
    way.breaks = [BROKEN]
    marked = Call("metadata", 2, NAMESPACE, 1).returns(HOME)
    posts, _told = departed(libvirt, *NO_MARK, *written(HOME), marked, *written(None))
    assert isinstance(posts[-1], Ended)
    assert posts[-1].error is BROKEN


def test_a_mark_of_before_stays(libvirt: FakeLibvirt, way: type[StandIn]) -> None:
    """A visitor that did not leave has still its home elsewhere."""
    way.breaks = [BROKEN]
    elsewhere = Call("metadata", 2, NAMESPACE, 1).returns(HomeMark("kvm03", "3", "before").xml())
    departed(libvirt, elsewhere)


def test_at_home_it_loses_its_mark(libvirt: FakeLibvirt, way: type[StandIn]) -> None:
    marked = Call("metadata", 2, NAMESPACE, 1, guest="erp01@kvm02").returns(HOME)
    posts, _told = departed(libvirt, ARRIVED, marked, *written(None, "erp01@kvm02"), marks=False)
    assert isinstance(posts[-1], Ended)
    assert posts[-1].result == {**MOVED, "unmarked": True}


@pytest.mark.parametrize(
    ("end", "reason"), [(libvirtError(38, "Connection reset", 7), "SYSTEM_ERROR"), (KeyError("x"), "INTERNAL")]
)
def test_whatever_becomes_of_it_is_posted(
    libvirt: FakeLibvirt, way: type[StandIn], end: Exception, reason: str
) -> None:
    """The main thread waits for the post, so that none must be missing."""
    way.breaks, way.asks = [end], False
    posts, _told = departed(libvirt)
    assert isinstance(posts[-1], Ended)
    assert posts[-1].error is not None
    assert posts[-1].error.reason == reason


def test_a_destination_that_is_away(libvirt: FakeLibvirt, way: type[StandIn]) -> None:
    libvirt.expect(Call("open", HERE), Call("open", THERE).raises(38, "Connection refused", 7))
    mailbox: queue.Queue[Post] = queue.Queue()
    GuestTransfer(ERP01, ORDER, HERE, mailbox, lambda _entry: None, marks=True)._run()
    post = mailbox.get_nowait()
    assert isinstance(post, Ended)
    assert post.error is not None
    assert post.error.reason == "CONNECTION_FAILED"
