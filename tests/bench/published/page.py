# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison as text, and as the page of the documentation."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.tests.gauntlet.table import head, number, title
from ansible_collections.virtops.live_migration.tests.gauntlet.table import rows as table

from .explained import EXPLAINED, FIGURES_FROM, TOO_LITTLE_SAID
from .replay import Summary
from .rows import MOST_ERROR, Compared, median_error, wrong


def plain(compared: t.Sequence[Compared], traces: t.Sequence[Summary]) -> str:
    lines = []
    for one in compared:
        said = " " if one.enough_is_said else "~"
        lines.append(
            f"{'!' if one.wrong_class else said} {one.name:30} {one.told_class:26} {one.row.get('outcome', '')[:34]:34}"
            f" {_both(one, 'total_s', '{:.1f}'):>22} {_both(one, 'data_mib', '{:.0f}'):>24}"
            f" {_both(one, 'downtime_ms', '{:.0f}'):>18} {one.why_not}"
        )
    lines.append(_verdict(compared))
    lines += [
        f"{one.config}, {one.allowed_ms} ms allowed: {one.ended} of {one.runs} end, at {_s(one.end_s)}, possible at"
        f" {_s(one.possible_s)}, at most {_s(one.later_s)} later, {number(one.needed_ms, '{:.0f} ms')} needed;"
        f" recorded {_s(one.recorded_s)}"
        for one in traces
    ]
    return "\n".join(lines)


def _verdict(compared: t.Sequence[Compared]) -> str:
    counted = [one for one in compared if one.enough_is_said and one.error("total_s") is not None]
    median, bad = median_error(compared), wrong(compared)
    stated = sum("not known" not in (one.told_class, one.published_class) for one in compared)
    others = [one for one in compared if one.name not in FIGURES_FROM]
    return (
        f"Median error of the time: {number(median, '{:.1%}')} over {len(counted)} migrations (at most"
        f" {MOST_ERROR:.0%}), {number(median_error(others), '{:.1%}')} without those that a figure of the model is"
        f" from; of the data {number(median_error(compared, 'data_mib'), '{:.1%}')}. Wrong class: "
        + (f"{', '.join(bad)}." if bad else f"none of {stated}.")
    )


def _both(one: Compared, column: str, pattern: str) -> str:
    was, told, error = one.published(column), one.told(column), one.error(column)
    if was is None and told is None:
        return "-"
    shown = "" if error is None else f" {error:+.0%}"
    return f"{number(told, pattern)} / {number(was, pattern)}{shown}"


def _s(value: t.Optional[float]) -> str:
    return number(value, "{:.1f} s")


# --- the page

_HOW = """
A forecast is worth as much as it meets what really happens. Here it is held against migrations that others have
measured and published: papers, mailing lists, bug reports, a repository of raw series. Each row was forecast from the
facts in its source alone, by the filter :ansplugin:`virtops.live_migration.expected_course#filter`, which says how a
migration goes that nobody supervises: by QEMU's own rules, with the downtime limit that it was started with.

- The error is that of the forecast, of what was published. A row counts in the median if the memory that had to be
  sent and the bandwidth are published; the others are below.
- The class is whether it finishes, and how. *Not known* means that the source does not say how much the guest writes.
- The downtime is QEMU's own account. It has in it what is left, at the speed of the link, since QEMU lifts its limit
  for the last bytes.
- The figures of the model are physical ones, each with its source, in ``_core/forecast/transfer_costs.py`` and
  ``unattended.py`` beside it. Three are from migrations of this table: the cost of placing a page of zeros in post-copy
  (LW-Postcopy_4T and 16T), what a virtual function adds to the downtime (VFIO-mlx), and how a guest comes back to the
  same pages (the passes of LW-Precopy_Nonconvergent_16T, which has no time to be met). The first ones are met by
  themselves, so the median is told without them as well.

To repeat it, with files of these columns:

.. code-block:: console

    $ tests/bench/forecasts published_migrations.csv --boundaries kvm_postgresql_boundaries.csv
"""

_MODEL = (
    (
        "Pages of zeros",
        (
            "9 bytes each on the wire, and 14.4 GiB/s to look at them; nothing beside a stream that waits for its "
            "own limit; 6.6 GiB/s to place them in post-copy"
        ),
    ),
    (
        "One connection",
        "20 Gbit/s at most, so many times that with several",
    ),
    (
        "Compression",
        (
            "what zstd and zlib make of the Silesia corpus at their lowest level, 2.9 and 2.7 times less, at 510 "
            "and 95 MB/s for each connection"
        ),
    ),
    (
        "Devices of the host",
        "53 ms of downtime for each virtual function",
    ),
    (
        "The guest comes back to the same pages",
        "in t seconds it dirties t to the power of 0.85 times what it does in one",
    ),
    (
        "A round of sending",
        (
            "QEMU asks every 50 ms whether the rest fits, or 100 ms at a limit of its own: so less is left than "
            "the downtime limit allows"
        ),
    ),
    (
        "Not to be got down",
        "from 0.9 times the bandwidth on, as QEMU counts a page once in a pass",
    ),
)


def text(compared: t.Sequence[Compared], traces: t.Sequence[Summary]) -> str:
    parts = [head("tests/bench/forecasts", "forecasts"), title("Forecasts against the world", "=")]
    parts += [_HOW.strip() + "\n", title("What came of it", "-"), _verdict(compared) + "\n"]
    counted = [one for one in compared if one.enough_is_said]
    parts += [title("Where enough is said", "-"), _table(counted)]
    parts += [title("Where too little is said", "-"), TOO_LITTLE_SAID.strip() + "\n"]
    parts += [_table([one for one in compared if not one.enough_is_said])]
    parts += [title("Where it is off, or does not finish", "-"), _explanations(compared)]
    parts += [title("What the model has in it", "-"), table(["What", "How much"], [list(row) for row in _MODEL])]
    parts += [title("Recorded passes, shown to the engine", "-"), _REPLAY.strip() + "\n", _traces(traces)]
    parts += [title("Sources", "-"), _sources(compared)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _table(compared: t.Sequence[Compared]) -> str:
    lines = []
    for one in compared:
        error = one.error("total_s")
        lines.append(
            [
                one.name,
                one.row.get("mode", ""),
                one.row.get("outcome", ""),
                f"**{one.told_class}**" if one.wrong_class else one.told_class,
                f"{one.row.get('total_s') or '-'} s",
                _s(one.told("total_s")),
                "-" if error is None else f"{error:+.1%}",
                _both(one, "data_mib", "{:.0f}"),
                _both(one, "downtime_ms", "{:.0f}"),
            ]
        )
    names = ["Migration", "Way", "Outcome", "Forecast", "Time", "Forecast", "Error"]
    return table([*names, "MiB: forecast / published", "Downtime in ms: the same"], lines)


def _explanations(compared: t.Sequence[Compared]) -> str:
    found = []
    for one in compared:
        error = one.error("total_s")
        off = error is not None and abs(error) > MOST_ERROR
        if off or one.told_class in ("does not finish", "not known") or one.name in EXPLAINED:
            found.append([one.name, EXPLAINED.get(one.name, "Not explained.")])
    return table(["Migration", "Why"], found, [20, 80])


_REPLAY = """
Each bitmap sync of 16 migrations of an 8 GiB guest under PostgreSQL, over 129 MiB/s with QEMU's own limit of 300 ms,
was shown to the engine as if it supervised them, with so much downtime allowed, and neither post-copy nor a throttle.
The passes are those of the record, so what the engine's higher limit would have left out is not in it. *Possible* is
the first bitmap sync at which the downtime that is allowed would have done, with 60 ms of it for the switch.

- The guest with 16 threads does not end by itself. With 500 ms or more it ends within a few passes of the first chance.
- The guest with 4 threads gets less with each pass, so the engine lets it, and nearly always QEMU has ended it by its
  own limit before the engine does anything.
- *For the rest* is reckoned at the rate of the passes, as QEMU does it. The last bytes are not kept to QEMU's limit, so
  these guests stood still for 14 and 26 ms in truth.
"""


def _traces(traces: t.Sequence[Summary]) -> str:
    lines = [
        [
            one.config,
            f"{one.allowed_ms} ms",
            f"{one.ended} of {one.runs}",
            _s(one.end_s),
            _s(one.possible_s),
            _s(one.later_s),
            number(one.needed_ms, "{:.0f} ms"),
            _s(one.recorded_s),
        ]
        for one in traces
    ]
    names = ["Guest", "Allowed", "End", "At", "Possible at", "Latest after that", "For the rest", "Recorded"]
    return table(names, lines)


def _sources(compared: t.Sequence[Compared]) -> str:
    found: dict[str, list[Compared]] = {}
    for one in compared:
        found.setdefault(one.row.get("source", ""), []).append(one)
    lines = []
    for source, of in found.items():
        url = of[0].row.get("url", "")
        public = url.startswith(("http://", "https://", "Message-ID", "DPDK "))
        lines.append([", ".join(one.name for one in of), source.split(" (via ")[0], url if public else "-"])
    return table(["Migrations", "Source", "Where"], lines)
