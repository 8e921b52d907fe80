# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner's fleet from the documents of its hosts, the results of checks and measurements, and the user's words."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ...balloon.owed import owed_by_guest
from ...dataclass_json import from_plain
from ...errors import MigrationError
from ...host.document import HostDocument
from ...host.guest import GuestDocument
from ...policy import Policy
from ...units import MIB, human_bytes
from . import fleet
from .guest_rules import MAY_BIND, MAY_BY_DEFAULT, GuestRules, from_metadata, groups_of, guest_rules_of, matches_nothing
from .input_guest import Checked, Measurement, Readiness, blockers, demand_of, planned_guest_from_document
from .input_host import HostSettings, host_from_document

# State and reason of the copy on the destination, as domain_state names them.
_ARRIVING = {("paused", "migration"), ("paused", "starting up"), ("running", "post-copy")}
_Entry = t.Mapping[str, t.Any]
_REMEDY = "Pass the results of the modules as they returned them."


@dataclass(frozen=True)
class PlanOptions:
    """What the user says of the plan. ``hosts``: settings by name; ``all_hosts``: where nothing else is said of one.

    ``metadata_may``: what guests may say of themselves, of ``guest_rules.MAY``. ``policy_overrides``: what of
    ``policy`` the user has set, and no guest may exceed.
    """

    policy: Policy = field(default_factory=Policy)
    all_hosts: HostSettings = field(default_factory=HostSettings)
    hosts: t.Mapping[str, HostSettings] = field(default_factory=dict)
    guests: t.Sequence[_Entry] = ()
    groups: t.Sequence[_Entry] = ()
    uplinks: tuple[fleet.Uplink, ...] = ()
    max_transfers: t.Optional[int] = None
    transfer_mib_per_s: t.Optional[float] = None
    setup_s: float = 1.0
    guest_overhead_mib: int = 0
    copy_disks: bool = False
    metadata_may: t.Collection[str] = MAY_BY_DEFAULT
    policy_overrides: t.Mapping[str, t.Any] = field(default_factory=dict)


def fleet_from_documents(
    sources: t.Sequence[HostDocument],
    destinations: t.Sequence[HostDocument],
    readiness: t.Optional[t.Sequence[_Entry]],
    measurements: t.Sequence[_Entry],
    options: PlanOptions,
) -> tuple[fleet.Fleet, list[str]]:
    """The fleet, and sentences that the user should know of it.

    ``readiness``: entries of migration_readiness_info, None where it was not asked for; ``measurements``: results of
    migration_forecast_info or migration_dirty_rate_info. A host may be among sources and destinations: a source takes
    nothing. Raises BAD_DOCUMENT, BAD_FLEET and GUEST_TWICE.
    """
    leaving = {document.name for document in sources}
    taking = [document for document in destinations if document.name not in leaving]
    documents = [*sources, *taking]
    on_their_way = _on_their_way(documents, leaving)
    coming = _coming_to_sources(documents, leaving)
    places = _places(documents, on_their_way, {(guest.uuid, host) for guest, host in coming})
    guests = [guest for guest, _host in places]
    rules, warnings = _rules(guests, options)
    warnings = _mistyped(options, guests, documents) + warnings + _arriving(coming)
    checked = None if readiness is None else _by_pair(readiness)
    if checked is None and sources:
        warnings.append(
            "Readiness was not given: only memory, devices and limits decide where a guest may go, and nobody knows"
            " whether its processor, networks and disks are there."
        )
    warnings += _kept_for_shrunk(taking)
    names = [document.name for document in taking]
    planned = _PlannedGuests(options, rules, _by_guest(measurements), checked, names, on_their_way)
    rate = options.transfer_mib_per_s
    return (
        fleet.Fleet(
            tuple(host_from_document(document, _settings(options, document.name)) for document in documents),
            tuple(planned.of(guest, host, leaves=host.name in leaving) for guest, host in places),
            tuple(document.name for document in sources),
            groups_of(guests, rules, options.groups, binding=MAY_BIND in options.metadata_may),
            options.uplinks,
            options.max_transfers,
            options.setup_s,
            None if rate is None else rate * MIB,
        ),
        warnings,
    )


def _arriving(coming: t.Iterable[tuple[GuestDocument, str]]) -> list[str]:
    return [
        f"{guest.name!r} is arriving on {host}, which is to be emptied. It counts where it still is: plan again when it"
        " has arrived, or cancel its migration."
        for guest, host in coming
    ]


def _kept_for_shrunk(taking: t.Iterable[HostDocument]) -> list[str]:
    return [
        f"On {document.name} {human_bytes(sum(owed.values()))} are kept for guests that a migration has left smaller"
        f" than they were, and that get it back: {', '.join(map(repr, sorted(owed)))}."
        for document in taking
        if (owed := owed_by_guest(document.domains))
    ]


def _rules(guests: t.Iterable[GuestDocument], options: PlanOptions) -> tuple[dict[str, GuestRules], list[str]]:
    """What is said of each guest, by UUID; and what in their metadata does not count."""
    found: dict[str, GuestRules] = {}
    warnings: list[str] = []
    for guest in guests:
        own, problems = from_metadata(guest, options.metadata_may)
        found[guest.uuid] = guest_rules_of(guest, options.guests, own)
        warnings += [f"In the metadata of {guest.name!r} ({guest.uuid}) {one}; it does not count." for one in problems]
    return found, warnings


class _PlannedGuests(t.NamedTuple):
    """Makes the planner's guests. ``taking``: the hosts that guests may go to; ``on_their_way``: UUID to host."""

    options: PlanOptions
    rules: t.Mapping[str, GuestRules]
    measured: t.Mapping[str, Measurement]
    checked: t.Optional[Readiness]
    taking: t.Sequence[str]
    on_their_way: t.Mapping[str, str]

    def of(self, guest: GuestDocument, host: HostDocument, *, leaves: bool) -> fleet.PlannedGuest:
        """``leaves``: whether its host is to be emptied."""
        options, rules = self.options, self.rules[guest.uuid]
        measurement = self.measured.get(guest.uuid) or self.measured.get(guest.name)
        bound_for = self.on_their_way.get(guest.uuid) if leaves else None
        blocked = blockers(guest, self.taking, self.checked, rules.except_destinations) if leaves else {}
        # It is arriving there: that its job runs and that its UUID is taken there is no obstacle, but what is wanted.
        blocked.pop(bound_for or "", None)
        return planned_guest_from_document(
            guest,
            host,
            rules=rules,
            blocked=blocked,
            checked=self.checked is not None,
            demand=demand_of(
                guest,
                measurement,
                rules.resolved_policy(options.policy, options.policy_overrides),
                copy_disks=options.copy_disks,
            ),
            overhead_bytes=options.guest_overhead_mib * MIB,
            on_its_way_to=bound_for,
        )


def _settings(options: PlanOptions, name: str) -> HostSettings:
    said = vars(options.hosts.get(name, HostSettings()))
    return replace(options.all_hosts, **{key: value for key, value in said.items() if value is not None})


def _on_their_way(documents: t.Sequence[HostDocument], leaving: t.Collection[str]) -> dict[str, str]:
    """Where each guest goes that runs on a source and is arriving elsewhere, or lives on both hosts in post-copy."""
    active = {
        guest.uuid for document in documents if document.name in leaving for guest in document.domains if guest.active
    }
    return {
        guest.uuid: document.name
        for document in documents
        for guest in document.domains
        if document.name not in leaving and guest.uuid in active and (guest.state, guest.state_reason) in _ARRIVING
    }


def _coming_to_sources(
    documents: t.Sequence[HostDocument], leaving: t.Collection[str]
) -> list[tuple[GuestDocument, str]]:
    """The halves that arrive on a host that is to be emptied, of guests that are active elsewhere, and that host."""
    settled = {
        guest.uuid
        for document in documents
        for guest in document.domains
        if guest.active and (guest.state, guest.state_reason) not in _ARRIVING
    }
    return [
        (guest, document.name)
        for document in documents
        for guest in document.domains
        if document.name in leaving and guest.uuid in settled and (guest.state, guest.state_reason) in _ARRIVING
    ]


def _places(
    documents: t.Sequence[HostDocument], on_their_way: t.Mapping[str, str], coming: t.Container[tuple[str, str]]
) -> list[tuple[GuestDocument, HostDocument]]:
    """Each guest once. A definition that does not run is passed over where the guest runs elsewhere, and so is a half
    that is ``coming`` to a host that is to be emptied (UUID and host)."""
    running = {guest.uuid for document in documents for guest in document.domains if guest.active}
    found: list[tuple[GuestDocument, HostDocument]] = []
    off: set[str] = set()
    for document in documents:
        for guest in document.domains:
            if on_their_way.get(guest.uuid) == document.name or (guest.uuid, document.name) in coming:
                continue
            if not guest.active and (guest.uuid in running or guest.uuid in off):
                continue
            if not guest.active:
                off.add(guest.uuid)
            found.append((guest, document))
    return found


def _by_pair(readiness: t.Sequence[_Entry]) -> Readiness:
    found: dict[tuple[str, str], Checked] = {}
    for number, entry in enumerate(readiness):
        one = from_plain(Checked, entry, f"readiness[{number}]", remedy=_REMEDY)
        found[one.uuid, one.destination] = one
    return found


def _by_guest(measurements: t.Sequence[_Entry]) -> dict[str, Measurement]:
    found: dict[str, Measurement] = {}
    for number, entry in enumerate(measurements):
        one = from_plain(Measurement, entry, f"measurements[{number}]", remedy=_REMEDY)
        name = one.uuid or one.name
        if not name:
            raise _bad(f"measurements[{number}]", "what migration_forecast_info or migration_dirty_rate_info returns")
        found[name] = replace(one, rate=dict(entry)) if "working_set_bytes" in entry else replace(one, rate=None)
    return found


def _mistyped(
    options: PlanOptions, guests: t.Sequence[GuestDocument], documents: t.Sequence[HostDocument]
) -> list[str]:
    patterns = [entry["name"] for entry in options.guests]
    patterns += [pattern for entry in options.groups for pattern in entry["guests"]]
    warnings = [f"No guest is called {pattern!r}." for pattern in matches_nothing(guests, patterns)]
    known = {document.name for document in documents}
    hosts = [*options.hosts, *(name for entry in options.guests for name in entry.get("destinations") or ())]
    return warnings + [f"No host is called {name!r}." for name in dict.fromkeys(hosts) if name not in known]


def _bad(where: str, wanted: str) -> MigrationError:
    return MigrationError(
        "BAD_DOCUMENT",
        f"{where} is not {wanted}.",
        state="Nothing was planned and nothing was changed.",
        remedy=_REMEDY,
    )
