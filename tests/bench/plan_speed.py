# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a plan takes and how good it is, against the number of guests; every plan is held against its checker.

Each row is a process of its own, so that its memory is its own. It has one thread: "cpu" is what it takes on a machine
with nothing else to do, and is held against the limit; "plan" is what it took beside all else. "bytes": the largest of
what each link has to carry in this plan over its rate. "bound": the larger of what any source has to send over its link
and of what all have to send over the links of all destinations together, which no placement can beat.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import Fleet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.links import Network
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    EvacuationPlan,
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan_document import (
    plan_document,
)
from ansible_collections.virtops.live_migration.tests.bench.fleets import fleet
from ansible_collections.virtops.live_migration.tests.unit.plugins import plan_checker

SIZES = (500, 1000, 2000, 5000)
SEED = 1
MAX_TIME_S, MAX_MIB, MAX_OVER_BYTES = 10.0, 1024, 1.10
HEADER = f"{'guests':>6} {'hosts':>5} {'room':>6} {'plan':>7} {'cpu':>7} {'memory':>9} {'moved':>6} {'no place':>8}"
HEADER += f" {'busy':>5} {'ETA':>8} {'ETA/bytes':>9} {'ETA/bound':>9}"


def bytes_s(plan: EvacuationPlan) -> float:
    size: dict[int, int] = {}
    for transfer in plan.schedule.transfers:
        for index in transfer.path:
            size[index] = size.get(index, 0) + transfer.estimate.sent_bytes
    rates = [link.bytes_per_s for link in Network(plan.fleet).links]
    return max(carried / rates[index] for index, carried in size.items())


def bound_s(given: Fleet, plan: EvacuationPlan) -> float:
    rates = {host.name: host for host in given.hosts}
    out: dict[str, int] = {}
    for transfer in plan.schedule.transfers:
        out[transfer.guest.host] = out.get(transfer.guest.host, 0) + transfer.estimate.sent_bytes
    takes = sum(host.in_bytes_per_s for host in given.destinations)
    return max([sum(out.values()) / takes, *(size / rates[name].out_bytes_per_s for name, size in out.items())])


def measure(guests: int, headroom: float, seed: int) -> dict[str, t.Any]:
    given = fleet(guests, seed, headroom=headroom)
    start, start_cpu = time.perf_counter(), time.process_time()
    plan = plan_evacuation(given)
    document = plan_document(plan)
    time_s, cpu_s = time.perf_counter() - start, time.process_time() - start_cpu
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "guests": guests,
        "hosts": len(given.hosts),
        "headroom": headroom,
        "time_s": time_s,
        "cpu_s": cpu_s,
        "peak_mib": peak_mib,
        "moved": len(document["guests"]),
        "unplaceable": len(document["unplaceable"]),
        "busy": sum(transfer.estimate.busy for transfer in plan.schedule.transfers),
        "eta_s": plan.schedule.end_s,
        "over_bytes": plan.schedule.end_s / bytes_s(plan),
        "over_bound": plan.schedule.end_s / bound_s(given, plan),
        "problems": plan_checker.problems(given, plan, idle=False)[:5],
    }


def row(one: t.Mapping[str, t.Any]) -> str:
    return (
        f"{one['guests']:6} {one['hosts']:5} {one['headroom']:+6.0%} {one['time_s']:5.2f} s {one['cpu_s']:5.2f} s"
        f" {one['peak_mib']:5.0f} MiB {one['moved']:6} {one['unplaceable']:8} {one['busy']:5} {one['eta_s']:6.0f} s"
        f" {one['over_bytes']:9.3f} {one['over_bound']:9.3f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES), help="numbers of guests")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--one", type=float, metavar="HEADROOM", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(measure(arguments.sizes[0], arguments.one, arguments.seed)))
        return 0
    print(HEADER)
    failed = False
    for guests in arguments.sizes:
        # Once with room for all, once with so little that some find none and room has to be made for others.
        for headroom in (0.4, -0.05):
            command = [sys.executable, "-m", __spec__.name, str(guests), "--one", str(headroom)]
            done = subprocess.run([*command, "--seed", str(arguments.seed)], stdout=subprocess.PIPE, check=True)
            one = json.loads(done.stdout)
            print(row(one), flush=True)
            within = one["cpu_s"] < MAX_TIME_S and one["peak_mib"] < MAX_MIB and one["over_bytes"] < MAX_OVER_BYTES
            for problem in one["problems"]:
                print("  " + problem)
            failed = failed or not within or bool(one["problems"])
    limits = f"{MAX_TIME_S:.0f} s, {MAX_MIB} MiB, {MAX_OVER_BYTES} times the least time by bytes"
    print(f"{'Beyond' if failed else 'All within'} the limits: {limits}.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
