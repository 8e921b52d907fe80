# SPDX-License-Identifier: GPL-3.0-or-later
"""The forecast and the plan that a migration is started with: what the user has chosen comes before what is planned."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..errors import MigrationError
from ..forecast.forecast import Forecast, blind_forecast, forecast
from ..forecast.plan import NO_WAY
from ..forecast.simulation import MigrationFacts
from ..policy import Policy
from ..units import MIB

_DEFAULT_CACHE_BYTES = 64 * MIB  # QEMU's own
_MOST_CONNECTIONS = 255  # the most that QEMU takes for multifd-channels, which is 8 bits wide


def check_choices(compression: str, parallel_connections: t.Optional[int], policy: Policy) -> None:
    """Raises OPTIONS_CONFLICT for choices that QEMU cannot combine, or cannot combine with post-copy."""
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
    """The forecast and the plan, with the user's choice of ``compression`` and connections (None: planned).

    ``facts.bandwidth_bytes_per_s`` is 0 where it is not known.
    """
    seen = (forecast if facts.bandwidth_bytes_per_s else blind_forecast)(policy, facts)
    flags = seen.plan.flags
    if compression == "xbzrle" and not flags.xbzrle_cache_bytes:
        cache = facts.xbzrle_cache_bytes or _DEFAULT_CACHE_BYTES
        flags = replace(flags, xbzrle_cache_bytes=1 << (cache.bit_length() - 1))
    if parallel_connections:
        flags = replace(flags, parallel_connections=parallel_connections, postcopy=False, xbzrle_cache_bytes=0)
    return replace(seen, plan=replace(seen.plan, flags=flags))


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
