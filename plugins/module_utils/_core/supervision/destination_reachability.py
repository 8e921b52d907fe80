# SPDX-License-Identifier: GPL-3.0-or-later
"""No switch-over while the destination's daemon is out of reach: the guest could end up running on both hosts.

The source's libvirt asks that daemon to start the guest. When the answer is lost with the connection, it takes this for
a failure and lets the guest run on the source again, although it runs on the destination (seen with libvirt 9.0).
"""

from __future__ import annotations

import typing as t

from ..policy import Policy
from .actions import Action, Kind

_SILENT_S = 7.0  # after the first look that says so; well before 25 s, when libvirt may give the connection up


class Reachability:
    """Decides in pre-copy, from whether the destination answers.

    ``in_the_way``: whether it did not at the last look, so that nothing but what was decided here may be done.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._since_s: t.Optional[float] = None
        self.in_the_way = False

    def decide(self, at_s: float, path_ok: t.Optional[bool]) -> list[Action]:
        """``path_ok``: whether the destination answers, None: not tried. Where ``in_the_way`` is False afterwards the
        other rules decide; else only what is returned may be done."""
        since_s, self._since_s = self._since_s, None
        self.in_the_way = path_ok is False or since_s is not None
        if path_ok is not False:
            if since_s is None:
                return []
            return [Action(Kind.WAIT, "PATH_BACK", "the destination's daemon answers again")]
        self._since_s = at_s if since_s is None else since_s
        if since_s is None:
            text = "the destination's daemon does not answer: nothing is done that could finish the migration"
            return [Action(Kind.WAIT, "NO_PATH", text)]
        silent_s = round(at_s - since_s, 1)
        if silent_s < _SILENT_S:
            return []
        text = (
            "the destination's daemon has not answered for some time, and a guest that changes hosts without it may end"
            " up running on both"
        )
        kind = Kind.LEAVE if self._policy.on_hopeless == "leave" else Kind.ABORT
        return [Action(kind, "NO_PATH", text, {"silent_s": silent_s})]
