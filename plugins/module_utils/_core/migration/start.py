# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The forecast and the plan of a migration, with what the user has decided about its flags."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..errors import MigrationError
from ..forecast.forecast import Forecast, blind_forecast, forecast
from ..forecast.plan import NO_WAY
from ..forecast.simulation import Facts
from ..policy import Contract
from ..units import MIB

_DEFAULT_CACHE_BYTES = 64 * MIB  # QEMU's own
_MOST_CONNECTIONS = 255


def check_choices(compression: str, parallel_connections: t.Optional[int], contract: Contract) -> None:
    """Refuse what QEMU cannot combine."""
    if parallel_connections is None:
        return
    problem = ""
    if not 0 <= parallel_connections <= _MOST_CONNECTIONS:
        problem = f"parallel_connections is {parallel_connections}, but must be from 0 to {_MOST_CONNECTIONS}."
    elif parallel_connections and compression == "xbzrle":
        problem = "QEMU cannot compress with xbzrle over parallel connections."
    elif parallel_connections and contract.postcopy == "prefer":
        problem = "The policy prefers post-copy, which QEMU before 10.1 cannot combine with parallel connections."
    if problem:
        raise MigrationError(
            "OPTIONS_CONFLICT", problem, state="Nothing was changed.", remedy="Leave one of the two options out."
        )


def planned(
    contract: Contract, facts: Facts, *, compression: str = "auto", parallel_connections: t.Optional[int] = None
) -> Forecast:
    """``facts.bandwidth_bytes_per_s`` is 0 where it is not known."""
    seen = (forecast if facts.bandwidth_bytes_per_s else blind_forecast)(contract, facts)
    flags = seen.plan.flags
    if compression == "xbzrle" and not flags.xbzrle_cache_bytes:
        cache = facts.xbzrle_cache_bytes or _DEFAULT_CACHE_BYTES
        flags = replace(flags, xbzrle_cache_bytes=1 << (cache.bit_length() - 1))
    if parallel_connections:
        flags = replace(flags, parallel_connections=parallel_connections, postcopy=False, xbzrle_cache_bytes=0)
    return replace(seen, plan=replace(seen.plan, flags=flags))


def require_way(name: str, seen: Forecast, basis: t.Mapping[str, t.Any]) -> None:
    """Fail when nothing within the contract finishes, before anything is touched."""
    if seen.plan.way != NO_WAY:
        return
    raise MigrationError(
        "NO_WAY",
        f"{name!r} was not migrated. {seen.summary}",
        state="The guest runs on the source as before. Nothing was changed.",
        remedy="Allow one of these in policy_overrides, wait for a calmer hour, let the guest do less, or start it"
        " nevertheless with force.",
        evidence={"needs": dict(seen.needs), **basis},
        facts={"forecast": {**seen.document(), "basis": dict(basis)}},
    )
