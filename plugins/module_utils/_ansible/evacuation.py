# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of an evacuation as a task, and what came of it as return values."""

from __future__ import annotations

import time
import typing as t
from dataclasses import asdict

from .._core.errors import MigrationError
from .._core.evacuation.run.admission import Slots
from .._core.evacuation.run.result import CHANGED, GuestResult, LeftOnHost, verdict
from .._core.evacuation.strategy import MIGRATE
from .._core.guest_policy import Said, said_by
from .._core.policy import Policy
from .._host.metrics_directory import metrics_directory
from .._libvirt.evacuation.evacuation import Evacuation
from .._libvirt.evacuation.options import EvacuationOptions
from .._libvirt.evacuation.shared_limits import SharedLimits
from .._libvirt.migration.options import MigrationOptions
from .argspec import Spec
from .transfer import migration_options, policies_of

Result = dict[str, t.Any]
# The least that each of ``slots`` may be.
_LEAST = {"per_source": 1, "per_destination": 1, "ahead": 0, "attempts": 1, "breaker": 1}


def destinations_spec() -> dict[str, t.Any]:
    options: Spec = {
        "name": {"type": "str", "required": True},
        "destination_uri": {"type": "str", "required": True},
        "migrate_uri": {"type": "str"},
        "link_mib_per_s": {"type": "float"},
        "crosses": {"type": "list", "elements": "str", "default": []},
    }
    return {"type": "list", "elements": "dict", "default": [], "options": options}


def slots_spec() -> dict[str, t.Any]:
    options: Spec = {key: {"type": "int", "default": value} for key, value in asdict(Slots()).items()}
    return {"type": "dict", "default": {}, "options": options, "apply_defaults": True}


def shared_limits_spec() -> dict[str, t.Any]:
    limit: Spec = {"name": {"type": "str", "required": True}, "at_most": {"type": "int", "required": True}}
    options: Spec = {
        "kept_at": {"type": "str", "required": True},
        "limits": {"type": "list", "elements": "dict", "required": True, "options": limit},
    }
    return {"type": "dict", "options": options}


def _shared_limits(params: t.Mapping[str, t.Any], destinations: t.Mapping[str, t.Any]) -> SharedLimits:
    crossed = {name: one["crosses"] for name, one in destinations.items() if one["crosses"]}
    shared = params["shared_limits"] or {"kept_at": "", "limits": []}
    most = {str(one["name"]): int(one["at_most"]) for one in shared["limits"]}
    if shared["limits"] and shared["kept_at"] not in destinations:
        raise _wrong(f"shared_limits.kept_at is {shared['kept_at']!r}, which is none of destinations.")
    for destination, names in crossed.items():
        for name in set(names) - set(most):
            raise _wrong(f"The way to {destination!r} crosses {name!r}, which is none of shared_limits.")
    return SharedLimits(shared["kept_at"], most, crossed)


def _check_guests_and_slots(params: t.Mapping[str, t.Any], destinations: t.Collection[str]) -> None:
    """Raises BAD_OPTIONS for a guest that is to go to none of the destinations, and for too few slots."""
    for guest in params["guests"]:
        named = [guest["destination"], *guest["alternatives"]] if guest["strategy"] == MIGRATE else []
        for name in named:
            if name not in destinations:
                raise _wrong(f"{guest['name'] or guest['uuid']!r} is to go to {name!r}, which is none of destinations.")
    for key, least in _LEAST.items():
        if params["slots"][key] < least:
            raise _wrong(f"slots.{key} is {params['slots'][key]}, but must be {least} or more.")


class _GuestOptions:
    """Options and policy of each guest, from its entry in ``guests`` and what holds for all.

    Raises BAD_CONTRACT for a policy that says nonsense, whichever guest it is for.
    """

    def __init__(self, params: t.Mapping[str, t.Any], destinations: t.Mapping[str, t.Any], slots: Slots) -> None:
        self._params, self._destinations, self._slots = params, destinations, slots
        self.policies = policies_of(params)
        self.metrics = metrics_directory(params["metrics_directory"])
        self._said = {id(guest): said_by(guest["policy"], guest["policy_overrides"]) for guest in params["guests"]}

    def check(self) -> None:
        """Raises OPTIONS_CONFLICT and BAD_CHANGES for options that conflict, before anything is done."""
        for destination in self._destinations.values():
            migration_options(self._params, destination, self.policies)

    def migration(self, guest: t.Mapping[str, t.Any], destination: str) -> MigrationOptions:
        return migration_options(
            self._params,
            self._destinations[destination],
            self.policies,
            said=self._said[id(guest)],
            storage=guest["copy_storage"],
            disks=guest["copy_disks"],
            homeward=self._params["purpose"] == "return",
            sharing=self._slots.per_source + 1,  # the next one is set up, and may send, before one has ended
            metrics=self.metrics,
        )

    def policy(self, guest: t.Mapping[str, t.Any], name: str, uuid: str, own: Said) -> Policy:
        return self.policies.of(name, uuid, own, self._said[id(guest)])


def evacuation_options(params: t.Mapping[str, t.Any]) -> EvacuationOptions:
    """The options of an evacuation from those of the module.

    Raises BAD_OPTIONS, BAD_CONTRACT, OPTIONS_CONFLICT, BAD_CHANGES and METRICS_DIRECTORY.
    """
    destinations = {str(one["name"]): one for one in params["destinations"]}
    _check_guests_and_slots(params, destinations)
    slots = Slots(**params["slots"])
    each = _GuestOptions(params, destinations, slots)
    each.check()
    return EvacuationOptions(
        guests=params["guests"],
        uris={name: one["destination_uri"] for name, one in destinations.items()},
        links={name: one["link_mib_per_s"] for name, one in destinations.items()},
        options_of=each.migration,
        policy_of=each.policy,
        slots=slots,
        leaving=params["purpose"] == "evacuate",
        force=params["force"],
        heed_metadata=each.policies.heed_metadata,
        retry_busy_guests=params["calm_wait_s"] > 0,
        limits=_shared_limits(params, destinations),
        shutdown_limit_s=params["shutdown_timeout_s"],
        abort_on_cancel=params["on_cancel"] == "abort",
        cancel_file=params["cancel_file"],
        metrics=each.metrics,
    )


def run_evacuation(evacuation: Evacuation, *, check: bool) -> Result:
    """The return values of a success; a failure is raised with the same ones."""
    before = evacuation.running_here()
    if check:
        rows = evacuation.look()
        gone = {row.name for row in rows if row.outcome in ("moved", "shut_down")}
        after = [name for name in before if name not in gone]
        return _result(evacuation.host, rows, None, "", 0.0, before, after)
    began_s = time.monotonic()
    rows, remains, stopped = evacuation.run()
    elapsed_s = round(time.monotonic() - began_s, 1)
    result = _result(evacuation.host, rows, remains, stopped, elapsed_s, before, evacuation.running_here())
    result["record"] = evacuation.record(remains, stopped)
    error = verdict(evacuation.host, rows, remains, stopped, result)
    if error is not None:
        raise error
    return result


def _result(
    host: str,
    rows: t.Sequence[GuestResult],
    remains: t.Optional[LeftOnHost],
    stopped: str,
    elapsed_s: float,
    before: list[str],
    after: list[str],
) -> Result:
    return {
        "changed": any(row.outcome in CHANGED for row in rows),
        "host": host,
        "empty": remains.empty if remains is not None else None,
        "guests": [row.document() for row in rows],
        "remaining": asdict(remains if remains is not None else LeftOnHost()),
        "stopped": stopped,
        "elapsed_s": elapsed_s,
        "sent_bytes": sum(row.sent_bytes or 0 for row in rows),
        "diff": {"before": {"running_here": before}, "after": {"running_here": after}},
    }


def _wrong(problem: str) -> MigrationError:
    return MigrationError("BAD_OPTIONS", problem, state="Nothing was changed.", remedy="Correct the option.")
