# SPDX-License-Identifier: GPL-3.0-or-later
"""Ours: the module, run by Ansible over SSH as a user would; or the engine alone, where the module is not to be had."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

from bench.runs import Ansible

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.forecast import forecast
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.measuring_windows import (
    measuring_windows_s,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import NO_WAY
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.simulation import MigrationFacts
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import working_set
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import Record
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.dirty_rate import (
    measure_windows,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.driver import Driver
from ansible_collections.virtops.live_migration.tests.sim.ours import start_of

from .candidates import SHIPPED
from .drive import Account
from .results import Calibration
from .start import Launch

ROOT = Path(__file__).resolve().parents[2]
MODULE = "migration"
_MIB = 1 << 20
_BEGINS_WITHIN_S = 20.0
# What differs between the contracts; the rest of the policy keeps its defaults.
_TERMS = ("max_downtime_ms", "postcopy", "max_throttle_percent", "deadline_s", "max_data_factor")


def options_of(strategy: str, policy: Policy) -> dict[str, t.Any]:
    """The options of the module that name the policy: a shipped one by its name, as a user does."""
    if strategy in SHIPPED:
        return {"policy": SHIPPED[strategy]}
    terms = policy.document()
    return {"policy_overrides": {name: terms[name] for name in _TERMS}}


def module_is_there() -> bool:
    return (ROOT / "plugins" / "modules" / f"{MODULE}.py").exists()


def by_module(
    ansible: Ansible,
    host: str,
    uuid: str,
    destination_uri: str,
    options: t.Mapping[str, t.Any],
    known: Calibration,
) -> Account:
    """``known``: of it only the link is told to the module; what the guest uses it finds out by itself."""
    result = ansible.module(
        host,
        MODULE,
        uuid=uuid,
        destination_uri=destination_uri,
        **options,
        link_mib_per_s=round(known.link_bytes_per_s / _MIB, 1),
    )
    message = str(result.get("msg", "")) if result["failed"] else ""
    return Account(
        by="module",
        actions=[_short(action) for action in result.get("actions") or []],
        expected_s=_expected_s(result.get("forecast")),
        declined=result.get("reason") == "NO_WAY",
        message=f"{result.get('reason', '')}: {message}" if message else "",
        record=result.get("record"),
    )


def by_engine(uri: str, uuid: str, destination_uri: str, contract: Policy, known: Calibration) -> Account:
    """The same engine without module, Ansible and SSH; it is told what the guest uses."""
    account = Account(by="engine")
    with Connection(uri, events=True) as connection:
        guest = find_guest(connection, None, uuid)
        windows = measure_windows(connection, guest, measuring_windows_s(known.least_s), "page-sampling")
        ram_bytes = guest.memory().maximum_bytes
        facts = MigrationFacts(
            known.touched_bytes,
            known.link_bytes_per_s,
            measured=working_set(windows, ram_bytes),
            xbzrle_cache_bytes=ram_bytes // 2,
        )
        expected = forecast(contract, facts)
        document = expected.document()
        account.expected_s = _expected_s(document)
        if expected.plan.way == NO_WAY:
            account.declined, account.message = True, expected.summary
            return account
        launch = Launch(guest, uri, destination_uri, start_of(expected.plan))
        record = Noting(Supervisor(contract, expected.plan), account, forecast=document)
        deadline_s = time.monotonic() + _BEGINS_WITHIN_S
        while not launch.over and not guest.raw.jobStats().get("type") and time.monotonic() < deadline_s:
            time.sleep(0.02)
        Driver(connection, guest, record, destination_uri).run()
        launch.join(_BEGINS_WITHIN_S)
        account.record, account.message = record.document(), str(launch.problem or "")
    return account


class Noting(Record):
    """A record that keeps the account too, of what was to be done."""

    def __init__(self, supervisor: Supervisor, account: Account, **more: t.Any) -> None:
        super().__init__(supervisor, **more)
        self._account = account

    def observe(
        self,
        sample: JobSample,
        *,
        at_sync: bool = False,
        results: t.Sequence[ActionResult] = (),
        path_ok: t.Optional[bool] = None,
    ) -> list[Action]:
        actions = super().observe(sample, at_sync=at_sync, results=results, path_ok=path_ok)
        for action in actions:
            if action.apply:
                self._account.note(sample, action, ActionResult(action.kind))
        return actions


def _short(action: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {key: action.get(key) for key in ("elapsed_ms", "action", "value", "reason", "because")}


def _expected_s(document: t.Optional[t.Mapping[str, t.Any]]) -> t.Optional[float]:
    """How long the job was to take, by the document of its forecast."""
    expected = (document or {}).get("expected")
    return expected["total_s"] if expected else None
