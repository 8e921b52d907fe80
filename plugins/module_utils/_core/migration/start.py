# SPDX-License-Identifier: GPL-3.0-or-later
"""The forecast and the plan of a migration, with what the user has decided about its flags."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..errors import MigrationError
from ..forecast.forecast import Forecast, blind_forecast, forecast
from ..forecast.plan import NO_WAY, Flags
from ..forecast.simulation import MigrationFacts
from ..policy import Policy
from ..units import MIB

_DEFAULT_CACHE_BYTES = 64 * MIB  # QEMU's own
_MOST_CONNECTIONS = 255


def check_choices(compression: str, parallel_connections: t.Optional[int], policy: Policy) -> None:
    """Refuse what QEMU cannot combine."""
    if parallel_connections is None:
        return
    problem = ""
    if not 0 <= parallel_connections <= _MOST_CONNECTIONS:
        problem = f"parallel_connections is {parallel_connections}, but must be from 0 to {_MOST_CONNECTIONS}."
    elif parallel_connections and compression == "xbzrle":
        problem = "QEMU cannot compress with xbzrle over parallel connections."
    elif parallel_connections and policy.postcopy == "prefer":
        problem = "The policy prefers post-copy, which QEMU before 10.1 cannot combine with parallel connections."
    if problem:
        raise MigrationError(
            "OPTIONS_CONFLICT", problem, state="Nothing was changed.", remedy="Leave one of the two options out."
        )


def planned(
    policy: Policy, facts: MigrationFacts, *, compression: str = "auto", parallel_connections: t.Optional[int] = None
) -> Forecast:
    """``facts.bandwidth_bytes_per_s`` is 0 where it is not known."""
    seen = (forecast if facts.bandwidth_bytes_per_s else blind_forecast)(policy, facts)
    flags = seen.plan.flags
    if compression == "xbzrle" and not flags.xbzrle_cache_bytes:
        cache = facts.xbzrle_cache_bytes or _DEFAULT_CACHE_BYTES
        flags = replace(flags, xbzrle_cache_bytes=1 << (cache.bit_length() - 1))
    if parallel_connections:
        flags = replace(flags, parallel_connections=parallel_connections, postcopy=False, xbzrle_cache_bytes=0)
    return replace(seen, plan=replace(seen.plan, flags=flags))


def require_way(name: str, seen: Forecast, basis: t.Mapping[str, t.Any]) -> None:
    """Fail when nothing within the policy finishes, before anything is touched."""
    if seen.plan.way != NO_WAY:
        return
    raise MigrationError(
        "NO_WAY",
        f"{name!r} was not migrated. {seen.summary}",
        state="The guest runs on the source as before. Nothing was changed.",
        remedy="Allow one of these in policy_overrides, wait for a calmer hour, let the guest do less (role"
        " guest_quiesce, or live_migration_quiesce of the playbooks), or start it nevertheless with force.",
        evidence={"needs": dict(seen.needs), **basis},
        facts={"forecast": {**seen.document(), "basis": dict(basis)}},
    )


# VIR_MIGRATE_*; older bindings lack some of the names.
LIVE = 1 << 0
PEER2PEER = 1 << 1
PERSIST_DEST = 1 << 3
UNDEFINE_SOURCE = 1 << 4
NON_SHARED_DISK = 1 << 6
NON_SHARED_INC = 1 << 7
COMPRESSED = 1 << 11
AUTO_CONVERGE = 1 << 13
POSTCOPY = 1 << 15
TLS = 1 << 16
PARALLEL = 1 << 17
SYNCHRONOUS_WRITES = 1 << 18  # since libvirt 8.0

STORAGE = {"none": 0, "all": NON_SHARED_DISK, "incremental": NON_SHARED_INC}


@dataclass(frozen=True)
class StartOptions:
    """What the user has decided beside the plan. ``bandwidth_mib_per_s``: a limit, also for post-copy (0: none).

    ``copy_disks``: targets of the disks that are copied, where ``copy_storage`` is not none; None: as libvirt chooses.
    """

    migrate_uri: t.Optional[str] = None
    bandwidth_mib_per_s: int = 0
    copy_storage: str = "none"
    copy_disks: t.Optional[t.Sequence[str]] = None
    copy_synchronous_writes: bool = False
    tls: bool = False
    persistent: bool = True
    undefine_source: bool = True


def check_copies(wishes: StartOptions) -> None:
    """Refuse what only makes sense with disks that are copied: somebody may rely on it."""
    if wishes.copy_storage == "none" and (wishes.copy_disks or wishes.copy_synchronous_writes):
        raise MigrationError(
            "OPTIONS_CONFLICT",
            "copy_disks and copy_synchronous_writes are for disks that are copied, and copy_storage is none.",
            state="Nothing was changed.",
            remedy="Say with copy_storage how they are copied, all or incremental, or leave the others out.",
        )


def start_call(flags: Flags, wishes: StartOptions) -> tuple[dict[str, t.Any], int]:
    """Parameters and flags of ``migrateToURI3``. Always peer-to-peer: it outlives whoever has started it."""
    parameters: dict[str, t.Any] = {}
    bits = LIVE | PEER2PEER | STORAGE[wishes.copy_storage]
    if wishes.copy_storage != "none":
        bits |= SYNCHRONOUS_WRITES if wishes.copy_synchronous_writes else 0
        if wishes.copy_disks is not None:
            parameters["migrate_disks"] = list(wishes.copy_disks)
    if wishes.migrate_uri:
        parameters["migrate_uri"] = wishes.migrate_uri
    if wishes.bandwidth_mib_per_s:
        parameters["bandwidth"] = wishes.bandwidth_mib_per_s
    for wanted, bit in (
        (wishes.persistent, PERSIST_DEST),
        (wishes.persistent and wishes.undefine_source, UNDEFINE_SOURCE),
        (wishes.tls, TLS),
    ):
        bits |= bit if wanted else 0
    if flags.postcopy:
        bits |= POSTCOPY
        if wishes.bandwidth_mib_per_s:
            parameters["bandwidth.postcopy"] = wishes.bandwidth_mib_per_s
    if flags.auto_converge:
        bits |= AUTO_CONVERGE
        parameters["auto_converge.initial"] = flags.throttle_initial_percent
        parameters["auto_converge.increment"] = flags.throttle_increment_percent
    if flags.xbzrle_cache_bytes:
        bits |= COMPRESSED
        parameters["compression"] = "xbzrle"
        parameters["compression.xbzrle.cache"] = flags.xbzrle_cache_bytes
    if flags.parallel_connections:
        bits |= PARALLEL
        parameters["parallel.connections"] = flags.parallel_connections
    return parameters, bits
