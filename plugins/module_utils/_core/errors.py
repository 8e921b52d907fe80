# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that everything below ``main()`` raises."""

from __future__ import annotations

import typing as t


class MigrationError(Exception):
    """Something could not be done, told in the operator's terms.

    ``reason`` is a stable code, ``problem`` what happened, ``state`` where that leaves the guest, ``remedy`` what to
    do next, ``evidence`` the facts behind it, ``facts`` other return values (JSON types only).
    """

    def __init__(
        self,
        reason: str,
        problem: str,
        *,
        state: str = "",
        remedy: str = "",
        evidence: t.Optional[t.Mapping[str, t.Any]] = None,
        facts: t.Optional[t.Mapping[str, t.Any]] = None,
    ) -> None:
        self.reason = reason
        self.problem = problem
        self.state = state
        self.remedy = remedy
        self.evidence = dict(evidence or {})
        self.facts = dict(facts or {})
        super().__init__(" ".join(part for part in (problem, state, remedy) if part))

    def result(self) -> dict[str, t.Any]:
        """The fields a module fails with, beside ``msg``."""
        return {
            "reason": self.reason,
            "state": self.state,
            "remedy": self.remedy,
            "evidence": self.evidence,
            **self.facts,
        }
