# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs run inside a guest through its QEMU guest agent."""

from __future__ import annotations

import base64
import json
import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.json_text import is_whole, read_json
from ..._core.libvirt_errors.codes import Err
from ..._core.text import shortened
from ..connection import libvirt
from ..errors import translate
from ..guest import Guest
from ..timeout import unlimited, within

try:
    import libvirt_qemu
except ImportError:
    libvirt_qemu = None

_ANSWER_S = 5  # for each command; libvirt then says that the agent is silent
_POLL_S, _LONGEST_POLL_S = 0.1, 1.0
_NOTHING = "Nothing was changed by this step."

# Of all that one module asks of one guest, whatever its agent answers. A guest with 256 units takes 2,300 calls.
_MOST_CALLS = 10_000
_MOST_CHARACTERS = 4 * 1024**2  # of all answers; a choice
_ALL_S = 600.0  # a choice
_MOST_TIMES = 10  # as long as one command may take
_MOST_SHOWN = 300  # characters in a sentence
_EXIT_CODES = range(-(2**31), 2**32)  # those of Windows are unsigned


class Done(t.NamedTuple):
    """How a program in the guest ended."""

    code: int
    output: str
    errors: str


class Agent:
    """The agent of one guest, whose answers are the guest's own words: checked, and bounded in all.

    ``limit_s``: for one program. Raises NO_AGENT, AGENT_SILENT, AGENT_REFUSES, AGENT_SLOW, and for answers that no
    agent gives AGENT_BAD_ANSWER.
    """

    def __init__(self, guest: Guest, limit_s: float) -> None:
        self._guest, self._limit_s = guest, limit_s
        self._calls = self._characters = 0
        self._end_s = time.monotonic() + max(_ALL_S, _MOST_TIMES * limit_s)

    def run(self, program: str, *arguments: str, given: t.Optional[str] = None) -> Done:
        """Run a program without a shell, and wait for its end."""
        wanted: dict[str, t.Any] = {"path": program, "arg": list(arguments), "capture-output": True}
        if given is not None:
            wanted["input-data"] = base64.b64encode(given.encode()).decode()
        pid = self._whole(self._ask("guest-exec", wanted), "pid", range(2**63))
        end_s = time.monotonic() + self._limit_s
        wait_s = _POLL_S
        while True:
            done = self._ended(self._ask("guest-exec-status", {"pid": pid}))
            if done is not None:
                return done
            if time.monotonic() > end_s:
                raise self._slow(" ".join([program, *arguments]), self._limit_s)
            time.sleep(wait_s)
            wait_s = min(_LONGEST_POLL_S, 1.2 * wait_s)

    def _ended(self, status: t.Mapping[str, t.Any]) -> t.Optional[Done]:
        exited = status.get("exited")
        if not isinstance(exited, bool):
            raise self._odd(f"'exited' is {_short(exited)}")
        if not exited:
            return None
        if "exitcode" in status:
            code = self._whole(status, "exitcode", _EXIT_CODES)
        else:
            code = -self._whole(status, "signal", range(1, 2**16))
        return Done(code, self._text(status, "out"), self._text(status, "err"))

    def _text(self, status: t.Mapping[str, t.Any], name: str) -> str:
        if status.get(f"{name}-truncated"):
            raise self._odd("a program printed more than the agent keeps")
        data = status.get(f"{name}-data", "")
        try:
            return base64.b64decode(data, validate=True).decode(errors="replace")
        except (TypeError, ValueError):
            raise self._odd(f"'{name}-data' is {_short(data)}") from None

    def _whole(self, answer: t.Mapping[str, t.Any], key: str, limits: range) -> int:
        value = answer.get(key)
        if value is None or not is_whole(value) or value not in limits:
            raise self._odd(f"{key!r} is {_short(value)}")
        return int(value)

    def _ask(self, command: str, arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        if libvirt_qemu is None:
            raise MigrationError(
                "LIBVIRT_BINDING_MISSING",
                "The binding libvirt_qemu is missing, which speaks to guest agents.",
                state=_NOTHING,
                remedy="Install all of libvirt-python; the packages of distributions have it.",
            )
        self._calls += 1
        if self._calls > _MOST_CALLS or self._characters > _MOST_CHARACTERS:
            raise self._odd(f"it took {self._calls - 1} calls and {self._characters} characters")
        if time.monotonic() > self._end_s:
            raise self._slow("All that was asked", max(_ALL_S, _MOST_TIMES * self._limit_s))
        text = json.dumps({"execute": command, "arguments": arguments})
        try:
            answer = within(
                lambda: libvirt_qemu.qemuAgentCommand(unlimited(self._guest.raw), text, _ANSWER_S, 0),
                f"asking the agent of {self._guest.name!r}",
            )
        except libvirt.libvirtError as exc:
            raise self._refused(command, exc) from exc
        return self._read(answer)

    def _read(self, answer: t.Any) -> dict[str, t.Any]:
        if not isinstance(answer, str):
            raise self._odd("it is no text")
        self._characters += len(answer)
        try:
            read = read_json(answer, _MOST_CHARACTERS)
        except ValueError as exc:
            raise self._odd(str(exc)) from None
        found = read.get("return") if isinstance(read, dict) else None
        if not isinstance(found, dict):
            raise self._odd(f"it is {_short(read)}")
        return found

    def _odd(self, why: str) -> MigrationError:
        return MigrationError(
            "AGENT_BAD_ANSWER",
            f"The agent of {self._guest.name!r} answers as no agent of QEMU does: {shortened(why, _MOST_SHOWN)}.",
            state="What was asked of it before may have been done. Services that were stopped are noted in the guest.",
            remedy="See what serves the channel org.qemu.guest_agent.0 in the guest, or reach the guest by its own host"
            " in the inventory.",
        )

    def _slow(self, what: str, limit_s: float) -> MigrationError:
        return MigrationError(
            "AGENT_SLOW",
            f"{what} has not ended in {self._guest.name!r} within {limit_s:g} s.",
            state="It still runs in the guest, and may yet do what it was asked to.",
            remedy="Look in the guest what holds it up, or give it more time with timeout_s.",
        )

    def _refused(self, command: str, exc: t.Any) -> MigrationError:
        code, name = exc.get_error_code(), self._guest.name
        message = shortened(str(exc.get_error_message() or ""), _MOST_SHOWN)  # the guest's own words are in it
        evidence = {"libvirt_code": code, "libvirt_message": message}
        if code == Err.ARGUMENT_UNSUPPORTED:
            return MigrationError(
                "NO_AGENT",
                f"{name!r} has no channel for a guest agent.",
                state=_NOTHING,
                remedy="Add the channel org.qemu.guest_agent.0 to its definition, or reach the guest by its own host in"
                " the inventory.",
                evidence=evidence,
            )
        if code == Err.AGENT_UNRESPONSIVE:
            return MigrationError(
                "AGENT_SILENT",
                f"The agent of {name!r} does not answer.",
                state=_NOTHING,
                remedy="Install and start qemu-guest-agent in the guest, and let the guest run.",
                evidence=evidence,
            )
        if code == Err.INTERNAL_ERROR and "guest-exec" in message:
            return MigrationError(
                "AGENT_REFUSES",
                f"The agent of {name!r} does not take {command}: {message}.",
                state=_NOTHING,
                remedy="Allow guest-exec and guest-exec-status in the agent's configuration in the guest (on RHEL"
                " in /etc/sysconfig/qemu-ga), and see that the program is there.",
                evidence=evidence,
            )
        return translate(exc, f"The agent of {name!r} could not be asked.", state=_NOTHING)


def _short(value: t.Any) -> str:
    """As it stands in a sentence: whatever it is, and however long."""
    return shortened(f"{value!r:.200}" if not isinstance(value, (dict, list)) else type(value).__name__, _MOST_SHOWN)
