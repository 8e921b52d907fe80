# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a guest stopped for a while through its agent, and put back: what was changed is noted in the guest."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.errors import MigrationError
from ..._core.host.parse.systemd_units import (
    MISSING,
    NOTE_PATH,
    checked_units,
    note_text,
    read_note,
    show_arguments,
    unit_state,
    works,
)
from ..._core.text import shortened
from .agent import Agent, Done

_MOST_SHOWN = 300
_NOT_THERE = ": No such file or directory"


@dataclass
class Changes:
    """``before`` and ``after``: the state of each unit; ``units``: those that were changed, or would be."""

    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    units: list[str] = field(default_factory=list)


class Services:
    """The units of one guest, and the note of those that were stopped."""

    def __init__(self, agent: Agent, guest_name: str) -> None:
        self._agent, self._name = agent, guest_name

    def noted(self) -> list[str]:
        """Empty when there is no note. Raises NOTE_UNREADABLE: what it says would be forgotten with the next one."""
        done = self._agent.run("cat", NOTE_PATH)
        if done.code == 0:
            return read_note(done.output)
        # An agent mostly speaks no other language; where it does, the exit code of another program tells.
        if done.errors.rstrip().endswith(_NOT_THERE) or self._agent.run("test", "-e", NOTE_PATH).code == 1:
            return []
        raise MigrationError(
            "NOTE_UNREADABLE",
            f"{NOTE_PATH} in {self._name!r} is there, but could not be read: {_complaint(done)}.",
            state="Nothing was changed by this step. Services that were stopped before are noted in it.",
            remedy="Let the agent run as root, see that the note can be read in the guest, and run this again.",
        )

    def stop(self, units: t.Sequence[str], *, check: bool) -> Changes:
        """Stop what works of the units. When one does not stop, those stopped before it are started again."""
        found = Changes(before=self._states(units))
        found.units = [unit for unit, state in found.before.items() if works(state)]
        if check or not found.units:
            found.after = {**found.before, **dict.fromkeys(found.units, "inactive")}
            return found
        noted = self.noted()
        checked_units([*noted, *found.units])
        # First, so that an interrupted run can be undone; starting what was not stopped yet does no harm.
        self._write_note([*noted, *(unit for unit in found.units if unit not in noted)])
        for number, unit in enumerate(found.units):
            problem = self._systemctl("stop", unit)
            if problem:
                self._take_back(unit, problem, found.units[: number + 1], noted)
        found.after = self._states(units)
        return found

    def restore(self, *, check: bool) -> Changes:
        """Start what is noted and does not work, and forget the note."""
        noted = self.noted()
        found = Changes(before=self._states(noted))
        found.units = [unit for unit, state in found.before.items() if not works(state) and state != MISSING]
        if check or not noted:
            found.after = {**found.before, **dict.fromkeys(found.units, "active")}
            return found
        problems = {unit: problem for unit in found.units if (problem := self._systemctl("start", unit))}
        self._write_note(problems)
        if problems:
            raise MigrationError(
                "NOT_RESTORED",
                f"Not all services of {self._name!r} could be started again: {_by_unit(problems)}.",
                state="The others were. Those that failed stay noted.",
                remedy="Find out in the guest why they fail (journalctl -u UNIT), and run this again.",
                evidence={"problems": problems},
            )
        found.after = self._states(noted)
        return found

    def _take_back(self, failed: str, problem: str, touched: t.Sequence[str], noted: t.Sequence[str]) -> t.NoReturn:
        # The one that failed may be half stopped, so it is started as well.
        left = {unit: why for unit in touched if (why := self._systemctl("start", unit))}
        self._write_note([*noted, *(unit for unit in left if unit not in noted)])
        raise MigrationError(
            "NOT_STOPPED",
            f"{failed} of {self._name!r} could not be stopped: {problem}.",
            state=f"These could not be started again: {_by_unit(left)}." if left else "All units work as before.",
            remedy="Find out in the guest why it does not stop, or leave it out.",
            evidence={"unit": failed, "problem": problem},
        )

    def _states(self, units: t.Iterable[str]) -> dict[str, str]:
        return {unit: self._state(unit) for unit in units}

    def _state(self, unit: str) -> str:
        done = self._agent.run("systemctl", *show_arguments(unit))
        if done.code != 0:
            raise MigrationError(
                "NO_SYSTEMD",
                f"systemctl in {self._name!r} does not tell the state of {unit}: {_complaint(done)}.",
                state="Nothing was changed by this step.",
                remedy="Only guests with systemd are managed through their agent; reach others by their own host in the"
                " inventory.",
            )
        return unit_state(done.output)

    def _systemctl(self, verb: str, unit: str) -> str:
        """What went wrong; empty when nothing did."""
        done = self._agent.run("systemctl", verb, "--", unit)
        return "" if done.code == 0 else _complaint(done)

    def _write_note(self, units: t.Iterable[str]) -> None:
        text = note_text(units)
        done = self._agent.run("tee", NOTE_PATH, given=text) if text else self._agent.run("rm", "-f", NOTE_PATH)
        if done.code != 0:
            raise MigrationError(
                "NOTE_NOT_WRITTEN",
                f"{NOTE_PATH} in {self._name!r} could not be written: {_complaint(done)}.",
                state="It may not say what was changed in the guest.",
                remedy="Let the agent run as root, with a /run that can be written.",
            )


def _complaint(done: Done) -> str:
    """What a program complained of, as far as a message has room for it."""
    return shortened(done.errors.strip().rstrip("."), _MOST_SHOWN) or f"it ended with {done.code}"


def _by_unit(problems: t.Mapping[str, str]) -> str:
    return "; ".join(f"{unit}: {problem}" for unit, problem in problems.items())
