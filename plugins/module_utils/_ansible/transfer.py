# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how a guest is sent, as an order: one reading of them, whichever module has them."""

from __future__ import annotations

import typing as t

from .._core.destination_changes import changes_from
from .._core.forecast.link_bandwidth import DestinationPath
from .._core.guest_policy import GuestPolicies, Said
from .._core.migration.call_parameters import StartOptions
from .._core.migration.start_plan import Choices, check_choices
from .._host.metrics_directory import MetricsDirectory
from .._host.route import route_to
from .._libvirt.measure.facts import MeasurementOptions
from .._libvirt.migration.options import MigrationOptions
from .._libvirt.migration.sent_definition import DestinationDefinition
from .argspec import policy_of

Params = t.Mapping[str, t.Any]


def policies_of(params: Params, **defaults: t.Any) -> GuestPolicies:
    """``defaults``: as of :func:`policy_of`. Raises BAD_CONTRACT."""
    given = {key: value for key, value in params["policy_overrides"].items() if value is not None}
    base = policy_of(params, **defaults)
    policies = GuestPolicies(base, given, params["guest_options"], params["heed_metadata"], defaults)
    policies.check()
    return policies


def _start_options(params: Params) -> StartOptions:
    return StartOptions(
        copy_storage=params["copy_storage"],
        copy_disks=params.get("copy_disks"),
        copy_synchronous_writes=params["copy_synchronous_writes"],
        tls=params["tls"],
        undefine_source=params["undefine_source"],
    )


def _definition(params: Params) -> DestinationDefinition:
    """What of its definition is to be another one there. Raises BAD_CHANGES."""
    changes = changes_from(params["destination_changes"])
    return DestinationDefinition(changes, params.get("destination_xml"), params.get("persistent_xml"))


def migration_options(
    params: Params,
    to: Params,
    policies: GuestPolicies,
    *,
    said: t.Optional[Said] = None,
    storage: t.Optional[str] = None,
    disks: t.Optional[t.Sequence[str]] = None,
    wait: bool = True,
    sharing: int = 1,
    homeward: bool = False,
    metrics: t.Optional[MetricsDirectory] = None,
) -> MigrationOptions:
    """``params``: of :func:`transfer_spec`; ``to``: the destination, with its URI, address and link.

    ``said``, ``storage`` and ``disks``: what a plan says of the guest. ``homeward``: it is brought home, which takes no
    guests but its own until they are all there. What is for a single guest only, ``copy_disks`` and whole definitions,
    not every module has. Raises OPTIONS_CONFLICT and BAD_CHANGES.
    """
    choices = Choices(params["compression"], params["parallel_connections"], params["compression_level"])
    check_choices(choices, policies.base)
    path = DestinationPath(
        to["destination_uri"], to["migrate_uri"], to["link_mib_per_s"], params["bandwidth_mib_per_s"]
    )
    measurement = MeasurementOptions(choices, params["measure"], route_to)
    return MigrationOptions(
        policies.base,
        path,
        measurement,
        _start_options(params),
        params["persistent"],
        wait,
        params["force"],
        sharing=sharing,
        definition=_definition(params),
        metrics=metrics,
        policies=policies,
        said=said or {},
        storage=storage,
        disks=disks,
        calm_wait_s=params["calm_wait_s"],
        ignore_cordon=params["ignore_cordon"] or homeward,
    )
