# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured before a start, and that it is begun before the destination is connected to."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass

from ..._core.errors import MigrationError
from ..._core.guest_policy import GuestPolicies, Said
from ..._core.policy import Policy
from ..connection import Connection, libvirt
from ..guest import seek_guest
from ..measure.dirty_rate import BegunMeasurement, mode_for
from ..measure.facts import MeasurementOptions, needs_no_measurement
from ..metadata import own_limits


@dataclass(frozen=True)
class EarlyMeasurement:
    """Of the guest with this UUID. ``own``: its own limits and what of them does not count, as they were read for it;
    ``begun``: what QEMU measures meanwhile."""

    uuid: str
    own: tuple[Said, t.Sequence[str]]
    begun: BegunMeasurement


def measurement_for(
    measurement: MeasurementOptions, policy: Policy, *, check: bool, calm_wait_s: float
) -> MeasurementOptions:
    """What is measured of a guest with this policy. A forecast that is asked for, and a calm moment, need it whole."""
    whole = check or calm_wait_s > 0
    return measurement._replace(no_more_than_for=None if whole else policy)


def begin_early(
    source: Connection,
    name: t.Optional[str],
    uuid: t.Optional[str],
    policies: t.Optional[GuestPolicies],
    measurement: MeasurementOptions,
    *,
    check: bool,
    calm_wait_s: float,
) -> t.Optional[EarlyMeasurement]:
    """None where nothing is to be measured, or can be: whoever looks at both hosts afterwards tells why."""
    if policies is None or not measurement.measure:
        return None
    with contextlib.suppress(MigrationError, libvirt.libvirtError):
        guest = seek_guest(source, name, uuid)
        if guest is None or not guest.state().running:
            return None
        own: tuple[Said, t.Sequence[str]] = own_limits(guest) if policies.heed_metadata else ({}, ())
        policy = policies.of(guest.name, guest.uuid, own[0])
        if needs_no_measurement(measurement_for(measurement, policy, check=check, calm_wait_s=calm_wait_s)):
            return None
        return EarlyMeasurement(guest.uuid, own, BegunMeasurement(source, guest, mode_for(guest.document())))
    return None
