# SPDX-License-Identifier: GPL-3.0-or-later
"""The module is killed before and after each call that it makes, and run again: the end is the same.

The calls are counted in a run that nothing disturbs. Of each call the first, the second and the last time are taken:
what is in between only asks again and again while memory is sent.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from pathlib import Path

import pytest
from bench.runs import Result, Task
from bench.subject import wait_for
from scene import END_S, Scene, told

DIRECTORY = "/root/crash"
LOG = f"{DIRECTORY}/log"
POLICY = {"postcopy": "if_needed", "max_data_factor": 50}
# The calls of which `make test` tries both sides.
FEW = ("virDomainMigrateToURI3 1", "virDomainUndefineFlags 1")


class Points(t.NamedTuple):
    """Calls by name and number, in the order in which they were first made."""

    calls: tuple[str, ...]

    @classmethod
    def of(cls, log: str) -> Points:
        """From a log of all calls: the first, the second and the last of each name."""
        lines = log.splitlines()
        last = Counter(line.split(" ")[0] for line in lines)
        chosen = [line for line in lines if int(line.split(" ")[1]) in (1, 2, last[line.split(" ")[0]])]
        return cls(tuple(dict.fromkeys(chosen)))


@pytest.fixture
def counting(scene: Scene) -> t.Iterator[Scene]:
    """Both hosts have the counter; the guest is quiet, so that each run takes seconds."""
    text = Path(__file__).with_name("counted_calls.py").read_text(encoding="utf-8")
    for host in scene.hosts:
        scene.lab.execute(host, "mkdir", "-p", DIRECTORY)
        scene.lab.execute(host, "tee", f"{DIRECTORY}/sitecustomize.py", input_text=text)
    scene.guest.load(0)
    yield scene
    for host in scene.hosts:
        scene.lab.execute(host, "rm", "-rf", DIRECTORY)


def order(scene: Scene, at: str = "") -> Task:
    wanted = scene.migration(policy_overrides=POLICY)
    return {**wanted, "environment": {"PYTHONPATH": DIRECTORY, "CRASH_LOG": LOG, "CRASH_AT": at}}


def counted(scene: Scene) -> Points:
    """The calls of one migration that ends well."""
    scene.lab.execute(scene.guest.source, "rm", "-f", LOG)
    (result,) = scene.ansible.run(scene.guest.source, order(scene))
    assert not result["failed"], result["msg"]
    log = scene.lab.execute(scene.guest.source, "cat", LOG).stdout
    scene.guest.has_moved()
    return Points.of(log)


def killed_and_run_again(scene: Scene, at: str) -> str:
    """Outcome of the second run. The call may not be made in this run: then the first one ends as it should."""
    (result,) = scene.ansible.begin(scene.guest.source, order(scene, at)).wait(END_S).results
    if not result["failed"]:
        scene.guest.has_moved()
        return "not reached"
    assert result["reason"] == "MODULE_DIED", f"{at}: {told(result)}"
    again: Result = scene.run_again()
    wait_for(lambda: scene.states()[1].startswith("running (migrated)"), "its arrival")
    scene.guest.has_moved()
    scene.guest.verify()
    return str(again["outcome"])


def every_side(scene: Scene, calls: t.Iterable[str]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for call in calls:
        for side in ("before", "after"):
            outcome = killed_and_run_again(scene, f"{side} {call}")
            print(f"{side} {call}: {outcome}")
            outcomes[outcome] += 1
    return outcomes


@pytest.mark.timeout(3 * 3600)  # some hundred runs of the module
def test_each_call_of_a_migration(counting: Scene) -> None:
    points = counted(counting)
    assert len(points.calls) > 20, points
    outcomes = every_side(counting, points.calls)
    print(f"{2 * len(points.calls)} points: {dict(outcomes)}")
    assert outcomes["not reached"] < len(points.calls) / 2, outcomes


@pytest.mark.fast
def test_the_calls_that_change_most(counting: Scene) -> None:
    outcomes = every_side(counting, FEW)
    assert sum(outcomes.values()) - outcomes["not reached"] >= 2, outcomes
