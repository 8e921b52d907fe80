# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters and flags of the call that starts a migration, from its plan and from what the user has decided."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import MigrationError
from ..forecast.link_bandwidth import DestinationPath
from ..forecast.plan import Flags
from ..forecast.zstd import DEFAULT_LEVEL
from ..job.migrate_flag_bits import (
    MIGRATE_AUTO_CONVERGE,
    MIGRATE_COMPRESSED,
    MIGRATE_LIVE,
    MIGRATE_NON_SHARED_DISK,
    MIGRATE_NON_SHARED_INC,
    MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES,
    MIGRATE_PARALLEL,
    MIGRATE_PEER2PEER,
    MIGRATE_PERSIST_DEST,
    MIGRATE_POSTCOPY,
    MIGRATE_TLS,
    MIGRATE_UNDEFINE_SOURCE,
)

STORAGE = {"none": 0, "all": MIGRATE_NON_SHARED_DISK, "incremental": MIGRATE_NON_SHARED_INC}


@dataclass(frozen=True)
class StartOptions:
    """What the user has decided beside the plan. ``copy_storage``: a key of ``STORAGE``.

    ``copy_disks``: targets of the disks that are copied, where ``copy_storage`` is not none; None: as libvirt chooses.
    """

    copy_storage: str = "none"
    copy_disks: t.Optional[t.Sequence[str]] = None
    copy_synchronous_writes: bool = False
    tls: bool = False
    undefine_source: bool = True


def check_copies(options: StartOptions) -> None:
    """Raises OPTIONS_CONFLICT for options that only make sense where disks are copied: somebody may rely on them."""
    if options.copy_storage == "none" and (options.copy_disks or options.copy_synchronous_writes):
        raise MigrationError(
            "OPTIONS_CONFLICT",
            "copy_disks and copy_synchronous_writes are for disks that are copied, and copy_storage is none.",
            state="Nothing was changed.",
            remedy="Say with copy_storage how they are copied, all or incremental, or leave the others out.",
        )


def start_call(
    flags: Flags, path: DestinationPath, options: StartOptions, *, persistent: bool
) -> tuple[dict[str, t.Any], int]:
    """Parameters and flags of ``migrateToURI3``. Always peer-to-peer: it outlives whoever has started it.

    ``persistent``: whether the guest is to be defined on the destination; only then may the source forget it.
    """
    parameters: dict[str, t.Any] = {}
    bits = MIGRATE_LIVE | MIGRATE_PEER2PEER | STORAGE[options.copy_storage]
    if options.copy_storage != "none":
        bits |= MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES if options.copy_synchronous_writes else 0
        if options.copy_disks is not None:
            parameters["migrate_disks"] = list(options.copy_disks)
    if path.migrate_uri:
        parameters["migrate_uri"] = path.migrate_uri
    if path.bandwidth_mib_per_s:
        parameters["bandwidth"] = path.bandwidth_mib_per_s
    for wanted, bit in (
        (persistent, MIGRATE_PERSIST_DEST),
        (persistent and options.undefine_source, MIGRATE_UNDEFINE_SOURCE),
        (options.tls, MIGRATE_TLS),
    ):
        bits |= bit if wanted else 0
    if flags.postcopy:
        bits |= MIGRATE_POSTCOPY
        if path.bandwidth_mib_per_s:
            parameters["bandwidth.postcopy"] = path.bandwidth_mib_per_s
    if flags.auto_converge:
        bits |= MIGRATE_AUTO_CONVERGE
        parameters["auto_converge.initial"] = flags.throttle_initial_percent
        parameters["auto_converge.increment"] = flags.throttle_increment_percent
    if flags.xbzrle_cache_bytes:
        bits |= MIGRATE_COMPRESSED
        parameters["compression"] = "xbzrle"
        parameters["compression.xbzrle.cache"] = flags.xbzrle_cache_bytes
    if flags.zstd_level:
        bits |= MIGRATE_COMPRESSED
        parameters["compression"] = "zstd"
        # The default goes unsaid: a binding older than libvirt 9.4 would send the level as a number of another type.
        if flags.zstd_level != DEFAULT_LEVEL:
            parameters["compression.zstd.level"] = flags.zstd_level
    if flags.parallel_connections:
        bits |= MIGRATE_PARALLEL
        parameters["parallel.connections"] = flags.parallel_connections
    return parameters, bits
