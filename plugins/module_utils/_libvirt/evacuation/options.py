# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evacuation is to do: the options of the module, as data."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._core.evacuation.run.admission import Slots
from ..._core.guest_policy import Said
from ..._core.policy import Policy
from ..._host.metrics_directory import MetricsDirectory
from ..migration.options import MigrationOptions
from .shared_limits import SharedLimits


@dataclass(frozen=True)
class EvacuationOptions:
    """The options of one evacuation, or of one way home. ``uris``: of the destinations, by name.

    ``options_of``: how a guest is migrated, from its entry in ``guests`` and the name of its destination.

    ``policy_of``: the policy of a guest, by what the user said of it, its name, its UUID, and its own limits, which are
    read where ``heed_metadata``. ``leaving``: guests are marked with their home, and nobody else may run on the host in
    the end; else they come home. ``force``: also where a destination has not the memory. ``limits``: those that hold
    over all hosts that are being emptied. ``metrics``: where they are written to.
    ``links``: what the link to a destination carries in MiB/s, where the user said it. ``retry_busy_guests``: whether
    one that wrote too fast for its policy is tried once more.
    """

    guests: t.Sequence[t.Mapping[str, t.Any]]
    uris: t.Mapping[str, str]
    options_of: t.Callable[[t.Mapping[str, t.Any], str], MigrationOptions]
    slots: Slots
    policy_of: t.Callable[[t.Mapping[str, t.Any], str, str, Said], Policy]
    links: t.Mapping[str, t.Optional[float]] = field(default_factory=dict)
    heed_metadata: bool = True
    retry_busy_guests: bool = False
    limits: SharedLimits = field(default_factory=SharedLimits)
    leaving: bool = True
    force: bool = False
    shutdown_limit_s: float = 300.0
    abort_on_cancel: bool = False
    cancel_file: t.Optional[str] = None
    metrics: t.Optional[MetricsDirectory] = None
