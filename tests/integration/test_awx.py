# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them: ansible-runner's transmit, worker and process, with the playbooks of the patterns."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench.runs import PROGRAMS, ROOT, Ansible
from bench.subject import LINK_MBIT, Subject, wait_for

SECRET = "s3same-open"
RUNNER = str(Path(sys.executable).with_name("ansible-runner"))
LIMIT_S = 240
# A transfer that lasts as long as it takes to cancel a job and to launch another one.
SLOW_MBIT = 4


@dataclass
class Job:
    """What the controller has of a job in the end."""

    status: str
    events: list[dict[str, t.Any]]
    artifacts: Path

    def said(self) -> str:
        return "\n".join(event["stdout"] for event in self.events)

    @property
    def handed_on(self) -> dict[str, t.Any]:
        """The artifacts of the job in AWX's sense."""
        return next((event["event_data"]["artifact_data"] for event in self.events if _has_artifacts(event)), {})

    def facts(self, name: str) -> t.Any:
        results = [event["event_data"].get("res", {}) for event in self.events if event["event"] == "runner_on_ok"]
        return next(one["ansible_facts"][name] for one in reversed(results) if name in one.get("ansible_facts", {}))


def _has_artifacts(event: dict[str, t.Any]) -> bool:
    return event["event"] == "playbook_on_stats" and "artifact_data" in event["event_data"]


class Controller:
    """Makes jobs of a project, sends them to a worker, and takes their events."""

    def __init__(self, directory: Path, ansible: Ansible) -> None:
        self._directory, self._ansible, self._count = directory, ansible, 0
        # The worker has the programs of the environment, and not those that PATH finds first.
        self._environment = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}

    def begin(self, pattern: str, playbook: str, **answers: t.Any) -> Launched:
        self._count += 1
        ident, path = f"job{self._count}", f"extensions/patterns/{pattern}/playbooks/{playbook}"
        private = self._directory / ident
        # The project is the collection; its modules and roles come from where an execution environment has them.
        for part in ("playbooks", f"extensions/patterns/{pattern}"):
            shutil.copytree(ROOT / part, private / "project" / part)
        (private / "inventory").mkdir()
        shutil.copy(self._ansible.inventory, private / "inventory" / "hosts.yml")
        (private / "env").mkdir()
        (private / "env" / "extravars").write_text(json.dumps(answers), encoding="utf-8")
        variables = {
            "ANSIBLE_COLLECTIONS_PATH": self._ansible.collections,
            "ANSIBLE_HOME": str(self._directory / "home"),
        }
        (private / "env" / "envvars").write_text(json.dumps(variables), encoding="utf-8")
        stream = self._directory / f"{ident}.sent"
        with stream.open("wb") as sent:
            self._runner("transmit", str(private), "-p", path, "-i", ident, stdout=sent)
        received = self._directory / f"{ident}.received"
        with stream.open("rb") as source, received.open("wb") as sink:
            command = [RUNNER, "worker", "--private-data-dir", str(self._directory / f"{ident}-worker")]
            worker = subprocess.Popen(
                command, stdin=source, stdout=sink, env=self._environment, cwd=self._directory, start_new_session=True
            )
        return Launched(self, ident, worker, received)

    def process(self, ident: str, received: Path) -> Job:
        out = self._directory / f"{ident}-out"
        with received.open("rb") as source:
            self._runner("process", str(out), "-i", ident, stdin=source, stdout=subprocess.DEVNULL)
        artifacts = out / "artifacts" / ident
        files = (artifacts / "job_events").glob("*.json")
        events = [json.loads(path.read_text(encoding="utf-8")) for path in files if "-partial" not in path.name]
        return Job((artifacts / "status").read_text(), sorted(events, key=lambda event: event["counter"]), artifacts)

    def _runner(self, *words: str, **more: t.Any) -> None:
        # A job that failed is no failure of what brings it home.
        subprocess.run(
            [RUNNER, *words], env=self._environment, cwd=self._directory, timeout=LIMIT_S, check=False, **more
        )


@dataclass
class Launched:
    controller: Controller
    ident: str
    worker: subprocess.Popen[bytes]
    received: Path

    def streamed(self) -> str:
        """What the worker has sent home so far."""
        return self.received.read_text(encoding="utf-8", errors="replace")

    def cancel(self) -> None:
        """As AWX cancels: the worker is told to end, and ends what it has started."""
        self.worker.send_signal(signal.SIGTERM)

    def wait(self) -> Job:
        try:
            self.worker.wait(LIMIT_S)
        finally:
            if self.worker.poll() is None:
                os.killpg(self.worker.pid, signal.SIGKILL)
                self.worker.wait()
        return self.controller.process(self.ident, self.received)


@pytest.fixture
def controller(ansible: Ansible, tmp_path: Path) -> Controller:
    return Controller(tmp_path, ansible)


def created(event: dict[str, t.Any]) -> datetime.datetime:
    return datetime.datetime.fromisoformat(event["created"])


def no_secret_in(job: Job) -> None:
    assert job.events
    for path in job.artifacts.rglob("*"):
        if path.is_file():
            assert SECRET not in path.read_text(encoding="utf-8", errors="replace"), path.name


def test_cancelled_in_the_middle_and_launched_again(controller: Controller, crm01: Subject) -> None:
    answers = {
        "live_migration_guests": "crm01\n",
        "live_migration_destination_uri": f"qemu+tcp://{crm01.destination}/system?password={SECRET}",
        "live_migration_uri_allow": ["password"],
        "live_migration_policy": "minimal_downtime",
        "live_migration_max_downtime_ms": 1000,
        "live_migration_timeout_s": "",
        # So that it is measured for a few seconds only; what slows it down is a link that is slower than that.
        "live_migration_link_mib_per_s": 45.6,
    }
    crm01.lab.link_set(crm01.source, mbit=SLOW_MBIT)
    launched = controller.begin("migrate_guest", "migrate.yml", **answers)
    wait_for(crm01.job, "its migration", LIMIT_S)
    launched.cancel()
    cancelled = launched.wait()
    assert cancelled.status == "canceled", cancelled.said()
    no_secret_in(cancelled)
    # What was begun goes on, and the guest is on one host.
    assert crm01.job()
    assert crm01.state().startswith("running")
    assert crm01.state(crm01.destination).startswith("paused")

    again = controller.begin("migrate_guest", "migrate.yml", **answers)
    progress = f"[{crm01.source}] crm01: "
    wait_for(lambda: progress in again.streamed(), "progress in the worker's stream", LIMIT_S)
    crm01.lab.link_set(crm01.source, mbit=LINK_MBIT)
    finished = again.wait()
    assert finished.status == "successful", finished.said()
    no_secret_in(finished)
    crm01.has_moved()
    (row,) = finished.handed_on["live_migration_migrate"]
    assert (row["guest"], row["outcome"], row["runs_on"]) == ("crm01", "adopted", crm01.source)
    assert finished.handed_on["live_migration_migrate"] == finished.facts("live_migration_migrate")
    told = [event for event in finished.events if progress in event["stdout"]]
    (ended,) = [
        event
        for event in finished.events
        if event["event"] == "runner_on_ok" and event["event_data"].get("res", {}).get("outcome") == "adopted"
    ]
    assert told, finished.said()
    assert created(told[0]) < created(ended), "told while it ran, and not at its end"
    assert told[0]["counter"] < ended["counter"]


@pytest.mark.fast
def test_a_wrong_answer_ends_the_job_before_anything_is_done(controller: Controller, crm01: Subject) -> None:
    answers = {
        "live_migration_guests": "crm01",
        "live_migration_destination_uri": f"qemu+tcp://{crm01.destination}/system?password={SECRET}",
        "live_migration_uri_allow": ["password"],
        "live_migration_max_pause_s": "for ever",
    }
    job = controller.begin("migrate_guest", "migrate.yml", **answers).wait()
    assert job.status == "failed", job.said()
    assert "live_migration_max_pause_s" in job.said()
    assert not any(
        event["event"] == "runner_on_ok" and event["event_data"]["res"].get("changed") for event in job.events
    )
    no_secret_in(job)
    assert crm01.state().startswith("running")


@pytest.mark.wide
def test_a_host_is_emptied_and_filled_through_jobs(controller: Controller, crm01: Subject, erp01: Subject) -> None:
    """The whole of evacuate and return_home, each cancelled once."""
    home = crm01.source
    if erp01.source != home:
        erp01.load(0)
        erp01.arrives(erp01.migrate())
        erp01.load(erp01.options.pages_per_s)
    common = {
        "live_migration_hosts": home,
        "live_migration_destination_uri": f"qemu+tcp://{{host}}/system?password={SECRET}",
        "live_migration_uri_allow": ["password"],
        "live_migration_link_mib_per_s": 45.6,
        "live_migration_postcopy": "if_needed",
    }
    for pattern, playbook in (("evacuate_host", "evacuate.yml"), ("return_home", "return_home.yml")):
        sources = [crm01.source, erp01.source]
        launched = controller.begin(pattern, playbook, **common)
        wait_for(lambda: crm01.job() or erp01.job(), "a transfer", LIMIT_S)
        launched.cancel()
        cancelled = launched.wait()
        assert cancelled.status == "canceled", cancelled.said()
        job = controller.begin(pattern, playbook, **common).wait()
        assert job.status == "successful", job.said()
        for one in (cancelled, job):
            no_secret_in(one)
        for guest, source in zip((crm01, erp01), sources):
            assert guest.source == source
            guest.has_moved()
        (rows,) = job.handed_on[f"live_migration_{playbook[:-4]}"].values()
        assert {row["name"] for row in rows} <= {"crm01", "erp01"}
    assert crm01.source == erp01.source == home


def test_the_execution_environment_can_be_built(tmp_path: Path) -> None:
    builder = str(Path(sys.executable).with_name("ansible-builder"))
    definition = ROOT / "extensions" / "execution_environment" / "execution-environment.yml"
    command = [builder, "create", "-f", str(definition), "-c", str(tmp_path / "context")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "virtops.live_migration" in (tmp_path / "context" / "_build" / "requirements.yml").read_text()
    # What the collection says that it needs is found by the builder.
    collections = tmp_path / "collections" / "ansible_collections" / "virtops"
    collections.mkdir(parents=True)
    (collections / "live_migration").symlink_to(ROOT)
    command = [builder, "introspect", str(tmp_path / "collections"), "--write-pip", str(tmp_path / "pip")]
    command += ["--write-bindep", str(tmp_path / "bindep")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "libvirt-python" in (tmp_path / "pip").read_text()
    assert "libvirt-dev" in (tmp_path / "bindep").read_text()
