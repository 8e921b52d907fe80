# SPDX-License-Identifier: GPL-3.0-or-later

"""No call of the binding is without a limit: tried with the real binding, and one that hangs when a test wants it."""

from __future__ import annotations

import socket
import threading
import time
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import timeout as guard
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import (
    Connection,
    connect_destination,
    libvirt,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.errors import translate
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import all_guests, find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.timeout import (
    Daemon,
    Limited,
    NoAnswerError,
    in_time,
    limited,
    unlimited,
    within,
)


@pytest.fixture
def mute() -> t.Iterator[str]:
    """The URI of somebody who takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"qemu+tcp://127.0.0.1:{server.getsockname()[1]}/system"


def test_a_mute_daemon_is_given_up(mute: str) -> None:
    began_s = time.monotonic()
    with pytest.raises(MigrationError) as caught:
        Connection(mute, limit_s=0.3)
    assert time.monotonic() - began_s < 5
    assert caught.value.reason == "CONNECTION_FAILED"
    assert "no answer within 0.3 s" in caught.value.problem
    assert mute in caught.value.problem


def test_a_mute_destination_is_given_up(mute: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = dict(Connection.__init__.__kwdefaults__ or {}, limit_s=0.3)
    monkeypatch.setattr(Connection.__init__, "__kwdefaults__", defaults)
    with pytest.raises(MigrationError) as caught:
        connect_destination(mute)
    assert caught.value.reason == "CONNECTION_FAILED"
    assert "the destination" in caught.value.problem


def test_what_the_binding_gives_has_limits() -> None:
    with Connection("test:///default") as connection:
        assert isinstance(connection.raw, Limited)
        guest = find_guest(connection, "test", None)
        assert isinstance(guest.raw, Limited)
        assert guest.state().running
        assert [one.name for one in all_guests(connection)] == ["test"]
        assert isinstance(unlimited(guest.raw), libvirt.virDomain)
        assert isinstance(connection.raw.getLibVersion(), int)
        assert connection.raw.isAlive()


def test_a_connection_that_comes_too_late_is_closed() -> None:
    go, closed = threading.Event(), threading.Event()

    def slow() -> t.Callable[[], None]:
        go.wait(10)
        return closed.set

    with pytest.raises(NoAnswerError):
        in_time(slow, 0.02, too_late=lambda close: close())
    go.set()
    assert closed.wait(5)


class virConnect:  # noqa: N801 - the binding's name, by which it is known
    """Hangs in the calls that a test names."""

    __module__ = "libvirt"

    def __init__(self, *hang: str) -> None:
        self.hang, self.never, self.calls = set(hang), threading.Event(), []  # type: ignore[var-annotated]

    def _answer(self, name: str, value: t.Any) -> t.Any:
        self.calls.append(name)
        if name in self.hang:
            self.never.wait(30)
        return value

    def getLibVersion(self) -> int:  # noqa: N802 - the binding's name
        return t.cast(int, self._answer("getLibVersion", 9_000_000))

    def lookupByName(self, name: str) -> t.Any:  # noqa: N802 - the binding's name
        return self._answer("lookupByName", virDomain(self, name))

    def listAllDomains(self, _flags: int) -> t.Any:  # noqa: N802 - the binding's name
        return self._answer("listAllDomains", [virDomain(self, "erp01")])

    def domainListGetStats(self, domains: t.Any) -> t.Any:  # noqa: N802 - the binding's name
        return self._answer("domainListGetStats", [type(one).__name__ for one in domains])

    def close(self) -> int:
        return t.cast(int, self._answer("close", 0))


class virDomain:  # noqa: N801
    __module__ = "libvirt"

    def __init__(self, connection: virConnect, name: str) -> None:
        self._connection, self._name = connection, name

    def name(self) -> str:
        return self._name

    def state(self) -> t.Any:
        return self._connection._answer("state", [1, 1])

    def jobStats(self) -> t.Any:  # noqa: N802 - the binding's name
        return self._connection._answer("jobStats", {})

    def migrateToURI3(self, *_arguments: t.Any) -> t.Any:  # noqa: N802 - the binding's name
        return self._connection._answer("migrateToURI3", threading.current_thread())


class NoAnswerTestError(Exception):
    """What a test has raised."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_ANSWER_LIMIT_S", "_SILENT_LIMIT_S", "_PROBE_LIMIT_S"):
        monkeypatch.setattr(guard, name, 0.05)


def daemon_of(*hang: str) -> tuple[virConnect, Daemon, t.Any]:
    raw, daemon = virConnect(*hang), Daemon(NoAnswerTestError)
    return raw, daemon, limited(raw, daemon)


def test_each_object_and_each_list_of_them_is_limited(quick: None) -> None:
    _raw, _daemon, connection = daemon_of()
    assert isinstance(connection.lookupByName("erp01"), Limited)
    (one,) = connection.listAllDomains(0)
    assert (one.name(), one.state(), one.jobStats()) == ("erp01", [1, 1], {})
    assert connection.domainListGetStats([one]) == ["virDomain"]


@pytest.mark.parametrize("call", ["getLibVersion", "state", "jobStats"])
def test_a_call_that_hangs_is_given_up(quick: None, call: str) -> None:
    raw, daemon, connection = daemon_of(call)
    domain = connection.lookupByName("erp01")
    with pytest.raises(NoAnswerTestError, match=f"{call} was not answered within"):
        getattr(connection if call == "getLibVersion" else domain, call)()
    # A QEMU that stands still says nothing about the daemon.
    assert daemon.silent is (call != "jobStats")
    raw.hang.clear()
    assert domain.state() == [1, 1]
    assert not daemon.silent
    raw.never.set()


def test_the_call_of_a_migration_has_no_limit_and_no_thread(quick: None) -> None:
    _raw, _daemon, connection = daemon_of()
    thread = connection.lookupByName("erp01").migrateToURI3("qemu+tcp://kvm02/system", {}, 3)
    assert thread is threading.current_thread()


def test_a_limit_of_its_own_counts(quick: None) -> None:
    """A caller who gives more time than the default is not cut short by it."""
    raw, _daemon, connection = daemon_of("state")
    domain = connection.lookupByName("erp01")
    threading.Timer(0.3, raw.never.set).start()
    assert within(domain.state, "reading", 10) == [1, 1]


def test_closing_does_not_wait_for_a_silent_daemon(quick: None) -> None:
    raw, _daemon, connection = daemon_of("getLibVersion", "close")
    connection.close()
    assert raw.calls == ["getLibVersion"]
    raw.never.set()


def test_one_that_is_known_to_be_silent_is_not_asked_once_more(quick: None) -> None:
    raw, _daemon, connection = daemon_of("getLibVersion")
    with pytest.raises(NoAnswerTestError):
        connection.getLibVersion()
    connection.close()
    assert raw.calls == ["getLibVersion"]
    raw.never.set()


def test_no_answer_is_told_as_a_daemon_that_is_gone() -> None:
    with Connection("test:///default") as connection:
        error = connection.raw._daemon.no_answer("state was not answered within 40 s")
    assert isinstance(error, libvirt.libvirtError)
    told = translate(error, "Looking failed.")
    assert told.reason == "CONNECTION_LOST"
    assert "state was not answered within 40 s by test:///default" in told.problem
