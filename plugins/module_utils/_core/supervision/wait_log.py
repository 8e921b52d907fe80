# SPDX-License-Identifier: GPL-3.0-or-later
"""Why nothing is done to a job, told once."""

from __future__ import annotations

import typing as t

from .actions import Action, Kind
from .history import History

_SAY_AGAIN_S = 1.0  # near the end a pass takes less


class WaitLog:
    """Makes the actions that say why nothing is done, but not the same one twice within a second."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._said = ("", 0.0)

    def wait(self, reason: str, text: str, numbers: t.Mapping[str, t.Any], *, every_look: bool = False) -> list[Action]:
        """A WAIT, or nothing where it was said just now. ``every_look``: what is found at every look is said only once,
        until something else is."""
        now_s, (said, said_s) = self._history.last.at_s, self._said
        if said == reason and (every_look or now_s - said_s < _SAY_AGAIN_S):
            return []
        self._said = (reason, now_s)
        return [Action(Kind.WAIT, reason, text, numbers)]
