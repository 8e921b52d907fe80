# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls and writes that a module makes, counted on a host, and harm done before or after one of them."""

from __future__ import annotations

import typing as t
from collections import Counter
from pathlib import Path

from bench.runs import Result, Running, Task
from bench.subject import wait_for
from results import Seen
from scene import END_S, Scene, told

from ansible_collections.virtops.live_migration.tests.faults.page import EACH_CALL

DIRECTORY = "/root/crash"
LOG = f"{DIRECTORY}/log"
DONE, GO = f"{LOG}.done", f"{LOG}.go"
SIDES = ("before", "after")
NOT_REACHED = "not reached"  # in this run
# Of the migrations that are disturbed.
POLICY = {"postcopy": "if_needed", "max_data_factor": 50}
# Its memory is being sent, and nobody looks after it; it has arrived, and nobody knows.
FEW = ("after virDomainGetJobStats 6", "after virDomainMigrateToURI3 1")


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
    scene.lab.execute(host, "rm", "-f", LOG, DONE, GO)


def log_of(scene: Scene, host: str) -> str:
    return scene.lab.execute(host, "cat", LOG).stdout


class Subject(t.NamedTuple):
    """What is disturbed on the source of the scene's guest. ``module``: that runs there; ``again``: after the harm the
    order is carried out to its end, by running it again; what came of that. ``ended_well``: the same of a run that
    nothing kept from its end."""

    scene: Scene
    module: str
    order: Task
    again: t.Callable[[], str]
    ended_well: t.Callable[[Result], str]

    def begin(self, at: str, how: str) -> Running:
        forget(self.scene, self.scene.guest.source)
        return self.scene.ansible.begin(self.scene.guest.source, counted(self.order, at, how))

    def harmed(self) -> bool:
        """Whether the harm has been done."""
        lab, source = self.scene.lab, self.scene.guest.source
        return lab.execute(source, "test", "-e", DONE, check=False).returncode == 0

    def runs(self) -> bool:
        return self.scene.lab.script_runs(self.scene.guest.source, f"AnsiballZ_{self.module}.py")


def killed(subject: Subject, at: str) -> str:
    """The call may not be made in this run: then the first one ends as it should."""
    (result,) = subject.begin(at, "killed").wait(END_S).results
    if not subject.harmed():
        return not_reached(subject, at, result)
    assert result["failed"] and result["reason"] == "MODULE_DIED", f"{at}: {told(result)}"
    return subject.again()


def connection_cut(subject: Subject, at: str) -> str:
    """The module may connect anew, or say what it does not know any more; it is never one of its own errors."""
    (result,) = subject.begin(at, "cut").wait(END_S).results
    if not subject.harmed():
        return not_reached(subject, at, result)
    if not result["failed"]:
        return subject.ended_well(result)
    for one in [result, *(row for row in result.get("guests") or [] if row.get("reason"))]:
        assert one["reason"] not in ("INTERNAL", "MODULE_DIED"), f"{at}: {result['msg']}"
    assert result["remedy"], at
    wait_for(lambda: not subject.runs(), "the end of the module", END_S)
    return f"{result['reason']}, then {subject.again()}"


def controller_killed(subject: Subject, at: str) -> str:
    """The module goes on alone; whoever runs it again finds the guest there, or what is left to do."""
    lab, source = subject.scene.lab, subject.scene.guest.source
    running = subject.begin(at, "held")
    wait_for(lambda: subject.harmed() or running.process.poll() is not None, "the call, or the end", END_S)
    if not subject.harmed():
        (result,) = running.wait(END_S).results
        return not_reached(subject, at, result)
    running.kill()
    assert subject.runs(), at
    lab.execute(source, "touch", GO)
    wait_for(lambda: not subject.runs(), "the end of the module", END_S)
    return subject.again()


def not_reached(subject: Subject, at: str, result: Result) -> str:
    assert not result["failed"], f"{at}: {result['msg']}"
    subject.ended_well(result)
    return NOT_REACHED


HARM: dict[str, t.Callable[[Subject, str], str]] = {
    "killed": killed,
    "connection cut": connection_cut,
    "controller killed": controller_killed,
}


def migration_of(scene: Scene) -> Subject:
    """A migration of the guest to the other host."""

    def arrived() -> None:
        wait_for(lambda: scene.states()[1].startswith("running (migrated)"), "its arrival")
        scene.guest.has_moved()
        scene.guest.verify()

    def again() -> str:
        """The guest gets where it was to go, whole."""
        result = scene.run_again()
        arrived()
        return str(result["outcome"])

    def ended_well(result: Result) -> str:
        arrived()
        return str(result["outcome"])

    return Subject(scene, "migration", scene.migration(policy_overrides=POLICY), again, ended_well)


def calls_of_migration(scene: Scene) -> list[str]:
    """Of a migration that ends well."""
    source = scene.guest.source
    subject = migration_of(scene)
    (result,) = subject.begin("", "").wait(END_S).results
    assert not result["failed"], result["msg"]
    subject.ended_well(result)
    return chosen_calls(log_of(scene, source))


def both_sides(calls: t.Iterable[str]) -> list[str]:
    return [f"{side} {call}" for call in calls for side in SIDES]


def at_each(points: t.Iterable[str], outcome_at: t.Callable[[str], str]) -> Counter[str]:
    """How often each outcome came of the harm at these points, such as `before virDomainMigrateToURI3 1`."""
    outcomes: Counter[str] = Counter()
    for point in points:
        outcome = outcome_at(point)
        print(f"{point}: {outcome}", flush=True)
        outcomes[outcome] += 1
    return outcomes


def tell(seen: Seen, by: str, calls: t.Sequence[str], outcomes: t.Mapping[str, int], kind: str = "killed") -> None:
    """For the page; `by`: the module; `kind`: what was done at each of the calls."""
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    seen(kind, EACH_CALL, by, f"{len(calls)} calls, {len(SIDES) * len(calls)} times: {told}")
