# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor of a QEMU process of this machine (QMP), for the one thing that libvirt cannot be asked for.

QEMU talks to one client at a time, and libvirt is that client for as long as its daemon runs.
"""

from __future__ import annotations

import contextlib
import json
import socket
import types
import typing as t

from ..._core.errors import MigrationError

_ANSWER_S = 10.0  # a choice; QEMU that runs answers at once
_LOOK_REMEDY = "See whether its process still runs ('virsh domstate --reason', the log of its QEMU)."
_MOST_BYTES = 1 << 20  # of one line; answers to what is asked here have a few hundred


class QemuMonitor:
    """A connection to a monitor at a path; a context manager.

    Raises MONITOR_BUSY where QEMU does not greet, and MONITOR_LOST where it is not there, or goes.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_ANSWER_S)
        self._rest = b""

    def __enter__(self) -> QemuMonitor:
        try:
            self._socket.connect(self._path)
            self._line()
        except socket.timeout as exc:
            self._socket.close()
            raise MigrationError(
                "MONITOR_BUSY",
                f"QEMU does not answer at {self._path}: a libvirt daemon is connected to it, or it stands still.",
                state="Nothing was changed.",
                remedy="Stop the daemon on this host, its sockets included; guests go on running. Then run this again.",
            ) from exc
        except (OSError, MigrationError) as exc:
            self._socket.close()
            raise MigrationError(
                "MONITOR_LOST",
                f"There is no QEMU at {self._path}: {exc}.",
                state="Nothing was changed.",
                remedy=_LOOK_REMEDY,
            ) from exc
        self.ask("qmp_capabilities")
        return self

    def __exit__(
        self,
        _kind: t.Optional[type[BaseException]],
        _value: t.Optional[BaseException],
        _trace: t.Optional[types.TracebackType],
    ) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def ask(self, command: str, **arguments: str) -> dict[str, t.Any]:
        """What QEMU answers to a command of QMP. Raises REFUSED_BY_QEMU with its words, and MONITOR_LOST."""
        order: dict[str, t.Any] = {"execute": command, **({"arguments": arguments} if arguments else {})}
        try:
            self._socket.sendall(json.dumps(order).encode() + b"\n")
            while True:
                answer = self._line()
                if "return" in answer or "error" in answer:
                    break
        except OSError as exc:
            raise MigrationError(
                "MONITOR_LOST",
                f"QEMU did not answer {command!r}: {exc}.",
                state="Whether it has obeyed is not known. It was asked for nothing else.",
                remedy=_LOOK_REMEDY,
            ) from exc
        if "error" in answer:
            raise refused(f"QEMU refused {command!r}.", answer)
        found = answer["return"]
        return found if isinstance(found, dict) else {}

    def _line(self) -> dict[str, t.Any]:
        """The next object; an answer, or an event that nobody asked for."""
        while b"\n" not in self._rest:
            received = self._socket.recv(65536)
            if not received or len(self._rest) > _MOST_BYTES:
                raise MigrationError("MONITOR_LOST", f"QEMU has closed {self._path}.")
            self._rest += received
        line, self._rest = self._rest.split(b"\n", 1)
        try:
            found = json.loads(line)
        except ValueError as exc:
            raise MigrationError("MONITOR_LOST", f"What answers at {self._path} is no QEMU.") from exc
        return found if isinstance(found, dict) else {}


def refused(problem: str, answer: t.Mapping[str, t.Any]) -> MigrationError:
    """The error for an answer of QEMU that is one, with its words."""
    error = answer.get("error")
    words = str(error.get("desc") or error.get("class") or "")[:500] if isinstance(error, dict) else ""
    return MigrationError(
        "REFUSED_BY_QEMU",
        f"{problem} It says: {words}",
        state="Both halves of the guest were left as they are.",
        remedy="Look at the job on the source (migration_job_info) before the next step. Destroy neither half.",
        evidence={"qemu_message": words},
    )
