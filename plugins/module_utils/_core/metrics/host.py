# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of a host: of the evacuation that runs there, and of what an evacuation has left."""

from __future__ import annotations

import typing as t

from .exposition import Family, exposition, one

_EVACUATION = "live_migration_evacuation_"
_HOST = "live_migration_host_"


def evacuation_metrics(
    numbers: t.Mapping[str, t.Any],
    *,
    began_s: float,
    expected_end_s: t.Optional[float],
    now_s: float,
    running: bool,
) -> str:
    """``numbers``: as an evacuation tells them. Times are seconds since 1970. ``expected_end_s``: as it was first told,
    which is what "late" is measured by.
    """
    states = {key: numbers[key] for key in ("done", "failed", "moving")}
    states["waiting"] = max(0, numbers["guests"] - sum(states.values()))
    left_s = numbers["time_left_s"]
    return exposition(
        [
            one(f"{_EVACUATION}running", "Whether the host is being emptied, or guests are brought home.", running),
            Family(
                f"{_EVACUATION}guests",
                "Guests that are to leave, by how far they are.",
                [({"state": state}, count) for state, count in states.items()],
            ),
            one(f"{_EVACUATION}remaining_bytes", "What is left to send.", numbers["remaining_bytes"]),
            one(f"{_EVACUATION}bytes_per_second", "What is sent per second.", numbers["bytes_per_s"]),
            one(f"{_EVACUATION}time_left_seconds", "How long it takes yet, where known.", left_s if running else 0),
            one(f"{_EVACUATION}start_timestamp_seconds", "When it began, since 1970.", round(began_s, 3)),
            one(
                f"{_EVACUATION}expected_end_timestamp_seconds",
                "When it was to end as it was first told, since 1970.",
                None if expected_end_s is None else round(expected_end_s, 3),
            ),
            one(f"{_EVACUATION}updated_timestamp_seconds", "When this was written, since 1970.", round(now_s, 3)),
        ]
    )


def host_metrics(*, away: int, cordoned: bool, now_s: float) -> str:
    """``away``: guests on this host whose home is another one."""
    return exposition(
        [
            one(f"{_HOST}guests_away_from_home", "Guests on this host whose home is another one.", away),
            one(f"{_HOST}cordoned", "Whether this host takes no guests, as it is being emptied.", cordoned),
            one(f"{_HOST}updated_timestamp_seconds", "When this was written, since 1970.", round(now_s, 3)),
        ]
    )
