# SPDX-License-Identifier: GPL-3.0-or-later
"""What a long module tells while it runs: at a terminal, in ansible-runner's events, or not at all."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import ansible_runner
import pytest
from bench.runs import Ansible, assert_refused, task
from bench.subject import Subject, wait_for

MODULE = "virtops.live_migration.migration_rescue"


def play(guest: Subject, **options: t.Any) -> list[dict[str, t.Any]]:
    module = {"name": guest.name, **options.pop("module", {})}
    return [{"hosts": guest.source, "gather_facts": False, "tasks": [{"name": "Rescue", MODULE: module, **options}]}]


def test_live_in_the_events_of_ansible_runner(ansible: Ansible, crm01: Subject, tmp_path: Path) -> None:
    migration = crm01.migrate("--bandwidth", "1")
    progress = f"[{crm01.source}] crm01: "
    events: list[dict[str, t.Any]] = []

    def keep(event: dict[str, t.Any]) -> None:
        """It is slow until its progress has been told."""
        if progress in event["stdout"] and not any(progress in one["stdout"] for one in events):
            crm01.virsh("migrate-setspeed", "1000")
        events.append(event)

    run = ansible_runner.run(
        private_data_dir=str(tmp_path),
        playbook=play(crm01),
        inventory=str(ansible.inventory),
        envvars={"ANSIBLE_COLLECTIONS_PATH": ansible.collections, "ANSIBLE_HOME": str(tmp_path / "home")},
        event_handler=keep,
        quiet=True,
    )
    assert run.rc == 0, run.stdout.read()
    told = [number for number, event in enumerate(events) if progress in event["stdout"]]
    (ended,) = [number for number, event in enumerate(events) if event["event"] == "runner_on_ok"]
    assert told, [event["stdout"] for event in events]
    assert max(told) < ended
    crm01.arrives(migration)


@pytest.mark.parametrize(
    "options", [{"module": {"progress": False}}, {"async": 240, "poll": 1}], ids=["not wanted", "the play's own async"]
)
@pytest.mark.fast
def test_quiet(ansible: Ansible, crm01: Subject, tmp_path: Path, options: dict[str, t.Any]) -> None:
    migration = crm01.migrate("--bandwidth", "1")
    path = tmp_path / "play.yml"
    path.write_text(json.dumps(play(crm01, **options)), encoding="utf-8")
    before = crm01.clients()
    running = ansible.begin_playbook(str(path))
    crm01.has_client(running, before)
    crm01.virsh("migrate-setspeed", "12")
    run = running.wait()
    assert run.code == 0, run.output
    assert "crm01: " not in run.output
    (record,) = run.tasks
    assert record["result"]["outcome"] == "completed"
    crm01.arrives(migration)


def test_one_that_could_not_write_its_pid_is_known_to_be_killed(ansible: Ansible, crm01: Subject) -> None:
    migration = crm01.migrate("--bandwidth", "1")
    running = ansible.begin(crm01.source, task("migration_rescue", name=crm01.name, progress_file="/nowhere/progress"))
    lab, host, script = crm01.lab, crm01.source, "AnsiballZ_migration_rescue.py"

    def detached() -> bool:
        beginning = lab.execute(host, "pgrep", "-f", "sh -c.*async_wrapper", check=False).stdout
        return lab.script_runs(host, script) and not beginning

    wait_for(detached, "the module to be detached")
    # The one that would keep its result goes first.
    # On a busy machine the one that has started the two may still be about to end.
    assert lab.kill_script(host, "async_wrapper.py") >= 2
    assert lab.kill_script(host, script) == 1
    (result,) = running.wait().results
    assert_refused(result, "MODULE_DIED")
    crm01.virsh("migrate-setspeed", "1000")
    crm01.arrives(migration)


TMP = "/var/tmp/virtops-progress"


@pytest.mark.parametrize("pipelining", [True, False])
def test_nothing_of_it_stays_on_the_host(ansible: Ansible, crm01: Subject, tmp_path: Path, pipelining: bool) -> None:
    own = {"ansible_remote_tmp": TMP, "ansible_async_dir": TMP, "ansible_pipelining": pipelining}
    path = tmp_path / "play.yml"
    path.write_text(json.dumps(play(crm01)), encoding="utf-8")
    try:
        run = ansible.playbook(str(path), **own)
        assert run.code == 0, run.output
        left = crm01.lab.execute(crm01.source, "find", TMP, "-mindepth", "1")
        assert left.stdout == ""
    finally:
        crm01.lab.execute(crm01.source, "rm", "-rf", TMP)


def test_the_next_run_removes_what_a_killed_controller_has_left(
    ansible: Ansible, crm01: Subject, tmp_path: Path
) -> None:
    lab, host, script = crm01.lab, crm01.source, "AnsiballZ_migration_rescue.py"
    own = {"ansible_remote_tmp": TMP, "ansible_pipelining": False}
    path = tmp_path / "play.yml"
    path.write_text(json.dumps(play(crm01)), encoding="utf-8")

    def left() -> list[str]:
        return lab.execute(host, "find", TMP, "-mindepth", "1", "-maxdepth", "1").stdout.split()

    migration = crm01.migrate("--bandwidth", "1")
    try:
        running = ansible.begin_playbook(str(path), **own)
        wait_for(lambda: f"[{host}] crm01: " in running.said(), "its progress")
        running.kill()
        ours = [
            one for one in left() if lab.execute(host, "test", "-f", f"{one}/{script}", check=False).returncode == 0
        ]
        assert len(ours) == 1
        crm01.virsh("migrate-setspeed", "1000")
        crm01.arrives(migration)
        wait_for(lambda: not lab.script_runs(host, script), "the end of the module")
        lab.execute(host, "touch", "-d", "2 hours ago", *ours)
        ansible.playbook(str(path), **own)
        assert set(left()) & set(ours) == set()
    finally:
        lab.execute(host, "rm", "-rf", TMP)
