# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts share places without knowing of each other, through the secrets of one daemon."""

from __future__ import annotations

import re
import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.errors import translate
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation import (
    lease,
    shared_limits,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.lease import Lease, Leases
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.shared_limits import (
    SharedLimits,
    SharedSlots,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.connections import connected
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import FakeLibvirt, libvirtError


class Secret:
    def __init__(self, daemon: Daemon, key: str) -> None:
        self._daemon, self._key = daemon, key

    def UUIDString(self) -> str:  # noqa: N802 - the binding's name
        return self._key

    def XMLDesc(self, _flags: int) -> str:  # noqa: N802 - the binding's name
        return self._daemon.secrets[self._key][1]

    def undefine(self) -> None:
        del self._daemon.secrets[self._key]


class Daemon:
    """As libvirt's: one secret for a use, by whoever defines it first; the same one may be defined again."""

    def __init__(self) -> None:
        self.secrets: dict[str, tuple[str, str]] = {}
        self.refuses: int | None = None
        self.says = "not now"
        self.alive = True

    def isAlive(self) -> bool:  # noqa: N802 - the binding's name
        return self.alive

    def close(self) -> None:
        pass

    def secretDefineXML(self, xml: str, _flags: int) -> None:  # noqa: N802 - the binding's name
        if self.refuses is not None:
            raise libvirtError(self.refuses, self.says)
        found = re.search("<uuid>(.*)</uuid>.*<target>(.*)</target>", xml)
        assert found is not None
        key, use = found.groups()
        if any(other == use and uuid != key for uuid, (other, _xml) in self.secrets.items()):
            raise libvirtError(1, "internal error: a secret is already defined for use with it")
        self.secrets[key] = (use, xml)

    def secretLookupByUsage(self, _kind: int, use: str) -> Secret:  # noqa: N802 - the binding's name
        for key, (other, _xml) in self.secrets.items():
            if other == use:
                return Secret(self, key)
        raise libvirtError(66, "no secret")

    def secretLookupByUUIDString(self, key: str) -> Secret:  # noqa: N802 - the binding's name
        if key not in self.secrets:
            raise libvirtError(66, "no secret")
        return Secret(self, key)


@pytest.fixture
def daemon(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    monkeypatch.setattr(lease, "within", lambda call, *_words: call())
    for module in (lease, shared_limits):
        monkeypatch.setattr(module, "time", libvirt.clock)
    return Daemon()


def to(daemon: Daemon) -> Connection:
    return connected(daemon, "qemu+tcp://kvm02/system")


def taken(found: Lease | None) -> Lease:
    assert found is not None
    return found


def test_each_place_is_taken_once(daemon: Daemon) -> None:
    mine, theirs = Leases(), Leases()
    first = taken(mine.take(to(daemon), "rack", 2))
    taken(theirs.take(to(daemon), "rack", 2))
    assert mine.take(to(daemon), "rack", 2) is None
    assert theirs.take(to(daemon), "another", 1) is not None
    first.give_back()
    assert theirs.take(to(daemon), "rack", 2) is not None


def test_a_lease_of_a_run_that_died_is_taken_away(daemon: Daemon, libvirt: FakeLibvirt) -> None:
    taken(Leases().take(to(daemon), "rack"))
    waiting = Leases()
    for _number in range(7):
        assert waiting.take(to(daemon), "rack") is None
        libvirt.clock.sleep(5.0)
    assert waiting.take(to(daemon), "rack") is None, "it is taken away now"
    assert waiting.take(to(daemon), "rack") is not None


def test_a_lease_that_is_renewed_is_not(daemon: Daemon, libvirt: FakeLibvirt) -> None:
    held = taken(Leases().take(to(daemon), "rack"))
    waiting = Leases()
    for _number in range(40):
        held.renew(libvirt.clock.monotonic())
        assert waiting.take(to(daemon), "rack") is None
        libvirt.clock.sleep(5.0)


@pytest.mark.parametrize(("code", "shared"), [(3, True), (38, True), (88, True), (39, False), (1, False)])
def test_a_daemon_without_secrets_shares_nothing(daemon: Daemon, code: int, shared: bool) -> None:
    """No driver: each for itself. Refused by one that has secrets: not now."""
    daemon.refuses = code
    found = Leases().take(to(daemon), "rack")
    assert (found is not None) is shared


@pytest.mark.parametrize("code", [38, 3, 5, 1])
def test_a_connection_that_is_lost_is_no_daemon_without_secrets(daemon: Daemon, code: int) -> None:
    """libvirt tells it by the code of a daemon for secrets that is not there. Nor is it one whose places are taken."""
    daemon.refuses, daemon.alive = code, False
    with pytest.raises(libvirtError):
        Leases().take(to(daemon), "rack")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (1, "internal error: client socket is closed"),
        (38, "Cannot recv data: Connection reset by peer"),
        (38, "End of file while reading data: Input/output error"),
        (1, "internal error: connection closed due to keepalive timeout"),
    ],
)
def test_a_daemon_behind_another_one_is_lost(daemon: Daemon, code: int, says: str) -> None:
    """Modular daemons: the one that is connected to lives, and the one that keeps secrets, or runs guests, was started
    anew. That is no daemon without secrets, its places are not taken, and the connection is to be opened anew."""
    daemon.refuses, daemon.says = code, says
    there = to(daemon)
    assert there.alive
    with pytest.raises(libvirtError):
        Leases().take(there, "rack")
    assert daemon.alive
    assert not there.alive
    daemon.refuses = None
    there.reopen()
    assert there.alive
    assert Leases().take(there, "rack") is not None


class ToldError(libvirtError):
    """As the binding's own, which is made of a message alone."""

    def __init__(self, message: str) -> None:
        super().__init__(39, message)


def test_a_daemon_that_gives_no_answer_is_not_lost(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped, or its host is overloaded: a connection made anew would give none either."""
    there = to(daemon)
    monkeypatch.setattr(connection, "libvirt", SimpleNamespace(libvirtError=ToldError))
    silent = connection._no_answer("the call jobStats was not answered for 40 s by qemu+tcp://kvm02/system")
    assert not there.lost(silent)
    assert there.alive
    assert translate(silent, "Asked in vain.").reason == "CONNECTION_LOST"


@pytest.mark.parametrize("was_connected", [True, False])
def test_a_destination_that_does_not_answer_keeps_nobody_waiting_for_ever(
    daemon: Daemon, libvirt: FakeLibvirt, was_connected: bool
) -> None:
    """A restart is waited for. Then the look right before the transfer says what is wrong, and the queue has another
    one for it. What is kept there of limits over all hosts is not known meanwhile."""
    daemon.refuses, daemon.alive = 38, False
    limits = SharedLimits("kvm02", {"all": 3}, {"kvm03": ["all"]})
    host = SharedSlots(limits, lambda _name: to(daemon) if was_connected else None)
    assert not host.take_start_lease("kvm02")
    libvirt.clock.sleep(29.0)
    assert not host.take_start_lease("kvm02")
    libvirt.clock.sleep(1.0)
    assert host.take_start_lease("kvm02")
    host.begins("a", "kvm02")
    assert not host.take_start_lease("kvm02"), "one after the other"
    assert not host.reserve("b", "kvm03")
    host.close()


def test_one_that_answers_again_is_waited_for_anew(daemon: Daemon, libvirt: FakeLibvirt) -> None:
    host = SharedSlots(SharedLimits(), lambda _name: to(daemon))
    for silent, taken_there in ((True, False), (False, True), (True, False)):
        daemon.refuses, daemon.alive = (38, False) if silent else (None, True)
        assert host.take_start_lease("kvm02") is taken_there
        host.return_start_leases(lambda _key, _name: False)
        libvirt.clock.sleep(20.0)


def test_one_whose_daemon_hangs_does_not_answer(
    daemon: Daemon, libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(_call: t.Any, *_words: t.Any) -> t.Any:
        raise MigrationError("MONITOR_HUNG", "It did not answer.", state="As before.", remedy="Look.")

    monkeypatch.setattr(lease, "within", hangs)
    limits = SharedLimits("kvm02", {"all": 3}, {"kvm03": ["all"]})
    host = SharedSlots(limits, lambda _name: to(daemon))
    assert not host.take_start_lease("kvm02")
    libvirt.clock.sleep(30.0)
    assert host.take_start_lease("kvm02")
    assert not host.reserve("b", "kvm03")


def test_one_host_starts_at_a_destination_at_a_time(daemon: Daemon, libvirt: FakeLibvirt) -> None:
    hosts = [SharedSlots(SharedLimits(), lambda _name: to(daemon)) for _number in range(3)]
    assert [host.take_start_lease("kvm02") for host in hosts] == [True, False, False]
    hosts[0].begins("a", "kvm02")
    assert not hosts[0].take_start_lease("kvm02"), "the one that begins has to show first"
    hosts[0].return_start_leases(lambda _key, _name: True)
    assert not hosts[1].take_start_lease("kvm02")
    hosts[0].return_start_leases(lambda _key, _name: False)
    assert hosts[1].take_start_lease("kvm02")
    hosts[1].return_start_leases(lambda _key, _name: True)
    assert hosts[2].take_start_lease("kvm02"), "nobody began"
    hosts[2].begins("c", "kvm02")
    libvirt.clock.sleep(21.0)
    hosts[2].return_start_leases(lambda _key, _name: True)
    assert hosts[0].take_start_lease("kvm02"), "one that never shows keeps nobody away for long"


def test_a_limit_over_all_hosts(daemon: Daemon) -> None:
    limits = SharedLimits("kvm02", {"all": 3, "rack out": 1}, {"kvm02": ["all", "rack out"], "kvm03": ["all"]})
    first, second = (SharedSlots(limits, lambda _name: to(daemon)) for _number in range(2))
    assert first.reserve("a", "kvm02")
    assert first.reserve("a", "kvm02"), "it has its place"
    assert not second.reserve("b", "kvm02"), "the rack carries one"
    assert second.reserve("b", "kvm03")
    assert second.reserve("c", "kvm03")
    assert not first.reserve("d", "kvm03"), "three in all; what was refused took none"
    second.release(lambda key: key != "c")
    assert first.reserve("d", "kvm03")
    first.close()
    second.close()
    assert daemon.secrets == {}


def test_nothing_begins_while_the_limits_are_not_known(daemon: Daemon) -> None:
    limits = SharedLimits("kvm02", {"all": 3}, {"kvm03": ["all"]})
    assert not SharedSlots(limits, lambda _name: None).reserve("a", "kvm03")


def test_limits_that_nobody_tells_are_not_waited_for_without_end(daemon: Daemon, libvirt: FakeLibvirt) -> None:
    limits = SharedLimits("kvm02", {"all": 3}, {"kvm03": ["all"], "kvm04": []})
    host = SharedSlots(limits, lambda _name: to(daemon))
    assert host.reserve("a", "kvm03")
    daemon.refuses, daemon.alive = 38, False
    for _second in range(299):
        assert not host.reserve("b", "kvm03")
        assert host.out_of_reach("kvm03", "erp01") is None
        libvirt.clock.sleep(1.0)
    libvirt.clock.sleep(1.0)
    assert not host.reserve("b", "kvm03")
    error = host.out_of_reach("kvm03", "erp01")
    assert error is not None
    assert (error.reason, error.evidence) == ("LIMITS_UNREACHABLE", {"kept_at": "kvm02", "limits": ["all"]})
    assert "libvirt on kvm02" in error.problem
    assert "It runs on the source" in error.state
    assert host.out_of_reach("kvm04", "erp02") is None, "its way counts for none"
    assert host.reserve("c", "kvm04")


def test_whoever_keeps_the_limits_and_answers_again_is_waited_for_anew(daemon: Daemon, libvirt: FakeLibvirt) -> None:
    limits = SharedLimits("kvm02", {"all": 1}, {"kvm03": ["all"]})
    host, other = (SharedSlots(limits, lambda _name: to(daemon)) for _number in range(2))
    assert other.reserve("z", "kvm03")
    for silent in (True, False, True):
        daemon.refuses, daemon.alive = (38, False) if silent else (None, True)
        assert not host.reserve("a", "kvm03"), "that all places are taken is an answer, too"
        libvirt.clock.sleep(20.0)
        other.renew()
        libvirt.clock.sleep(180.0)
        assert host.out_of_reach("kvm03", "erp01") is None


def test_who_was_not_asked_was_not_silent(daemon: Daemon, libvirt: FakeLibvirt) -> None:
    """While no place is free nobody asks."""
    host = SharedSlots(SharedLimits("kvm02", {"all": 1}, {"kvm03": ["all"]}), lambda _name: to(daemon))
    daemon.refuses, daemon.alive = 38, False
    for _time in range(3):
        assert not host.reserve("a", "kvm03")
        assert host.out_of_reach("kvm03", "erp01") is None
        libvirt.clock.sleep(400.0)
        assert host.out_of_reach("kvm03", "erp01") is None


def test_a_daemon_that_hangs_is_not_asked_at_each_look(
    daemon: Daemon, libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question takes 10 s then, in which nothing else is done."""
    asked = []

    def hangs(_call: t.Any, *_words: t.Any) -> t.Any:
        asked.append(libvirt.clock.now)
        raise MigrationError("MONITOR_HUNG", "It did not answer.", state="As before.", remedy="Look.")

    monkeypatch.setattr(lease, "within", hangs)
    host = SharedSlots(SharedLimits("kvm02", {"all": 3}, {"kvm03": ["all"]}), lambda _name: to(daemon))
    for _look in range(40):
        assert not host.reserve("b", "kvm03")
        libvirt.clock.sleep(0.5)
    assert len(asked) == 4
