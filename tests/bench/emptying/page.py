# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the documentation, from the results file alone."""

from __future__ import annotations

import statistics
import typing as t

from ansible_collections.virtops.live_migration.tests.gauntlet.table import head, title
from ansible_collections.virtops.live_migration.tests.gauntlet.table import rows as table

from .compared import GUESTS, LINK_MBIT, MAX_DOWNTIME_MS, NICE, OURS, PEERS, STRATEGIES
from .kept import Passenger, Results, Run

MOST_OVER_LIMIT, START_S = 1.4, 5.0
NO_DIFFERENCE = 0.02  # runs of the same strategy differ by as much
_MIB = 1 << 20

_HOW = f"""
One host with {len(GUESTS)} guests is emptied onto two others, by the module
:ansplugin:`virtops.live_migration.evacuation#module` and in the ways of other tools, on real QEMU. The other tools
themselves were not run.

- All have the same guests in the same order, which is by chance, and the same destinations. All may use post-copy for
  guests that pre-copy does not move: ours by ``postcopy: prefer``, the others by ``--postcopy
  --postcopy-after-precopy``, which is the same.
- The *time* is from the order until libvirt shows nothing running on the host. Of ours it is that of the whole play,
  Ansible, SSH, measuring and the verified end included; how much of it the module takes is listed beside it.
- Two processors carry all of the emulated guests, and the controller, which would be another machine. So whatever
  orders migrations has a nice value of {NICE}: Ansible, what it runs on hosts by SSH, and each virsh of the others.
- The *limit* is what the guests use over what the link of their host carries, both measured by moving all of them
  while they write nothing.
- A guest is *within its contract* when it is where it should be and stood still for no more than {MAX_DOWNTIME_MS} ms
  by libvirt's account at the end of its job, with a tenth of tolerance. The *gap* is the longest time between two of
  its heartbeats.
- After each run the memory of all guests was compared with what it must be, and each was seen to run on one host only.
- Strategies were interleaved; how often each ran is in the last table. A run is cut at six times the limit.
"""


class Figure(t.NamedTuple):
    what: str
    reached: t.Optional[bool]
    measured: str


def figures(results: Results) -> list[Figure]:
    ours, limit_s = _median(results.of(OURS)), results.least_s
    peers = {peer.name: _median(results.of(peer.name)) for peer in PEERS if _moves_all(results.of(peer.name))}
    known = {name: time_s for name, time_s in peers.items() if time_s is not None}
    best = min(known, key=lambda name: known[name], default=None)
    fastest, measured = None, "not measured"
    if ours is not None:
        fastest = _moves_all(results.of(OURS)) and all(ours <= time_s for time_s in known.values())
        other = f"; the best of the others, {best}, {known[best]:.1f} s" if best else "; no other one moves all so"
        if best and abs(ours / known[best] - 1) < NO_DIFFERENCE:
            other += ", which is no difference"
        module_s = statistics.median(run.module_s for run in results.of(OURS))
        measured = f"{ours:.1f} s, of which the module took {module_s:.1f} s, and Ansible and SSH the rest{other}"
    most_s = MOST_OVER_LIMIT * limit_s + START_S if limit_s else None
    harmed = [f"{name} ({run.strategy})" for run in results.runs for name in run.harmed]
    return [
        Figure("Ours is the fastest of those that move every guest within its contract", fastest, measured),
        Figure(
            f"Ours takes no more than {MOST_OVER_LIMIT} times the limit and {START_S:g} s",
            None if ours is None or most_s is None else ours <= most_s,
            "not measured" if ours is None or most_s is None else f"{ours:.1f} s; that would be {most_s:.1f} s",
        ),
        Figure(
            "No guest was lost or harmed",
            not harmed if results.runs else None,
            ", ".join(harmed) or f"none in {sum(len(run.passengers) for run in results.runs)} moves",
        ),
    ]


def text(results: Results) -> str:
    said = {True: "reached", False: "**not reached**", None: "not measured"}
    parts = [head("tests/bench/evacuation", "emptying"), title("Emptying a host: measured against other tools", "=")]
    parts += [title("How it was measured", "-"), _HOW.strip() + "\n", _where(results)]
    parts += ["To repeat it:\n\n.. code-block:: console\n\n    $ make bench-evacuation\n"]
    parts += [title("What was to be shown", "-")]
    parts += [
        table(["Figure", "", "Measured"], [[one.what, said[one.reached], one.measured] for one in figures(results)])
    ]
    parts += [title("By strategy", "-"), _strategies(results), title("The guests", "-"), _guests()]
    parts += [title("All runs", "-"), _runs(results)]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _median(runs: t.Sequence[Run]) -> t.Optional[float]:
    """None when one of them did not empty the host."""
    times = [run.empty_s for run in runs if run.empty_s is not None]
    return statistics.median(times) if times and len(times) == len(runs) else None


def _moves_all(runs: t.Sequence[Run]) -> bool:
    return bool(runs) and all(one.kept for run in runs for one in run.passengers)


def _strategies(results: Results) -> str:
    like = {peer.name: peer.like for peer in PEERS}
    lines = []
    for name in STRATEGIES:
        runs, limit_s = results.of(name), results.least_s
        passengers = [one for run in runs for one in run.passengers]
        time_s, idle = _median(runs), results.idle_bytes
        sent = statistics.median(run.sent_bytes for run in runs) if runs else None
        lines.append(
            [
                f"{name} ({like[name]})" if name in like else f"**{name}**",
                "-" if time_s is None else f"{time_s:.1f} s",
                "-" if time_s is None or not limit_s else f"{time_s / limit_s:.2f}",
                "-" if sent is None or not idle else f"{sent / idle:.2f}",
                f"{sum(one.kept for one in passengers)} of {len(passengers)}",
                _worst(passengers, lambda one: one.downtime_ms),
                _worst(passengers, lambda one: one.gap_ms),
            ]
        )
    head = ["Strategy", "Time", "/ limit", "Data / idle", "Within contract", "Longest downtime", "Longest gap"]
    return table(head, lines)


def _worst(passengers: t.Sequence[Passenger], of: t.Callable[[Passenger], t.Optional[float]]) -> str:
    found = [value for one in passengers if (value := of(one)) is not None]
    return f"{max(found):.0f} ms" if found else "-"


def _guests() -> str:
    kinds: dict[t.Any, list[str]] = {}
    for name, options in GUESTS.items():
        kinds.setdefault(options, []).append(name)
    lines = [
        [
            f"{len(names)}",
            names[0].rstrip("0123456789"),
            f"{one.ram_mib} MiB",
            f"{one.hot_mib} MiB",
            f"{one.pages_per_s}",
        ]
        for one, names in kinds.items()
    ]
    return table(["How many", "Kind", "Memory", "Rewrites", "pages/s"], lines)


def _runs(results: Results) -> str:
    lines = [
        [
            run.strategy,
            f"{run.repeat + 1}",
            "-" if run.empty_s is None else f"{run.empty_s:.1f} s",
            f"{run.module_s:.1f} s" if run.module_s else "-",
            f"{run.sent_bytes // _MIB} MiB",
            f"{sum(one.kept for one in run.passengers)} of {len(run.passengers)}",
            _worst(run.passengers, lambda one: one.downtime_ms),
            _worst(run.passengers, lambda one: one.gap_ms),
        ]
        for run in results.runs
    ]
    head = ["Strategy", "Run", "Time", "Module", "Data", "Within contract", "Longest downtime", "Longest gap"]
    return table(head, lines)


def _where(results: Results) -> str:
    if not results.machines or not results.calibrations:
        return ""
    last, known = results.machines[-1], results.calibrations[-1]
    return (
        f"Measured {str(last['at'])[:10]} on one machine with {last['processors']} processors and"
        f" {last['memory_mib']} MiB: three hosts in namespaces (``tests/lab``), libvirt {last['libvirt']}, QEMU"
        f" {last['qemu']} without KVM, links of {LINK_MBIT} Mbit/s, of which {known.wire_bytes_per_s / _MIB:.1f} MiB/s"
        f" were carried; {known.sent_bytes // _MIB} MiB in all, so that the limit is {known.least_s:.1f} s."
        f" Commits: {', '.join(dict.fromkeys(str(each['commit']) for each in results.machines))}.\n"
    )
