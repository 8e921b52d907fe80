# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Programs run inside a guest through its QEMU guest agent."""

from __future__ import annotations

import base64
import json
import time
import typing as t

from .._core.errors import MigrationError
from .connection import libvirt
from .domain import Guest
from .errors import translate
from .guard import unlimited, within

try:
    import libvirt_qemu
except ImportError:
    libvirt_qemu = None

_ERR_INTERNAL = 1
_ERR_ARGUMENT_UNSUPPORTED = 74
_ERR_AGENT_UNRESPONSIVE = 86
_ANSWER_S = 5
_POLL_S = 0.1
_NOTHING = "Nothing was changed by this step."


class Done(t.NamedTuple):
    """How a program in the guest ended."""

    code: int
    output: str
    errors: str


class Agent:
    """The agent of one guest. Raises NO_AGENT, AGENT_SILENT, AGENT_REFUSES, AGENT_SLOW."""

    def __init__(self, guest: Guest, limit_s: float) -> None:
        self._guest, self._limit_s = guest, limit_s

    def run(self, program: str, *arguments: str, given: t.Optional[str] = None) -> Done:
        """Run a program without a shell, and wait for its end."""
        wanted: dict[str, t.Any] = {"path": program, "arg": list(arguments), "capture-output": True}
        if given is not None:
            wanted["input-data"] = base64.b64encode(given.encode()).decode()
        pid = self._ask("guest-exec", wanted)["pid"]
        end_s = time.monotonic() + self._limit_s
        while True:
            status = self._ask("guest-exec-status", {"pid": pid})
            if status["exited"]:
                code = int(status.get("exitcode", -int(status.get("signal", 1))))
                return Done(code, _text(status, "out-data"), _text(status, "err-data"))
            if time.monotonic() > end_s:
                told = " ".join([program, *arguments])
                raise MigrationError(
                    "AGENT_SLOW",
                    f"{told} has not ended in {self._guest.name!r} within {self._limit_s:g} s.",
                    state="It still runs in the guest, and may yet do what it was asked to.",
                    remedy="Look in the guest what holds it up, or give it more time with timeout_s.",
                )
            time.sleep(_POLL_S)

    def _ask(self, command: str, arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        if libvirt_qemu is None:
            raise MigrationError(
                "LIBVIRT_BINDING_MISSING",
                "The binding libvirt_qemu is missing, which speaks to guest agents.",
                state=_NOTHING,
                remedy="Install all of libvirt-python; the packages of distributions have it.",
            )
        text = json.dumps({"execute": command, "arguments": arguments})
        try:
            answer = within(
                lambda: libvirt_qemu.qemuAgentCommand(unlimited(self._guest.raw), text, _ANSWER_S, 0),
                f"asking the agent of {self._guest.name!r}",
            )
        except libvirt.libvirtError as exc:
            raise self._refused(command, exc) from exc
        return t.cast("dict[str, t.Any]", json.loads(answer)["return"])

    def _refused(self, command: str, exc: t.Any) -> MigrationError:
        code, name = exc.get_error_code(), self._guest.name
        evidence = {"libvirt_code": code, "libvirt_message": exc.get_error_message()}
        if code == _ERR_ARGUMENT_UNSUPPORTED:
            return MigrationError(
                "NO_AGENT",
                f"{name!r} has no channel for a guest agent.",
                state=_NOTHING,
                remedy="Add the channel org.qemu.guest_agent.0 to its definition, or reach the guest by its own host in"
                " the inventory.",
                evidence=evidence,
            )
        if code == _ERR_AGENT_UNRESPONSIVE:
            return MigrationError(
                "AGENT_SILENT",
                f"The agent of {name!r} does not answer.",
                state=_NOTHING,
                remedy="Install and start qemu-guest-agent in the guest, and let the guest run.",
                evidence=evidence,
            )
        if code == _ERR_INTERNAL and "guest-exec" in exc.get_error_message():
            return MigrationError(
                "AGENT_REFUSES",
                f"The agent of {name!r} does not take {command}: {exc.get_error_message()}.",
                state=_NOTHING,
                remedy="Allow guest-exec and guest-exec-status in the agent's configuration in the guest (on RHEL"
                " in /etc/sysconfig/qemu-ga), and see that the program is there.",
                evidence=evidence,
            )
        return translate(exc, f"The agent of {name!r} could not be asked.", state=_NOTHING)


def _text(status: t.Mapping[str, t.Any], key: str) -> str:
    return base64.b64decode(status.get(key, "")).decode(errors="replace")
