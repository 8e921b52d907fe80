# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a host document, readiness and jobs take, each against another way, as ratios of one interleaved run.

On a host of the lab with 50 guests, by Ansible over SSH with pipelining, task by task; each round has one of each. The
first round warms up and does not count. Readiness is a run of the module as a process of its own, with the documents of
ten destinations and 200 guests, which are also parsed from their definitions. A document's load is sampled for a second
by default, which no speed makes shorter: what is held against a limit is the time beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("bench", "integration", "lab")]

import readiness
from virtlab.lab import Lab

HOST, ONE = "kvm01", "guest00"
GUESTS, DESTINATIONS, DEFINITIONS = 50, 10, 200
MODULE = "ansible_collections.virtops.live_migration.plugins.modules.migration_readiness_info"
GUEST = """<domain type='qemu'><name>guest{number:02d}</name><memory unit='MiB'>16</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><controller type='usb' model='none'/></devices></domain>
"""
LOOP = "for name in $(virsh list --name); do virsh domjobinfo $name; done"

SAMPLED_S = 1.0
# What is measured, what it is held against, the largest ratio of the two, and the seconds of it that do not count.
PAIRS = (
    ("host document", "setup", 1.5, 0.0),
    (f"host document, load sampled for {SAMPLED_S:g} s", "setup", 1.5, SAMPLED_S),
    (f"jobs of {GUESTS} guests", f"virsh domjobinfo, {GUESTS} times", 1.0, 0.0),
    ("job of one guest", "community.libvirt.virt info, one guest", 1.0, 0.0),
)
MOST_READINESS_S = 5.0


def tasks() -> list[dict[str, t.Any]]:
    ours = "virtops.live_migration"
    return [
        {"name": "setup", "ansible.builtin.setup": {"gather_subset": ["!facter", "!ohai"]}},
        {"name": PAIRS[0][0], f"{ours}.migration_host_info": {"load_window_s": 0}},
        {"name": PAIRS[1][0], f"{ours}.migration_host_info": {"load_window_s": SAMPLED_S}},
        {"name": PAIRS[2][1], "ansible.builtin.shell": LOOP},
        {"name": PAIRS[2][0], f"{ours}.migration_job_info": {}},
        {"name": PAIRS[3][1], "community.libvirt.virt": {"command": "info", "name": ONE}},
        {"name": PAIRS[3][0], f"{ours}.migration_job_info": {"name": ONE}},
    ]


def by_ansible(rounds: int) -> dict[str, list[float]]:
    """The seconds of each task, round by round."""
    from bench.runs import Ansible  # the one of the integration tests

    # What the peer's module imports; ours have what the host has.
    libraries = {"PYTHONPATH": os.environ["BENCH_LIBRARIES"]}
    play = {"hosts": HOST, "gather_facts": False, "environment": libraries, "tasks": tasks() * (rounds + 1)}
    with Lab(f"bench-{os.getpid()}") as lab, tempfile.TemporaryDirectory() as directory:
        lab.up(host_count=1)
        for number in range(GUESTS):
            lab.execute(HOST, "virsh", "create", "/dev/stdin", "--paused", input_text=GUEST.format(number=number))
        path = Path(directory) / "play.yml"
        path.write_text(json.dumps([play]), encoding="utf-8")
        run = Ansible(Path(directory), lab.inventory()).playbook(str(path), timeout_s=3600)
    if run.code:
        raise SystemExit(run.output)
    found: dict[str, list[float]] = {}
    for record in run.tasks:
        found.setdefault(record["task"], []).append(record["seconds"])
    return {name: seconds[1:] for name, seconds in found.items()}


def of_readiness(rounds: int) -> tuple[list[float], list[float]]:
    """Seconds that the definitions take to be parsed, and that the module takes."""
    parsing, running = [], []
    parser, codec = readiness.core("host.parse.domain_xml"), readiness.core("dataclass_json")
    definitions = [readiness.definition(index) for index in range(DEFINITIONS)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        for _round in range(rounds):
            began_s = time.monotonic()
            guests = [{**codec.to_plain(parser.parse_domain(one)), "state": "running"} for one in definitions]
            parsing.append(time.monotonic() - began_s)
            file.seek(0)
            file.truncate()
            arguments = {
                "uri": "test:///default",
                # As text, which is how the role readiness gives them.
                "source": json.dumps(readiness.host(0, guests)),
                "destinations": [json.dumps(readiness.host(number + 1, guests)) for number in range(DESTINATIONS)],
                "statuses": ["fail", "warn"],
            }
            json.dump({"ANSIBLE_MODULE_ARGS": arguments}, file)
            file.flush()
            began_s = time.monotonic()
            done = subprocess.run([sys.executable, "-m", MODULE, file.name], stdout=subprocess.PIPE, check=False)
            running.append(time.monotonic() - began_s)
            result = json.loads(done.stdout)
            if len(result.get("domains", [])) != DEFINITIONS * DESTINATIONS:
                raise SystemExit(str(result.get("msg", result))[:2000])
    return parsing, running


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    parsing, running = of_readiness(max(3, options.rounds // 3))
    beyond = min(map(sum, zip(parsing, running, strict=True))) > MOST_READINESS_S
    print(f"readiness, {DEFINITIONS} guests, {DESTINATIONS} destinations, {len(running)} runs:")
    print(f"  definitions parsed  {told(parsing)}")
    print(f"  module              {told(running)}   limit for both {MOST_READINESS_S:g} s")
    found = by_ansible(options.rounds)
    print(f"tasks of Ansible on a host with {GUESTS} guests, {options.rounds} rounds:")
    for name, seconds in found.items():
        print(f"  {name:<42} {told(seconds)}")
    print("ratios, the median of the rounds:")
    for ours, theirs, limit, spare_s in PAIRS:
        pairs = zip(found[ours], found[theirs], strict=True)
        ratio = statistics.median((mine - spare_s) / other for mine, other in pairs)
        beyond = beyond or ratio > limit
        beside = f", beside the {spare_s:g} s" if spare_s else ""
        print(f"  {ours} / {theirs}: {ratio:.2f}{beside}   limit {limit:g}")
    print("Beyond the limits." if beyond else "All within the limits.")
    return int(beyond)


def told(seconds: t.Sequence[float]) -> str:
    """The median, and from the least to the most."""
    return f"{statistics.median(seconds):6.2f} s  ({min(seconds):.2f} to {max(seconds):.2f})"


if __name__ == "__main__":
    sys.exit(main())
