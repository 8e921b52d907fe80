# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether guests can be migrated: all checks over a source, its guests and a destination."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..forecast.working_set import WorkingSet
from ..host.guest import GuestDocument
from .checks.all_checks import CHECKS
from .checks.check_types import (
    FAIL,
    STATUSES,
    WARN,
    Case,
    Check,
    CpuOpinion,
    Finding,
    MigrationBlocker,
    Pair,
    listed,
    skipped,
)
from .destination_guest import arriving
from .site_rules import SiteRule, apply

_NOT_RUNNING = skipped("The guest does not run.")


@dataclass(frozen=True)
class Readiness:
    """What all checks found for one guest and one destination, in their order."""

    guest: GuestDocument
    destination: str
    findings: t.Mapping[str, Finding]

    @property
    def ready(self) -> bool:
        return all(finding.status != FAIL for finding in self.findings.values())

    def counts(self) -> dict[str, int]:
        found = [finding.status for finding in self.findings.values()]
        return {status: found.count(status) for status in STATUSES}

    def summary(self) -> str:
        """One sentence: yes, yes but, or no and why."""
        failures = [one.summary for one in self.findings.values() if one.status == FAIL]
        warnings = [check for check, one in self.findings.items() if one.status == WARN]
        head = f"{self.guest.name} can go to {self.destination}"
        if failures:
            more = f" And {len(failures) - 1} more." if len(failures) > 1 else ""
            return f"{self.guest.name} cannot go to {self.destination}: {failures[0]}{more}"
        return f"{head}, with warnings: {listed(warnings)}." if warnings else f"{head}."

    def document(self, statuses: t.Collection[str] = STATUSES) -> dict[str, t.Any]:
        """``statuses``: only these checks are listed; all are counted."""
        return {
            "name": self.guest.name,
            "uuid": self.guest.uuid,
            "destination": self.destination,
            "ready": self.ready,
            "checks": [
                {
                    "id": check,
                    "status": one.status,
                    "summary": one.summary,
                    "evidence": dict(one.evidence),
                    "remedy": one.remedy,
                }
                for check, one in self.findings.items()
                if one.status in statuses
            ],
            "counts": self.counts(),
            "summary": self.summary(),
        }


class Assessor:
    """Checks guests against one destination; what depends on the two hosts only is found out once."""

    def __init__(
        self, pair: Pair, rules: t.Sequence[SiteRule] = (), plain: t.Optional[t.Mapping[str, t.Any]] = None
    ) -> None:
        """``plain``: source and destination as plain data, for the rules."""
        self._pair, self._rules, self._plain = pair, rules, dict(plain or {})
        self._of_hosts = {check.id: check.of_hosts(pair) for check in CHECKS if check.of_hosts is not None}

    def assess(
        self,
        guest: GuestDocument,
        *,
        cpu: t.Optional[CpuOpinion] = None,
        measured: t.Optional[WorkingSet] = None,
        objection: t.Optional[MigrationBlocker] = None,
        plain: t.Optional[t.Mapping[str, t.Any]] = None,
    ) -> Readiness:
        case = Case(guest, self._pair, cpu, measured, objection, arriving(guest, self._pair.options.changes))
        findings = {check.id: self._finding(check, case) for check in CHECKS}
        for rule in self._rules:
            findings[rule.id] = apply(rule, {**self._plain, "domain": plain})
        return Readiness(guest, self._pair.destination.name, findings)

    def _finding(self, check: Check, case: Case) -> Finding:
        if check.of_guest is None:
            return self._of_hosts[check.id]
        if check.needs_running and not case.guest.active:
            return _NOT_RUNNING
        return check.of_guest(case)
