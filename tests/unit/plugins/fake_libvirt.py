# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: N801, N802, N815 - the names are libvirt's
"""A stand-in for the libvirt binding that follows a script.

A test lists the calls it expects, in order, with their arguments and what each returns or raises; a call that is not
next in the script fails the test, and so does one that is left at the end. It is for the order of calls and for
errors only: how a migration behaves is the business of the simulator and of the lab.

What takes no lock and changes nothing is free and not in the script: who a guest or a host is, a guest's state, whether
it is active, how long its processors have run, its note that it was left small (``shrunk``), that of its last attempt
(``attempts``), the event loop,
keep-alives, registering for events, closing. Time is virtual, so no test waits.
"""

from __future__ import annotations

import queue
import typing as t

SHRUNK = "https://github.com/virtops/ansible-live-migration/shrunk"
ATTEMPT = "https://github.com/virtops/ansible-live-migration/attempt"
ERP01 = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"
ERP02 = "2f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c22"

RUNNING = (1, 1)
UNPAUSED = (1, 5)
CANCELLED = (1, 6)
PAUSED_BY_USER = (3, 1)
PAUSED_FOR_MIGRATION = (3, 2)
IN_POSTCOPY = (3, 12)
POSTCOPY_FAILED = (3, 13)
ARRIVING = (3, 2)
ARRIVING_IN_POSTCOPY = (1, 10)
ARRIVING_BROKEN = (1, 11)
SHUT_DOWN = (5, 1)
MIGRATED = (5, 4)
GONE = None  # not even defined here
UNANSWERED = (-1, -1)  # the daemon is gone

MIGRATION_ITERATION = 20
JOB_COMPLETED = 21

Effect = t.Callable[["FakeLibvirt"], None]


class libvirtError(Exception):
    """The binding's only exception."""

    def __init__(self, code: int, message: str, domain: int = 10) -> None:
        super().__init__(message)
        self.code, self.message, self.domain = code, message, domain

    def get_error_code(self) -> int:
        return self.code

    def get_error_message(self) -> str:
        return self.message

    def get_error_domain(self) -> int:
        return self.domain


class Hung(BaseException):
    """Ends a call that never answers, so that no test waits for it; see ``CallThread``."""


class Guest(t.NamedTuple):
    """A domain in the answer of a look-up; ``at``: the host, where a test has more than one."""

    name: str = "erp01"
    uuid: str = ERP01
    at: str = ""

    @property
    def key(self) -> str:
        """What its state and its calls go by."""
        return f"{self.name}@{self.at}" if self.at else self.name


class Call:
    """One expected call of a method of the binding, of the connection, or of the domain ``guest``."""

    def __init__(self, method: str, *arguments: t.Any, guest: str | None = None) -> None:
        self.method, self.arguments, self.guest = method, arguments, guest
        self._value: t.Any = None
        self._error: libvirtError | None = None
        self._effects: list[Effect] = []
        self._hangs = False

    def __repr__(self) -> str:
        return f"{self.guest + '.' if self.guest else ''}{self.method}{self.arguments!r}"

    def returns(self, value: t.Any) -> Call:
        self._value = value
        return self

    def raises(self, code: int, message: str, domain: int = 10) -> Call:
        self._error = libvirtError(code, message, domain)
        return self

    def hangs(self) -> Call:
        """Never answers, as libvirt does while QEMU's monitor is silent."""
        self._hangs = True
        return self

    def then(self, effect: Effect) -> Call:
        """Something that happens with the call."""
        self._effects.append(effect)
        return self

    def leaves(self, state: tuple[int, int] | None, guest: str = "erp01") -> Call:
        """The guest is in that state from then on."""
        return self.then(lambda libvirt: libvirt.states.__setitem__(guest, state))

    def answer(self, libvirt: FakeLibvirt) -> t.Any:
        for effect in self._effects:
            effect(libvirt)
        if self._hangs:
            libvirt.hung = True
            raise Hung
        if self._error:
            raise self._error
        if isinstance(self._value, Guest):
            return FakeDomain(libvirt, self._value)
        if isinstance(self._value, list):
            return [FakeDomain(libvirt, one) if isinstance(one, Guest) else one for one in self._value]
        return self._value


class Clock:
    """Virtual time with things that happen in it; stands in for the module ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._planned: list[tuple[float, t.Callable[[], None]]] = []
        self._steps = 0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        """Of day."""
        return 1_796_000_000.0 + self.now

    def sleep(self, seconds: float) -> None:
        self.go_to(self.now + seconds)

    def after(self, seconds: float, happens: t.Callable[[], None]) -> None:
        self._planned.append((self.now + seconds, happens))
        self._planned.sort(key=lambda one: one[0])

    def next_s(self) -> float | None:
        return self._planned[0][0] if self._planned else None

    def go_to(self, moment_s: float) -> None:
        self._steps += 1
        assert self._steps < 10_000, "This waits for ever."
        while self._planned and self._planned[0][0] <= moment_s:
            self.now, happens = max(self.now, self._planned[0][0]), self._planned.pop(0)[1]
            happens()
        self.now = max(self.now, moment_s)


class VirtualQueue:
    """Stands in for ``queue.Queue``: waiting moves the clock."""

    Empty = queue.Empty

    def __init__(self, clock: Clock) -> None:
        self._clock, self._items = clock, queue.SimpleQueue()  # type: ignore[var-annotated]

    def put(self, item: t.Any) -> None:
        self._items.put(item)

    def get(self, timeout: float) -> t.Any:
        end_s = self._clock.now + timeout
        while self._items.empty():
            planned = self._clock.next_s()
            if planned is None or planned > end_s:
                self._clock.go_to(end_s)
                raise queue.Empty
            self._clock.go_to(planned)
        return self._items.get_nowait()


class CallThread:
    """Stands in for the thread of a call that must not hang: runs at once, and is alive after one that hung."""

    def __init__(self, libvirt: FakeLibvirt, target: t.Callable[[], None]) -> None:
        self._libvirt, self._target = libvirt, target

    def start(self) -> None:
        self._libvirt.hung = False
        self._target()

    def join(self, _limit_s: float) -> None:
        pass

    def is_alive(self) -> bool:
        return self._libvirt.hung


class FakeDomain:
    """virDomain."""

    def __init__(self, libvirt: FakeLibvirt, guest: Guest) -> None:
        self._libvirt, self._guest = libvirt, guest

    def name(self) -> str:
        return self._guest.name

    def UUIDString(self) -> str:
        return self._guest.uuid

    def state(self) -> list[int]:
        return list(self._state())

    def isActive(self) -> bool:
        return self._state()[0] != SHUT_DOWN[0]

    def vcpus(self) -> tuple[list[tuple[int, int, int, int]], list[tuple[bool, ...]]]:
        busy = self._libvirt.vcpus_busy
        times_ns = [int(self._libvirt.clock.now * share * 1e9) for share in busy]
        return [(number, 1, time_ns, 0) for number, time_ns in enumerate(times_ns)], [(True,)] * len(busy)

    def metadata(self, kind: int, namespace: str, flags: int) -> t.Any:
        notes = {SHRUNK: self._libvirt.shrunk, ATTEMPT: self._libvirt.attempts}
        if namespace not in notes:
            return self._libvirt.called("metadata", (kind, namespace, flags), self._guest.key)
        assert (kind, flags) == (2, 1), "The note is in the live metadata only."
        if self._guest.key not in notes[namespace]:
            raise libvirtError(80, "metadata not found: Requested metadata element is not present")
        return notes[namespace][self._guest.key]

    def _state(self) -> tuple[int, int]:
        state = self._libvirt.states.get(self._guest.key, RUNNING)
        if state == UNANSWERED:
            raise libvirtError(1, "internal error: client socket is closed", 7)
        if state is GONE:
            raise libvirtError(42, f"Domain not found: no domain with matching uuid '{self._guest.uuid}'")
        return state

    def __getattr__(self, method: str) -> t.Callable[..., t.Any]:
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *arguments: self._libvirt.called(method, arguments, self._guest.key)


class FakeConnection:
    """virConnect."""

    def __init__(self, libvirt: FakeLibvirt, uri: str) -> None:
        self._libvirt = libvirt
        self.uri = uri
        self.closed = False

    def getHostname(self) -> str:
        """kvm01, or the host of the URI."""
        return self.uri.split("://", 1)[1].split("/", 1)[0].rpartition("@")[2] or "kvm01"

    def isAlive(self) -> bool:
        return not self.closed

    def close(self) -> int:
        self.closed = True
        return 0

    def setKeepAlive(self, _interval_s: int, _count: int) -> int:
        return 0

    def domainEventRegisterAny(self, domain: t.Any, kind: int, callback: t.Any, opaque: t.Any) -> int:
        assert self._libvirt.event_loop, "The event loop must be there before the connection."
        assert domain is None
        self._libvirt.last_id += 1
        self._libvirt.callbacks[self._libvirt.last_id] = (kind, callback, opaque, self)
        return self._libvirt.last_id

    def domainEventDeregisterAny(self, number: int) -> int:
        del self._libvirt.callbacks[number]
        return 0

    def __getattr__(self, method: str) -> t.Callable[..., t.Any]:
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda *arguments: self._libvirt.called(method, arguments)


class FakeLibvirt:
    """The module ``libvirt``, following a script; ``clock`` is the time that passes in it."""

    libvirtError = libvirtError

    def __init__(self) -> None:
        self.clock = Clock()
        self.states: dict[str, tuple[int, int] | None] = {}
        self.callbacks: dict[int, tuple[int, t.Any, t.Any, FakeConnection]] = {}
        self.vcpus_busy: tuple[float, ...] = (1.0,)
        self.shrunk: dict[str, str] = {}
        self.attempts: dict[str, str] = {}
        self.last_id = 0
        self.hung = False
        self.event_loop = False
        self.silenced = False
        self._script: list[Call] = []
        self._connections: list[FakeConnection] = []
        self._wrong: list[str] = []

    # --- the binding

    def open(self, uri: str) -> FakeConnection:
        assert self.silenced, "Errors would be printed beside the module's JSON."
        self.called("open", (uri,))
        self._connections.append(FakeConnection(self, uri))
        return self._connections[-1]

    def registerErrorHandler(self, handler: t.Any, _context: t.Any) -> None:
        handler(None, None)
        self.silenced = True

    def virEventRegisterDefaultImpl(self) -> None:
        assert not self._connections, "The event loop must be there before the connection."
        self.event_loop = True

    def connection(self, uri: str) -> FakeConnection:
        """The last one that was opened to there."""
        return [one for one in self._connections if one.uri == uri][-1]

    # --- the script

    def expect(self, *calls: Call) -> None:
        self._script.extend(calls)

    def called(self, method: str, arguments: tuple[t.Any, ...], guest: str | None = None) -> t.Any:
        call = self._script[0] if self._script else None
        fits = call and (call.method, call.arguments) == (method, arguments) and call.guest in (None, guest)
        if call is None or not fits:
            wrong = f"{guest + '.' if guest else ''}{method}{arguments!r} was called, but {call or 'nothing'} is next."
            self._wrong.append(wrong)
            raise AssertionError(wrong)
        return self._script.pop(0).answer(self)

    def happens(self, kind: int, value: t.Any, guest: Guest | None = None) -> None:
        """Deliver an event: of kind MIGRATION_ITERATION a pass, of kind JOB_COMPLETED statistics."""
        for registered, callback, opaque, connection in list(self.callbacks.values()):
            if registered == kind:
                callback(connection, FakeDomain(self, guest or Guest()), value, opaque)

    def finish(self) -> None:
        """What must hold at the end of a test."""
        assert self._wrong == []
        assert self._script == [], "These calls were expected, but not made."
        assert all(connection.closed for connection in self._connections), "A connection was left open."
        assert self.callbacks == {}, "Events are still registered."


def own_word(text: str = "") -> list[Call]:
    """The guest is asked for limits of its own, as it runs and for good."""
    asked = [Call("metadata", 2, "https://github.com/virtops/ansible-live-migration/guest/1", flag) for flag in (1, 2)]
    return [asked[0].returns(text)] if text else [call.raises(80, "metadata not found") for call in asked]
