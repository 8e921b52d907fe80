# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the runs that are left, one after the other, and keeps what comes of them."""

from __future__ import annotations

import collections
import json
import time
import typing as t
from pathlib import Path

from bench.runs import Ansible
from virtlab.errors import LabError
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import libvirt
from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS

from .bout import calibrate, fight
from .candidates import admits
from .drive import Account
from .order import Wanted, expected_s, to_do
from .ours import by_engine, by_module, options_of
from .results import Calibration, Key, Run, Store
from .score import broken_rules
from .stage import Actor, Stage
from .watch import BrokenRunError

_TROUBLES_WITH_ONE = 2
_TROUBLES_IN_A_ROW = 4


class HarmedError(Exception):
    """A guest lost memory, or runs twice: the one thing that must never happen."""


class Gauntlet:
    """``way``: ours by ``module`` or by ``engine``; ``records``: where the records of ours go."""

    def __init__(
        self,
        lab: Lab,
        store: Store,
        ansible: Ansible,
        options: t.Mapping[str, GuestOptions],
        *,
        way: str,
        records: Path,
    ) -> None:
        self.store, self._ansible, self._way, self._records = store, ansible, way, records
        self.stage = Stage(lab, options)
        self._known: dict[str, Calibration] = {}

    def run(self, key: Key) -> Run:
        """Raises HarmedError, which ends everything, or what keeps the run from telling anything."""
        actor, new = self.stage.enter(key.workload)
        try:
            if new:
                self._known[key.workload] = calibrate(actor)
                self.store.add(self._known[key.workload])
            run, account = fight(key, actor, self._known[key.workload], self._ours)
        except BaseException:
            self.stage.discard(actor)
            raise
        self.store.add(run)
        self._keep(key, account)
        if not run.intact:
            self.stage.discard(actor)
            raise HarmedError(f"{key}: the guest is not as it should be: {run}")
        return run

    def _ours(self, actor: Actor, strategy: str, policy: Policy, known: Calibration) -> Account:
        if self._way == "module":
            options = options_of(strategy, policy)
            return by_module(self._ansible, actor.source, actor.uuid, actor.destination_uri, options, known)
        return by_engine(actor.uri(actor.source), actor.uuid, actor.destination_uri, policy, known)

    def _keep(self, key: Key, account: Account) -> None:
        """The whole record of a run of ours, which can be replayed."""
        if account.record is not None:
            self._records.mkdir(parents=True, exist_ok=True)
            told = [key.workload, key.contract or key.strategy, str(key.repeat)]
            name = "-".join(each.replace(" ", "_") for each in told)
            (self._records / f"{name}.json").write_text(json.dumps(account.record), encoding="utf-8")


def go(gauntlet: Gauntlet, wanted: Wanted, minutes: float) -> int:
    """Make the runs that are left; 0 when all are made or the time is up, 1 when some could not be made."""
    end_s = time.monotonic() + minutes * 60 if minutes else float("inf")
    results = gauntlet.store.results
    troubles: collections.Counter[Key] = collections.Counter()
    in_a_row = 0
    while keys := [key for key in to_do(results, wanted) if troubles[key] < _TROUBLES_WITH_ONE]:
        key = keys[0]
        if time.monotonic() + expected_s(key, results) > end_s:
            print(f"The time is up; {len(keys)} runs are left.")
            break
        label = f"{key.workload:15} {key.strategy:34} {key.contract:9} {key.repeat + 1}"
        try:
            print(f"{label}  {told(gauntlet.run(key))}", flush=True)
            in_a_row = 0
        except (BrokenRunError, LabError, MigrationError, libvirt.libvirtError) as exc:
            print(f"{label}  no result: {exc}", flush=True)
            troubles[key] += 1
            in_a_row += 1
            if in_a_row == _TROUBLES_IN_A_ROW:
                return 1
    return 1 if any(count == _TROUBLES_WITH_ONE for count in troubles.values()) else 0


def told(run: Run) -> str:
    contracts = [run.contract] if run.contract else [each for each in CONTRACTS if admits(each, run.strategy)]
    kept = [contract for contract in contracts if not broken_rules(run, contract)]
    downtime = "-" if run.downtime_ms is None else f"{run.downtime_ms} ms"
    lost = "-" if run.lost_share is None else f"{run.lost_share:.0%}"
    return (
        f"{run.outcome:9} {run.total_s:6.1f} s  {run.sent_bytes >> 20:5d} MiB  down {downtime:>8}"
        f"  gap {run.longest_gap_ms:5.0f} ms  lost {lost:>4}  keeps: {', '.join(kept) or 'none'}  {run.message[:120]}"
    ).rstrip()
