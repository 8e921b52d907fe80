# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness of guests for destinations, from what a module was given and what it can find out."""

from __future__ import annotations

import contextlib
import typing as t

from .._core.dataclass_json import from_plain, to_plain
from .._core.errors import MigrationError
from .._core.forecast.working_set import WorkingSet
from .._core.host.document import HostDocument
from .._core.host.guest import GuestDocument
from .._core.readiness.assessor import Assessor, Readiness
from .._core.readiness.checks.check_types import CpuOpinion, MigrationBlocker, Pair, Probe, ReadinessOptions
from .._core.readiness.checks.cpu import cpu_to_ask
from .._core.readiness.site_rules import SiteRule
from .._libvirt.host.cpu_compare import CpuQuestions
from .route_to_destination import log_in, probe_all


class AssessmentOptions(t.NamedTuple):
    """``measured``: by UUID and by name. ``probe_from_here``: whether to try from this host what
    it reaches of the destinations; it is the source then.

    ``objections``: what libvirt and QEMU on the source have against moving each guest, by UUID.
    """

    source: HostDocument
    destinations: t.Sequence[HostDocument]
    readiness: ReadinessOptions
    rules: t.Sequence[SiteRule] = ()
    measured: t.Mapping[str, WorkingSet] = {}
    destination_uri: str = ""
    probe_from_here: bool = False
    objections: t.Mapping[str, MigrationBlocker] = {}


def assess(options: AssessmentOptions, guests: t.Sequence[GuestDocument]) -> list[Readiness]:
    """Guest by guest, each for all destinations."""
    probes = [Probe()] * len(options.destinations)
    if options.probe_from_here:
        probes = probe_all(options.destinations, options.destination_uri)
    plain = [to_plain(one) for one in guests] if options.rules else [None] * len(guests)
    with contextlib.ExitStack() as opened:
        found = []
        for destination, probe in zip(options.destinations, probes):
            cpu, asked = _ask_libvirt(options, probe, opened)
            pair = Pair(options.source, destination, asked, options.readiness)
            assessor = Assessor(pair, options.rules, _plain(pair) if options.rules else None)
            found.append([_one(assessor, guest, cpu, options, own) for guest, own in zip(guests, plain)])
    return [each for of_guest in zip(*found) for each in of_guest]


def _one(
    assessor: Assessor, guest: GuestDocument, cpu: t.Optional[CpuQuestions], options: AssessmentOptions, plain: t.Any
) -> Readiness:
    opinion = None
    opinion_asked = cpu_to_ask(guest, options.source) if cpu is not None else None
    if cpu is not None and opinion_asked:
        opinion = CpuOpinion(*cpu.ask(opinion_asked, guest.arch, guest.machine, guest.type))
    measured = options.measured.get(guest.uuid) or options.measured.get(guest.name)
    objection = options.objections.get(guest.uuid)
    return assessor.assess(guest, cpu=opinion, measured=measured, objection=objection, plain=plain)


def _ask_libvirt(
    options: AssessmentOptions, probe: Probe, opened: contextlib.ExitStack
) -> tuple[t.Optional[CpuQuestions], Probe]:
    if not options.destination_uri:
        return None, probe
    tried, connection = log_in(options.destination_uri, probe)
    # From another host than the source, a login says nothing about the source's.
    probe = tried if options.probe_from_here else probe
    if connection is None:
        return None, probe
    opened.enter_context(connection)
    return CpuQuestions(connection), probe


def _plain(pair: Pair) -> dict[str, t.Any]:
    return {"source": pair.source.document(), "destination": pair.destination.document()}


def chosen(source: HostDocument, name: t.Optional[str], uuid: t.Optional[str]) -> list[GuestDocument]:
    """The guest of that name or UUID, or all."""
    if not name and not uuid:
        return list(source.domains)
    found = [one for one in source.domains if (one.uuid == uuid if uuid else one.name == name)]
    if not found:
        raise MigrationError(
            "GUEST_NOT_FOUND",
            f"There is no guest {uuid or name!r} in the document of {source.name}.",
            state="Nothing was changed.",
            remedy="Check the name or UUID with 'virsh list --all' on this host; the guest may already run on another"
            " host, or could not be read: then a warning says why.",
        )
    return found


def measurements(plain: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, WorkingSet]:
    """What migration_dirty_rate_info returned, by UUID and by name."""
    found: dict[str, WorkingSet] = {}
    for number, one in enumerate(plain):
        measured = from_plain(WorkingSet, dict(one), f"dirty_rates[{number}]")
        for key in ("uuid", "name"):
            if one.get(key):
                found[str(one[key])] = measured
    return found
