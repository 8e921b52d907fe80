# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls and writes that a module makes, counted on a host, and harm done before or after one of them."""

from __future__ import annotations

import typing as t
from collections import Counter
from pathlib import Path

from bench.runs import Running, Task
from bench.subject import wait_for
from results import Seen
from scene import Scene

from ansible_collections.virtops.live_migration.tests.faults.page import EACH_CALL

DIRECTORY = "/root/crash"
LOG = f"{DIRECTORY}/log"
HELD, GO = f"{LOG}.held", f"{LOG}.go"
SIDES = ("before", "after")
# Of the migrations that are disturbed.
POLICY = {"postcopy": "if_needed", "max_data_factor": 50}
# The calls of a migration that change most, of which `make test` tries both sides.
FEW = ("virDomainMigrateToURI3 1", "virDomainUndefineFlags 1")


def chosen_calls(log: str) -> list[str]:
    """From a log of all calls, as `NAME NUMBER`: the first, the second and the last of each name, in order.

    What is in between only asks again and again while memory is sent.
    """
    lines = log.splitlines()
    last = Counter(line.split(" ")[0] for line in lines)
    chosen = [line for line in lines if int(line.split(" ")[1]) in (1, 2, last[line.split(" ")[0]])]
    return list(dict.fromkeys(chosen))


def with_counter(scene: Scene) -> t.Iterator[Scene]:
    """Both hosts have the counter; the guest is quiet, so that each run takes seconds."""
    text = Path(__file__).with_name("counted_calls.py").read_text(encoding="utf-8")
    for host in scene.hosts:
        scene.lab.execute(host, "mkdir", "-p", DIRECTORY)
        scene.lab.execute(host, "tee", f"{DIRECTORY}/sitecustomize.py", input_text=text)
    scene.guest.load(0)
    yield scene
    for host in scene.hosts:
        scene.lab.execute(host, "rm", "-rf", DIRECTORY)


def counted(order: Task, at: str = "", how: str = "killed") -> Task:
    """The same order with its calls in the log; `at`: such as `before virDomainMigrateToURI3 1`; `how`: what happens
    there, one of `counted_calls.py`."""
    return {**order, "environment": {"PYTHONPATH": DIRECTORY, "CRASH_LOG": LOG, "CRASH_AT": at, "CRASH_HOW": how}}


def forget(scene: Scene, host: str) -> None:
    scene.lab.execute(host, "rm", "-f", LOG, HELD, GO)


def log_of(scene: Scene, host: str) -> str:
    return scene.lab.execute(host, "cat", LOG).stdout


def disturbed(scene: Scene, at: str, how: str) -> Running:
    """A migration that begins, with harm at one of its calls."""
    return scene.ansible.begin(scene.guest.source, counted(scene.migration(policy_overrides=POLICY), at, how))


def run_again(scene: Scene) -> str:
    """After the harm: the guest gets where it was to go, whole. What came of the second run."""
    again = scene.run_again()
    wait_for(lambda: scene.states()[1].startswith("running (migrated)"), "its arrival")
    scene.guest.has_moved()
    scene.guest.verify()
    return str(again["outcome"])


def calls_of_migration(scene: Scene) -> list[str]:
    """Of a migration that ends well."""
    source = scene.guest.source
    forget(scene, source)
    (result,) = scene.ansible.run(source, counted(scene.migration(policy_overrides=POLICY)))
    assert not result["failed"], result["msg"]
    scene.guest.has_moved()
    return chosen_calls(log_of(scene, source))


def every_side(calls: t.Iterable[str], outcome_at: t.Callable[[str], str]) -> Counter[str]:
    """How often each outcome came of the harm before and after each of these calls."""
    outcomes: Counter[str] = Counter()
    for call in calls:
        for side in SIDES:
            outcome = outcome_at(f"{side} {call}")
            print(f"{side} {call}: {outcome}", flush=True)
            outcomes[outcome] += 1
    return outcomes


def tell(seen: Seen, by: str, calls: t.Sequence[str], outcomes: t.Mapping[str, int], kind: str = "killed") -> None:
    """For the page; `by`: the module; `kind`: what was done at each of the calls."""
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    seen(kind, EACH_CALL, by, f"{len(calls)} calls, {len(SIDES) * len(calls)} times: {told}")
