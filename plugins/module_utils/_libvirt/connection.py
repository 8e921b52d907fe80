# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a libvirt daemon, and the only place that imports the binding."""

from __future__ import annotations

import contextlib
import threading
import traceback
import typing as t
from xml.etree import ElementTree

from .._core.errors import MigrationError
from .._core.libvirt_errors.codes import Err
from .._core.libvirt_uri import is_local
from .timeout import Daemon, NoAnswerError, in_time, limited

__all__ = [
    "LIBVIRT_IMPORT_ERROR",
    "Connection",
    "connect_destination",
    "host_uuid",
    "libvirt",
    "require_version",
    "tells_of_loss",
    "version_parts",
    "version_text",
]

LIBVIRT_IMPORT_ERROR: t.Optional[str] = None
try:
    import libvirt
except ImportError:
    libvirt = None
    LIBVIRT_IMPORT_ERROR = traceback.format_exc()

OPEN_LIMIT_S = 30.0  # a choice: keep-alives give up a daemon after 30 s, too
_FROM_RPC = 7  # virErrorDomain

_loop_started = False
_starting = threading.Lock()  # connections are opened by several threads at once, and libvirt's loop is for one


def _start_event_loop() -> None:
    """Run libvirt's event loop: it must exist before a connection that wants events or notices a dead peer."""
    global _loop_started
    with _starting:
        if _loop_started:
            return
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_run_event_loop, name="libvirt-events", daemon=True).start()
        _loop_started = True


def _run_event_loop() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


class Connection:
    """An open connection; a context manager. ``raw`` is the binding's ``virConnect``, with a limit to each call.

    Nothing else opens one. Raises CONNECTION_FAILED when nobody has answered after ``limit_s``, and what libvirt's
    errors mean; ``whose`` says in a sentence what is at the other end.
    """

    def __init__(
        self, uri: str, *, events: bool = False, limit_s: float = OPEN_LIMIT_S, whose: str = "libvirt"
    ) -> None:
        # Without a handler of ours the binding prints each error to stderr, beside the module's JSON.
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        if events:
            _start_event_loop()
        self.uri = uri
        self._events, self._limit_s, self._whose = events, limit_s, whose
        self._lost = False
        self._open()

    def _open(self) -> None:
        try:
            raw = in_time(self._opened, self._limit_s, too_late=lambda late: late.close())
        except libvirt.libvirtError as exc:
            from .errors import translate

            failure_sentence = f"Could not connect to {self._whose} at {self.uri}."
            raise translate(exc, failure_sentence, state="Nothing was changed.") from exc
        except NoAnswerError:
            raise MigrationError(
                "CONNECTION_FAILED",
                f"Could not connect to {self._whose} at {self.uri}: there was no answer within {self._limit_s:g} s.",
                state="Nothing was changed.",
                remedy="Check that the daemon runs there and is not stopped or overloaded, the URI, and the firewall.",
            ) from None
        self.raw = limited(raw, Daemon(lambda problem: _no_answer(f"{problem} by {self.uri}")))
        self._lost = False

    def _opened(self) -> t.Any:
        raw = libvirt.open(self.uri)
        if self._events:
            # A dead daemon is noticed after 5 x 6 s; local connections do not take keep-alives everywhere.
            with contextlib.suppress(libvirt.libvirtError):
                raw.setKeepAlive(5, 5)
        return raw

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(libvirt.libvirtError):
            self.raw.close()

    def reopen(self) -> None:
        """Connect anew, after the daemon was restarted. Objects that were looked up before are of no use any more."""
        self.close()
        self._open()

    @property
    def alive(self) -> bool:
        """Whether it is open, and no call has told that a daemon behind it is gone; see :meth:`lost`."""
        return not self._lost and bool(self.raw.isAlive())

    def lost(self, exc: Exception) -> bool:
        """Whether it is of no use any more, by an error of a call on it: it has to be opened anew then.

        With modular daemons isAlive() tells of the nearest daemon only. virtproxyd keeps a connection open whose
        virtqemud was restarted, and virtqemud one whose virtsecretd was; each call fails that such a daemon would have
        to answer, until the client connects anew (remoteOpenConn in libvirt's remote_daemon_dispatch.c).
        """
        self._lost = self._lost or tells_of_loss(exc)
        return not self.alive

    @property
    def local(self) -> bool:
        """Whether the daemon is on the machine that this runs on, so that its files and processes can be looked at."""
        return is_local(self.uri)


def tells_of_loss(exc: Exception) -> bool:
    """Whether an error says that a connection to a daemon has ended, whichever one. That it only gives no answer is no
    such error: it may go on, as it does when a stopped daemon is continued."""
    if getattr(exc, "no_answer", False):
        return False
    if isinstance(exc, MigrationError):
        return exc.reason == "CONNECTION_LOST"
    from .errors import translate

    return translate(exc, "").reason == "CONNECTION_LOST"


def connect_destination(uri: str) -> Connection:
    """The connection to the destination; it fails in time where nobody answers."""
    return Connection(uri, events=True, whose="the destination")


def _no_answer(problem: str) -> Exception:
    """A daemon that does not answer any more is told as one that is gone, after which the same is to be done."""
    error = libvirt.libvirtError(f"lost connection: {problem}")
    error.err = (Err.RPC, _FROM_RPC, str(error), 2, None, None, None, -1, -1)
    error.no_answer = True
    return t.cast(Exception, error)


def host_uuid(daemon: t.Any) -> str:
    """The UUID of the host of a daemon (a ``virConnect``), by its capabilities: which host a connection leads to."""
    return str(ElementTree.fromstring(daemon.getCapabilities()).findtext("host/uuid"))


def version_parts(version: int) -> tuple[int, ...]:
    """A version as libvirt gives it in one number (9000000), part by part: (9, 0, 0)."""
    return (version // 1_000_000, version // 1000 % 1000, version % 1000)


def version_text(version: int) -> str:
    """A version as libvirt gives it in one number (9000000) as people write it (9.0.0)."""
    return ".".join(map(str, version_parts(version)))


def require_version(connection: Connection, wanted: tuple[int, ...], what: str) -> None:
    """Raises LIBVIRT_TOO_OLD when the daemon is older than ``wanted``; ``what``: that needs it, for the message."""
    have = int(connection.raw.getLibVersion())
    if version_parts(have) < wanted:
        raise MigrationError(
            "LIBVIRT_TOO_OLD",
            f"{what} needs libvirt {'.'.join(map(str, wanted))} or newer; this host has {version_text(have)}.",
            state="Nothing was changed.",
            remedy="Update libvirt on this host, or do without it.",
        )
