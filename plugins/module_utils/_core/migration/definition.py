# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left to do once a guest runs on the destination: its definition and its autostart belong where it is."""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass, replace


class Step(str, enum.Enum):
    """What is still to be done with a guest's definition; the values are those of the return value ``kept``."""

    DEFINE = "define_on_destination"
    AUTOSTART = "set_autostart_on_destination"
    UNDEFINE = "undefine_on_source"


@dataclass(frozen=True)
class DefinitionState:
    """Where it is defined, and whether it starts with its host.

    ``autostart_noted``: that it did on the source; ``note_there``: the guest's own note of that has arrived.
    """

    defined_on_source: bool
    defined_on_destination: bool
    autostart: bool = False
    autostart_noted: bool = False
    note_there: bool = False

    def document(self, runs_on: t.Optional[str], source: str, destination: str) -> dict[str, t.Any]:
        """One side of a module's ``diff``; the arguments are names of hosts."""
        hosts = ((self.defined_on_source, source), (self.defined_on_destination, destination))
        return {
            "runs_on": runs_on,
            "defined_on": [host for defined, host in hosts if defined],
            "autostart": self.autostart,
        }


def steps(kept: DefinitionState, *, persistent: bool, undefine_source: bool) -> list[Step]:
    """The steps that are missing, in an order in which the guest's definition is never lost."""
    found: list[Step] = []
    defined = kept.defined_on_destination
    if persistent and not defined:
        found.append(Step.DEFINE)
        defined = True
    if defined and kept.autostart_noted and not kept.autostart:
        found.append(Step.AUTOSTART)
    # A guest that is to be transient there has its only definition on the source.
    if undefine_source and kept.defined_on_source and defined:
        found.append(Step.UNDEFINE)
    return found


def after(kept: DefinitionState, done: t.Sequence[Step]) -> DefinitionState:
    """The state when these steps have been done."""
    return replace(
        kept,
        defined_on_source=kept.defined_on_source and Step.UNDEFINE not in done,
        defined_on_destination=kept.defined_on_destination or Step.DEFINE in done,
        autostart=kept.autostart or Step.AUTOSTART in done,
    )
