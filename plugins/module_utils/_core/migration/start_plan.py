# SPDX-License-Identifier: GPL-3.0-or-later
"""The forecast and the plan that a migration is started with: what the user has chosen comes before what is planned."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..errors import MigrationError
from ..forecast.forecast import Forecast, blind_forecast, forecast
from ..forecast.plan import NO_WAY, Plan
from ..forecast.simulation import MigrationFacts
from ..forecast.zstd import DEFAULT_LEVEL, ZstdChoice, with_zstd, zstd_by_wish, zstd_that_pays
from ..job.downtime_limit import highest_limit_ms
from ..number_options import LIMITS
from ..policy import Policy
from ..units import MIB

_DEFAULT_CACHE_BYTES = 64 * MIB  # QEMU's own


class Choices(t.NamedTuple):
    """What the user has decided about how pages are sent.

    ``compression``: of ``COMPRESSIONS``; ``parallel_connections``: None to have them planned, 0 for the ordinary single
    one; ``compression_level``: of zstd (None: 1).
    """

    compression: str = "auto"
    parallel_connections: t.Optional[int] = None
    compression_level: t.Optional[int] = None


COMPRESSIONS = ("auto", "none", "xbzrle", "zstd", "auto_zstd")
_OF_ZSTD = ("zstd", "auto_zstd")


def check_choices(choices: Choices, policy: Policy) -> None:
    """Raises OPTIONS_CONFLICT for choices that QEMU cannot combine, or cannot combine with post-copy."""
    compression, connections, level = choices
    problem = ""
    if connections is not None and not _within("parallel_connections", connections):
        problem = _outside("parallel_connections", connections)
    elif connections and compression == "xbzrle":
        problem = "QEMU cannot compress with xbzrle over parallel connections."
    elif (connections or compression == "zstd") and policy.postcopy == "prefer":
        problem = (
            "The policy prefers post-copy, which QEMU before 10.1 cannot combine with parallel connections, nor with"
            " zstd, which takes these; with QEMU 11.1 it did not end."
        )
    elif connections == 0 and compression == "zstd":
        problem = "zstd is for parallel connections, and parallel_connections is 0."
    elif level is not None and compression not in _OF_ZSTD:
        problem = f"compression_level is for zstd, and compression is {compression}."
    elif level is not None and not _within("compression_level", level):
        problem = _outside("compression_level", level)
    if problem:
        raise MigrationError(
            "OPTIONS_CONFLICT", problem, state="Nothing was changed.", remedy="Leave one of the two options out."
        )


def _within(name: str, value: int) -> bool:
    least, most = LIMITS[name]
    return least <= value <= most


def _outside(name: str, value: int) -> str:
    least, most = LIMITS[name]
    return f"{name} is {value}, but must be from {least:g} to {most:g}."


def _check_hosts(facts: MigrationFacts, choices: Choices) -> None:
    """Raises NOT_SUPPORTED for what the versions of the two hosts do not have."""
    if choices.compression == "zstd" and not facts.zstd_possible:
        raise MigrationError(
            "NOT_SUPPORTED",
            "zstd on several connections takes libvirt 9.4 and QEMU 5.0 on both hosts, and one of them has less.",
            state="Nothing was changed.",
            remedy="Use compression: auto_zstd, which takes zstd only where both hosts have it, or update the host.",
        )


def planned(policy: Policy, facts: MigrationFacts, choices: t.Optional[Choices] = None) -> Forecast:
    """The forecast and the plan, with the user's choices.

    ``facts.bandwidth_bytes_per_s`` is 0 where it is not known. Raises NOT_SUPPORTED.
    """
    choices = choices or Choices()
    _check_hosts(facts, choices)
    compression, parallel_connections, level = choices
    by_zstd: t.Optional[ZstdChoice] = None
    if compression == "zstd":
        by_zstd = zstd_by_wish(facts, parallel_connections)
    elif compression == "auto_zstd":
        by_zstd = zstd_that_pays(policy, facts, parallel_connections)
    if by_zstd is not None:
        facts, parallel_connections = with_zstd(facts, by_zstd), by_zstd.connections
    seen = (forecast if facts.bandwidth_bytes_per_s else blind_forecast)(policy, facts)
    flags = seen.plan.flags
    if compression == "xbzrle" and not flags.xbzrle_cache_bytes:
        cache = facts.xbzrle_cache_bytes or _DEFAULT_CACHE_BYTES
        flags = replace(flags, xbzrle_cache_bytes=1 << (cache.bit_length() - 1))
    if parallel_connections:
        flags = replace(
            flags,
            parallel_connections=parallel_connections,
            postcopy=False,
            xbzrle_cache_bytes=0,
            zstd_level=(level or DEFAULT_LEVEL) if by_zstd else 0,
        )
    return replace(seen, plan=replace(seen.plan, flags=flags))


def first_limit_ms(plan: Plan, policy: Policy, *, supervised: bool) -> t.Optional[int]:
    """The downtime limit in ms to start with (None: QEMU's own); one that nobody will raise is the policy's at once."""
    return plan.start_limit_ms if supervised else highest_limit_ms(policy.max_downtime_ms, plan.host_devices)


def require_way(name: str, seen: Forecast, basis: t.Mapping[str, t.Any]) -> None:
    """Raises NO_WAY when nothing within the policy finishes; ``basis``: the facts that the forecast rests on."""
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
