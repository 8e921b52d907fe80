# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for this very guest: the policy and the disks that a plan, the inventory and its own metadata say."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._core.guest_policy import GuestPolicies, Said
from ..._core.migration.start_plan import check_choices
from ..guest import Guest
from ..metadata import own_limits
from .options import MigrationOptions


def options_of_guest(
    options: MigrationOptions, guest: Guest, *, broken: bool
) -> tuple[MigrationOptions, t.Sequence[str]]:
    """The options with its policy and its disks, and what of its own word does not count; what was read of it before
    the hosts were looked at counts once.

    ``broken``: its post-copy is: it can only be joined, whatever the guest says of itself, and cannot go back. Raises
    OPTIONS_CONFLICT, and what keeps its own word from being read.
    """
    policies = options.policies
    if policies is None:
        return options, ()
    own: Said = {}
    notes: t.Sequence[str] = ()
    if policies.heed_metadata and not broken:
        early = options.early
        own, notes = early.own if early and early.uuid == guest.uuid else own_limits(guest)
    policy = policies.of(guest.name, guest.uuid, own, options.said)
    check_choices(options.measurement.choices, policy)
    storage = options.storage or policies.copy_storage(guest.name, guest.uuid) or options.start.copy_storage
    start = replace(
        options.start,
        copy_storage=storage,
        copy_disks=_disks_to_copy(options, guest, policies, storage),
        copy_synchronous_writes=options.start.copy_synchronous_writes and storage != "none",
    )
    return replace(options, policy=policy, start=start, early=None), notes


def _disks_to_copy(
    options: MigrationOptions, guest: Guest, policies: GuestPolicies, storage: str
) -> t.Optional[t.Sequence[str]]:
    """What the entries say counts only where disks are copied: they hold for every migration of the guest."""
    if options.disks is not None:
        return options.disks
    listed = policies.copy_disks(guest.name, guest.uuid) if storage != "none" else None
    return listed if listed is not None else options.start.copy_disks
