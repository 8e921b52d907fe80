# SPDX-License-Identifier: GPL-3.0-or-later
"""A record made small enough to be kept for long."""

from __future__ import annotations

import typing as t

_MOST_LOOKS = 500  # enough for a drawing of 880 pixels; a choice


def kept_record(record: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The same; of many looks at a migration only some, but all at which a pass began or something happened."""
    looks = record.get("looks")
    if not isinstance(looks, list) or len(looks) <= _MOST_LOOKS:
        return dict(record)
    columns = list(record["columns"])
    at, phase, results = (columns.index(name) for name in ("at_s", "phase", "results"))
    told = {one["at_s"] for one in record["decisions"]} | {one[2] for one in record["boundaries"]}
    needed = [
        number in (0, len(looks) - 1)
        or bool(look[results])
        or look[at] in told
        or look[phase] != looks[number - 1][phase]
        for number, look in enumerate(looks)
    ]
    every = -(-len(looks) // max(1, _MOST_LOOKS - min(sum(needed), _MOST_LOOKS // 2)))
    kept = [look for number, look in enumerate(looks) if needed[number] or number % every == 0]
    return {**record, "looks": kept, "thinned": True}
