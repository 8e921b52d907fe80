# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that must not hang: a stopped QEMU never answers its monitor, and libvirt waits for it without end.

Neither does a daemon that is stopped, nor one behind a network that takes a connection and says nothing. So every call
of the binding has a limit: its own by :func:`within`, or that of :class:`Limited`.
"""

from __future__ import annotations

import functools
import threading
import typing as t

from .._core.errors import MigrationError

T = t.TypeVar("T")

CALL_LIMIT_S = 20.0  # of a call that waits for QEMU; a choice: below the 30 s that libvirt waits for a lock
# Longer than libvirt itself waits for the lock of a domain, and than keep-alives need to find a daemon gone (30 s
# each): their errors say more.
_ANSWER_LIMIT_S = 40.0
_SILENT_LIMIT_S = 2.0  # of a daemon that has just not answered
_PROBE_LIMIT_S = 5.0  # of the call that shows before a connection is closed that its daemon answers; a choice

# What the binding answers by itself.
_LOCAL = frozenset(("ID", "UUID", "UUIDString", "c_pointer", "connect", "isAlive", "name", "setKeepAlive"))
# A migration takes as long as it takes, and whoever begins one waits for it in a thread of its own.
_ENDLESS = frozenset(("migrateToURI3",))
# Calls on a domain that never wait for QEMU: where one of these does not come back, the daemon does not answer.
_BY_THE_DAEMON = frozenset(("autostart", "isActive", "isPersistent", "state"))

_inside = threading.local()


class NoAnswerError(Exception):
    """A call has not come back in time."""


def in_time(call: t.Callable[[], T], limit_s: float, too_late: t.Optional[t.Callable[[T], t.Any]] = None) -> T:
    """The result of ``call``, or NoAnswerError; ``too_late`` gets a result that comes after that.

    The call is made by a thread that is left behind then: it cannot be taken back.
    """
    outcome: dict[str, t.Any] = {}

    def run() -> None:
        before = getattr(_inside, "limit", False)
        _inside.limit = True
        try:
            value = call()
            if outcome.setdefault("end", "answered") == "answered":
                outcome["value"] = value
            elif too_late is not None:
                too_late(value)
        except BaseException as exc:
            outcome["error"] = exc
        finally:
            _inside.limit = before

    thread = threading.Thread(target=run, name="libvirt-call", daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive() and outcome.setdefault("end", "given up") == "given up":
        raise NoAnswerError
    if thread.is_alive():
        thread.join()  # it has the value, and notes it this moment
    if "error" in outcome:
        raise outcome["error"]
    return t.cast(T, outcome["value"])


def within(call: t.Callable[[], T], doing: str, limit_s: float = CALL_LIMIT_S) -> T:
    """The result of ``call``, or MONITOR_HUNG after ``limit_s``; the call itself cannot be taken back."""
    try:
        return in_time(call, limit_s)
    except NoAnswerError:
        raise hung(doing, limit_s) from None


def hung(doing: str, limit_s: float) -> MigrationError:
    """The error of a call that has not come back; ``doing``: what it was to do."""
    return MigrationError(
        "MONITOR_HUNG",
        f"libvirt did not answer for {limit_s:g} s while {doing}.",
        state="QEMU or its host is stopped or overloaded; the request may still take effect when it wakes up.",
        remedy="Look at the QEMU process on this host (stopped? storage gone?) and at the daemon's log, then look"
        " at the job again before the next step.",
    )


def each_within(
    calls: t.Sequence[t.Callable[[], T]], limit_s: float, most_hung: int
) -> list[t.Union[T, Exception, None]]:
    """The result of each call, or what it raised; None for one that gave no answer in time, and for those that were not
    made any more, after so many.

    One thread makes them, one after the other, as long as they answer: a thread for each takes longer than the call.
    """
    found: list[t.Union[T, Exception, None]] = []
    silent = 0
    while len(found) < len(calls) and silent < most_hung:
        answers: list[t.Union[T, Exception, None]] = []
        given_up: list[bool] = []
        make = functools.partial(_make, calls[len(found) :], answers, given_up)
        thread = threading.Thread(target=make, name="libvirt-calls", daemon=True)
        thread.start()
        done = -1
        while len(answers) > done:
            done = len(answers)
            thread.join(limit_s)
            if not thread.is_alive():
                break
        given_up.append(True)  # what answers only now comes too late, and nothing is called after it
        found += answers[: len(calls) - len(found)]
        if len(found) < len(calls):
            found.append(None)
            silent += 1
    return found + [None] * (len(calls) - len(found))


def _make(
    calls: t.Sequence[t.Callable[[], T]], answers: list[t.Union[T, Exception, None]], given_up: list[bool]
) -> None:
    _inside.limit = True  # the limit is that of each_within
    for call in calls:
        if given_up:
            return
        try:
            answers.append(call())
        except Exception as exc:
            answers.append(exc)
        except BaseException:
            return


class Daemon:
    """What is known of one connection's daemon; ``no_answer`` makes the error of a call that does not come back."""

    def __init__(self, no_answer: t.Callable[[str], Exception]) -> None:
        self.no_answer = no_answer
        self.silent = False

    def call(self, what: str, method: t.Callable[[], T], *, by_the_daemon: bool) -> T:
        """The result of ``method``; a daemon that was silent is not waited for once more as long."""
        if getattr(_inside, "limit", False):
            return method()
        limit_s = _SILENT_LIMIT_S if self.silent else _ANSWER_LIMIT_S
        try:
            result = in_time(method, limit_s)
        except NoAnswerError:
            self.silent = self.silent or by_the_daemon
            raise self.no_answer(f"{what} was not answered within {limit_s:g} s") from None
        self.silent = False
        return result


class Limited:
    """An object of the binding, and what its calls return, with a limit to each call that asks the daemon.

    A call within :func:`within` has the limit given there.
    """

    def __init__(self, raw: t.Any, daemon: Daemon) -> None:
        self._raw, self._daemon = raw, daemon

    def __getattr__(self, name: str) -> t.Any:
        found = getattr(self._raw, name)
        if not callable(found) or name in _LOCAL:
            return found
        return functools.partial(self._call, name, found)

    def _call(self, name: str, method: t.Callable[..., t.Any], *arguments: t.Any, **named: t.Any) -> t.Any:
        given = [unlimited(one) for one in arguments]
        if name in _ENDLESS:
            return method(*given, **named)
        by_the_daemon = name in _BY_THE_DAEMON or type(self._raw).__name__ == "virConnect"
        found = self._daemon.call(name, lambda: method(*given, **named), by_the_daemon=by_the_daemon)
        if isinstance(found, list):
            return [limited(one, self._daemon) for one in found]
        return limited(found, self._daemon)

    def close(self) -> None:
        """A daemon that does not answer is asked for nothing more; the thread that waits for it keeps its objects.

        Without that the binding would say goodbye when the last object of the connection is forgotten, wherever that
        is, and wait for an answer without end.
        """
        if self._daemon.silent:
            return
        try:
            in_time(self._raw.getLibVersion, _PROBE_LIMIT_S)
            in_time(self._raw.close, _PROBE_LIMIT_S)
        except NoAnswerError:
            return


def limited(value: t.Any, daemon: Daemon) -> t.Any:
    """The same, with limits if it is an object of the binding."""
    kind = type(value)
    return Limited(value, daemon) if kind.__module__ == "libvirt" and kind.__name__.startswith("vir") else value


def unlimited(value: t.Any) -> t.Any:
    """What the binding itself takes."""
    if isinstance(value, (list, tuple)):
        return type(value)(unlimited(one) for one in value)
    return value._raw if isinstance(value, Limited) else value
