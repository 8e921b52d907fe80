# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ansible-playbook against the lab, the way a user runs them, with their results as data."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
COLLECTION = "virtops.live_migration"
CALLBACKS = Path(__file__).with_name("callbacks")
AGAIN = "And again"
# The programs of another ansible-core than that of the environment that runs the tests, when CORE_VENV names its own.
PROGRAMS = Path(os.environ.get("CORE_VENV") or Path(sys.executable).parents[1]) / "bin"

Result = dict[str, t.Any]
Task = dict[str, t.Any]


def task(module: str, /, *, check: bool = False, timeout_s: int = 0, **arguments: t.Any) -> Task:
    """One call of a module; `timeout_s` lets Ansible stop it when it hangs."""
    words: Task = {f"{COLLECTION}.{module}": arguments, "check_mode": check, "diff": True, "ignore_errors": True}
    return {**words, "timeout": timeout_s} if timeout_s else words


def assert_done(result: Result, changed: bool, **expected: t.Any) -> None:
    """A success that reports this and, among other things, what is expected."""
    assert not result["failed"], result["msg"]
    assert result["changed"] is changed, result
    assert {key: result[key] for key in expected} == expected


def assert_refused(result: Result, reason: str) -> None:
    """A failure with this reason, which says what it leaves behind and what to do next."""
    assert result["failed"], result
    assert result.get("reason") == reason, result["msg"]
    assert result["state"], result
    assert result["remedy"], result


class _Unsafe(yaml.SafeDumper):
    """Each text with the tag by which Ansible does not take it for a template."""


_Unsafe.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text))


def unsafe(directory: Path, answers: t.Mapping[str, t.Any]) -> Path:
    """A file of variables as AWX writes it: names and texts all have that tag, so that ansible-core retypes them."""
    path = directory / "answers.yml"
    path.write_text(yaml.dump(dict(answers), Dumper=_Unsafe), encoding="utf-8")
    return path


def changed_again(run: Run) -> list[str]:
    """What a role that was run twice has changed the second time."""
    names = [record["task"] for record in run.tasks]
    assert AGAIN in names, run.output
    begin = len(names) - names[::-1].index(AGAIN)
    return [record["task"] for record in run.tasks[begin:] if record["result"].get("changed")]


@dataclass
class Run:
    """What came of one ansible-playbook."""

    code: int
    output: str
    records: list[Result] = field(default_factory=list)

    @property
    def stats(self) -> Result:
        """What the play handed on by set_stats."""
        return next((record["custom"].get("_run", {}) for record in self.records if record["status"] == "stats"), {})

    @property
    def tasks(self) -> list[Result]:
        return [record for record in self.records if record["status"] != "stats"]

    @property
    def changed(self) -> list[str]:
        return [record["task"] for record in self.tasks if record["result"].get("changed")]

    @property
    def results(self) -> list[Result]:
        return [{**record["result"], "failed": record["status"] in ("failed", "unreachable")} for record in self.tasks]

    @property
    def failure(self) -> str:
        """The message of the task that ended the play."""
        failed = [record for record in self.tasks if record["status"] == "failed" and not record["ignored"]]
        return str(failed[-1]["result"]["msg"]) if failed else ""


@dataclass
class Running:
    """An ansible-playbook that runs."""

    process: subprocess.Popen[bytes]
    log: Path
    records: Path

    def said(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL, with the processes that it has forked."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self, timeout_s: float = 600) -> Run:
        try:
            code = self.process.wait(timeout_s)
        except BaseException as exc:
            self.kill()
            if not isinstance(exc, subprocess.TimeoutExpired):
                raise
            raise AssertionError(f"no end within {timeout_s:g} s. It said:\n{self.said()}") from None
        lines = self.records.read_text(encoding="utf-8").splitlines() if self.records.exists() else []
        return Run(code, self.said(), [json.loads(line) for line in lines])


class Ansible:
    """Ansible with an inventory of the lab and with the collection of this checkout."""

    def __init__(self, directory: Path, inventory: str) -> None:
        self.directory = directory
        self.inventory = directory / "inventory.yml"
        self.inventory.write_text(inventory, encoding="utf-8")
        (directory / "ansible.cfg").write_text("[connection]\npipelining = True\n", encoding="utf-8")
        self.collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")
        if not self.collections:
            link = directory / "ansible_collections" / "virtops" / "live_migration"
            link.parent.mkdir(parents=True)
            link.symlink_to(ROOT)
            self.collections = str(directory)
        # Of the files of a play. Threads of one test start plays at the same moment, and `next` is one step for them.
        self._numbers = itertools.count(1)
        # What the hosts' processes find in their environment, in a play of `role`.
        self.environment: dict[str, str] = {}

    def _environment(self, results: Path) -> dict[str, str]:
        return {
            **os.environ,
            # From ansible-core 2.21 on, results do not tell the arguments by default.
            "ANSIBLE_INJECT_INVOCATION": "true",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "virtops_results",
            "ANSIBLE_COLLECTIONS_PATH": self.collections,
            "ANSIBLE_HOME": str(self.directory / "home"),
            # Settings of whoever runs the tests stay out.
            "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "VIRTOPS_RESULTS": str(results),
        }

    def begin_playbook(self, playbook: str, *options: str, **variables: t.Any) -> Running:
        """Start a playbook: a file, or one of the collection by its full name."""
        number = next(self._numbers)
        results = self.directory / f"results-{number}.jsonl"
        log = self.directory / f"output-{number}.log"
        # That program, whatever PATH says.
        command = [str(PROGRAMS / "ansible-playbook"), "-i", str(self.inventory), playbook, *options]
        if variables:
            command += ["-e", json.dumps(variables)]
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command,
                env=self._environment(results),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                start_new_session=True,
            )
        return Running(process, log, results)

    def role(
        self, name: str, hosts: str, entry_point: str = "main", *options: str, twice: bool = False, **variables: t.Any
    ) -> Run:
        """Run a role of the collection, from one of its entry points; for `changed_again` twice."""
        include = {"name": f"{COLLECTION}.{name}", "tasks_from": entry_point}
        tasks: list[Task] = [{"name": name, "ansible.builtin.include_role": include}]
        if twice:
            tasks += [{"name": AGAIN, "ansible.builtin.debug": {}}, *tasks]
        path = self.directory / f"role-{next(self._numbers)}-{name}.yml"
        play = {"hosts": hosts, "gather_facts": False, "environment": self.environment, "tasks": tasks}
        path.write_text(json.dumps([play]), encoding="utf-8")
        return self.playbook(str(path), *options, **variables)

    def version(self) -> str:
        """Of ansible-core."""
        command = [str(PROGRAMS / "python"), "-c", "import ansible.release; print(ansible.release.__version__)"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def playbook(self, playbook: str, *options: str, timeout_s: float = 600, **variables: t.Any) -> Run:
        """Run a playbook to its end."""
        return self.begin_playbook(playbook, *options, **variables).wait(timeout_s)

    def begin(self, host: str, *tasks: Task, variables: t.Optional[t.Mapping[str, t.Any]] = None) -> Running:
        """Start modules one after the other over SSH."""
        play = [{"hosts": host, "gather_facts": False, "vars": dict(variables or {}), "tasks": list(tasks)}]
        path = self.directory / f"play-{next(self._numbers)}.yml"
        path.write_text(json.dumps(play), encoding="utf-8")
        return self.begin_playbook(str(path))

    def run(self, host: str, *tasks: Task, variables: t.Optional[t.Mapping[str, t.Any]] = None) -> list[Result]:
        """Run modules one after the other over SSH; a result of each, whether it failed or not."""
        done = self.begin(host, *tasks, variables=variables).wait()
        results = done.results
        assert len(results) == len(tasks), done.output
        return results

    def module(
        self, host: str, module: str, /, *, check: bool = False, timeout_s: int = 0, **arguments: t.Any
    ) -> Result:
        return self.run(host, task(module, check=check, timeout_s=timeout_s, **arguments))[0]
