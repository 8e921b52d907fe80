# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the documentation, from the kept results alone."""

from __future__ import annotations

import json
import typing as t
from collections import Counter

from ..gauntlet.table import head, rows, span, title

_HOW = """
Eight guests on three hosts of the lab, with real libvirtd and QEMU, are moved, evacuated and brought home in an order
that a seed decides, while modules, controllers and daemons are killed, streams cut and links taken down. After each
step every guest has to run on exactly one host, with its memory right, without having booted again, and never in two
copies; its definition and its autostart mark are where it runs and nowhere else, no job is left, and what modules have
told is true.

To repeat it, or one seed of it:

.. code-block:: console

    $ make soak
    $ tests/run/soak --seed 17
"""


def rows_of(lines: t.Iterable[str]) -> list[dict[str, t.Any]]:
    return [json.loads(line) for line in lines]


def merged(played: str, own: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """Lines of what is kept with the tests and of what was seen here, each once, in the order of seeds."""
    lines = {*played.splitlines(keepends=True), *(json.dumps(row, sort_keys=True) + "\n" for row in own)}
    return sorted(lines, key=lambda line: (json.loads(line)["seed"], line))


def text(results: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    faults: Counter[str] = Counter()
    for each in results:
        faults.update(each["faults"])
    broken = [each for each in results if each["problem"]]
    arrivals = sum(each["arrivals"] for each in results)
    seeds = {each["seed"] for each in results}
    which = f"{len(seeds)} seeds ({min(seeds)} to {max(seeds)})" if len(seeds) > 1 else f"seed {min(seeds)}"
    versions = "; ".join(dict.fromkeys(each["versions"] for each in results))
    measured = span(each["at"] for each in results)
    said = (
        f"{arrivals} migrations have ended, from {which}, on {versions}, measured {measured}."
        f" Seeds that broke something when they were first played: {len(broken)}.\n"
    )
    parts = [
        head("tests/run/soak", "soak"),
        title("Migrations in random order, with faults", "="),
        _HOW.strip() + "\n",
        said,
    ]
    counts = [[name.replace("_", " "), str(count)] for name, count in faults.most_common()]
    parts.append(rows(["Fault, while memory was sent", "How often"], counts))
    if broken:
        parts.append(
            rows(
                ["Seed", "What it broke"], [[str(each["seed"]), f"``{' '.join(each['problem'])}``"] for each in broken]
            )
        )
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)
