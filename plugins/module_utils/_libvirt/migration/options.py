# SPDX-License-Identifier: GPL-3.0-or-later
"""How one guest is to be moved."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.forecast.link_bandwidth import DestinationPath
from ..._core.guest_policy import GuestPolicies, Said
from ..._core.migration.call_parameters import StartOptions
from ..._core.policy import Policy
from ..._host.metrics_directory import MetricsDirectory
from ..guest import Guest
from ..measure.facts import MeasurementOptions
from .early_measurement import EarlyMeasurement
from .result import Result
from .sent_definition import DestinationDefinition


@dataclass(frozen=True)
class MigrationOptions:
    """How one guest is to be moved. ``persistent``: whether it is to be defined where it runs; None to keep that as it
    is.

    ``definition``: what of it is otherwise on the destination. ``wait``: until the migration has ended. ``force``: also
    where the forecast knows no way, or the destination lacks memory. ``sharing``: how many transfers of the same
    evacuation may use the link at once.
    ``before_start``: called with the guest and its forecast when it is about to be sent; what it raises prevents that.
    ``policies``: from which ``policy`` is made once the guest is known, with ``said``, what a plan says of it;
    ``storage`` and ``disks``: how a plan wants its disks to go along, and which. ``metrics``: where they are written.
    ``calm_wait_s``: how long to wait for a calm moment. ``early``: what was begun before the destination was reached.
    """

    policy: Policy
    path: DestinationPath
    measurement: MeasurementOptions
    start: StartOptions
    persistent: t.Optional[bool] = None
    wait: bool = True
    force: bool = False
    sharing: int = 1
    before_start: t.Optional[t.Callable[[Guest, Result], None]] = None
    definition: DestinationDefinition = field(default_factory=DestinationDefinition)
    policies: t.Optional[GuestPolicies] = None
    said: Said = field(default_factory=dict)
    storage: t.Optional[str] = None
    disks: t.Optional[t.Sequence[str]] = None
    ignore_cordon: bool = False
    metrics: t.Optional[MetricsDirectory] = None
    calm_wait_s: float = 0.0
    early: t.Optional[EarlyMeasurement] = None
