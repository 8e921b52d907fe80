# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration comes to, as the modules return it: where the guest is and was, its definition, its autostart."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..._core.migration.definition import DefinitionState, after, steps
from ..._core.migration.location import GuestLocation
from ..connection import libvirt
from ..errors import translate
from .definition import do, kept
from .two_hosts import TwoHosts

Result = dict[str, t.Any]
_NOTHING_DONE: Result = {
    "forecast": None,
    "actions": [],
    "downtime_ms": None,
    "elapsed_ms": None,
    "kept": [],
    "shrink": None,
}


@dataclass(frozen=True)
class MigrationResult:
    """Makes the return values. ``persistent``: whether the guest is to be defined where it runs; ``autostart``: whether
    it starts with its host; ``before``: how it was when it was found; ``was_paused``: whether it stood still then, on
    the source; ``definition_there``: makes the definition that the destination gets from that of the source."""

    ends: TwoHosts
    undefine_source: bool
    persistent: bool
    autostart: bool
    was_paused: bool
    found: DefinitionState
    before: Result
    definition_there: t.Callable[[str], str] = str

    def settle(self, check: bool, outcome: str, facts: Result, found: t.Optional[DefinitionState] = None) -> Result:
        """The guest is on the destination: its definition and its autostart go there, too."""
        found = found or self._kept_now()
        missing = steps(found, persistent=self.persistent, undefine_source=self.undefine_source)
        if not check:
            do(self.ends, missing, note_there=found.note_there, definition_there=self.definition_there)
        end = self._document(after(found, missing), self.ends.destination_name)
        changed = outcome != "already_there" or bool(missing)
        return self._result(changed, outcome, end, {**facts, "kept": [step.value for step in missing]})

    def _kept_now(self) -> DefinitionState:
        guest, name = self.ends.guest, self.ends.destination_name
        try:
            return kept(self.ends, self.autostart)
        except libvirt.libvirtError as exc:
            raise translate(
                exc,
                f"{guest.name!r} runs on {name}, but whether it is defined there could not be found out.",
                state=f"The guest runs on {name}, and only there. Run this again to settle its definition.",
            ) from exc

    def foreseen(self, outcome: str, forecast: t.Optional[Result]) -> Result:
        """For check mode: what a run would come to, if it goes as foreseen."""
        ends, stays = self.ends, not (self.persistent and self.undefine_source)
        on_source, on_destination = (host in self.before["defined_on"] for host in ends.names)
        persistent = self.persistent or on_destination
        found = DefinitionState(on_source and stays, persistent, self.autostart and persistent)
        end = self._document(found, ends.destination_name)
        return {**self._result(True, outcome, end, {"forecast": forecast}), "runs_on": ends.source_name}

    def left_running(self, changed: bool, facts: Result) -> Result:
        return self._result(changed, "started", self.before, facts)

    def _result(self, changed: bool, outcome: str, end: Result, facts: Result) -> Result:
        return {
            "changed": changed,
            "outcome": outcome,
            **_NOTHING_DONE,
            **facts,
            "runs_on": end["runs_on"],
            "diff": {"before": self.before, "after": end},
        }

    def _document(self, found: DefinitionState, runs_on: t.Optional[str]) -> Result:
        return found.document(runs_on, *self.ends.names)


def opened(
    ends: TwoHosts,
    where: GuestLocation,
    *,
    persistent: t.Optional[bool],
    undefine_source: bool,
    definition_there: t.Callable[[str], str] = str,
) -> MigrationResult:
    """The result of a guest that was just found, with how it was then. ``persistent``: None to keep that as it is."""
    found, runs_on = kept(ends), ends.runs_on(where)
    known = found.defined_on_source or found.defined_on_destination
    starts = found.autostart_noted if runs_on == ends.source_name else found.autostart
    return MigrationResult(
        ends,
        undefine_source,
        persistent=known if persistent is None else persistent,
        autostart=found.autostart_noted,
        was_paused=where.here is not None and not where.here.running and not where.here.held_by_migration,
        found=found,
        before=replace(found, autostart=starts).document(runs_on, *ends.names),
        definition_there=definition_there,
    )
