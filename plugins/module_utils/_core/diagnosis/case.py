# SPDX-License-Identifier: GPL-3.0-or-later
"""A job as the rules of the diagnosis see it, and how they say what they have found."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..job.observation import Observation
from ..units import human_ms
from .remedies import Remedies, Remedy
from .verdict import Context, Diagnosis, Reason, Verdict


@dataclass(frozen=True)
class JobCase:
    """What a diagnosis is made from, and the remedies that it may name. ``guest``: its name, or its UUID without."""

    seen: Observation
    context: Context
    remedies: Remedies
    guest: str

    @property
    def silent_text(self) -> str:
        """How long no byte has been sent, for a sentence."""
        return human_ms(self.seen.silent_s * 1000)

    def diagnosis(
        self,
        verdict: Verdict,
        reason: Reason,
        summary: str,
        remedies: t.Sequence[Remedy],
        **evidence: t.Any,
    ) -> Diagnosis:
        """``summary``: one or two sentences; ``evidence``: added to that of the looks, where it is not None."""
        extra = {key: value for key, value in evidence.items() if value is not None}
        return Diagnosis(
            verdict,
            reason,
            summary,
            {**self.seen.evidence(), **extra},
            remedies,
        )
