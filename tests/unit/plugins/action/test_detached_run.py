# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import time
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.virtops.live_migration.plugins.plugin_utils import _detached_run


class Host:
    """What the follower asks of a host: a file that grows by a part with each reading, and the state of the job."""

    def __init__(
        self, *parts: t.Union[str, Exception], result: t.Optional[dict[str, t.Any]], alive: bool = True
    ) -> None:
        self.parts, self.result, self.alive = list(parts), result, alive
        self.text, self.modes, self.reconnects = "", [], 0

    def read_from(self, path: str, offset: int) -> str:
        assert path == "/tmp/x/progress"
        part = self.parts.pop(0) if self.parts else ""
        if not isinstance(part, str):
            raise AnsibleConnectionFailure(str(part))
        self.text += part
        return self.text[offset:]

    def lives(self, pid: int) -> bool:
        assert pid == 7
        return self.alive

    def wrapper_lives(self, job_id: str) -> bool:
        assert job_id == "j1"
        return self.alive

    def job(self, job_id: str, variables: dict[str, t.Any]) -> dict[str, t.Any]:
        assert job_id == "j1"
        self.modes.append("status")
        return {"finished": 0} if self.result is None or self.parts else {"finished": 1, **self.result}

    def forget(self, *, written: bool) -> None:
        self.modes.append("cleanup" if written else "cleanup when written")

    def reconnect(self) -> None:
        self.reconnects += 1


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is printed; and a clock that only sleeping moves."""
    lines: list[str] = []
    now = [0.0]
    monkeypatch.setattr(_detached_run._display, "display", lines.append)
    monkeypatch.setattr(_detached_run.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_detached_run.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return lines


def entry(**values: t.Any) -> str:
    return json.dumps(values) + "\n"


def follow(host: Host, **options: t.Any) -> dict[str, t.Any]:
    action, variables = t.cast("t.Any", host), {"inventory_hostname": "kvm01"}
    return _detached_run._Follower(action, "j1", "/tmp/x/progress", variables, **options).follow()


def test_lines_are_printed_as_they_come_and_the_result_is_the_modules(shown: list[str]) -> None:
    told = entry(name="erp01", line="pass 2")
    host = Host(
        entry(pid=7) + told[:9],
        told[9:] + entry(name="erp01", line="completed"),
        entry(end=True),
        result={"changed": True, "outcome": "completed", "ansible_job_id": "j1", "started": 1, "stdout": ""},
    )
    assert follow(host) == {"changed": True, "outcome": "completed"}
    assert shown == ["[kvm01] erp01: pass 2", "[kvm01] erp01: completed"]
    assert host.modes == ["status", "cleanup"]


def test_a_result_that_it_tells_is_not_fetched(shown: list[str]) -> None:
    """And the file of the job is removed; what is not the whole entry, or no result, is none."""
    told = {"changed": True, "outcome": "moved", "warnings": ["erp01 is small"], "invocation": {"module_args": {}}}
    other = entry(name="erp01", line="pass 2", result={"changed": False}) + entry(result="none")
    line = entry(result=told)
    host = Host(entry(pid=7) + other + line[:20], line[20:], entry(end=True), result={"changed": False})
    assert follow(host) == told
    assert host.modes == ["cleanup when written"]
    assert shown == ["[kvm01] erp01: pass 2"]


def test_of_a_file_of_the_user_only_what_this_run_adds_counts(shown: list[str]) -> None:
    """It may hold a whole run of yesterday, and others may write to it: the result is fetched."""
    before = entry(pid=8) + entry(name="erp01", line="moved") + entry(result={"outcome": "moved"}) + entry(end=True)
    told = entry(pid=7) + entry(name="erp01", line="no way") + entry(result={"outcome": "moved"}) + entry(end=True)
    host = Host("", told, result={"failed": True, "reason": "NO_WAY", "msg": "It stays."})
    host.text = before
    assert follow(host, begin=len(before), takes_result=False)["reason"] == "NO_WAY"
    assert shown == ["[kvm01] erp01: no way"]


def test_nothing_of_a_result_is_obeyed(shown: list[str]) -> None:
    evil = {
        "add_host": {"host_name": "kvm02", "host_vars": {"ansible_connection": "local"}},
        "add_group": "all",
        "ansible_facts": {"ansible_python_interpreter": "/tmp/x"},
        "ansible_stats": {"data": {}},
        "_ansible_no_log": False,
        "discovered_interpreter_python": "/tmp/x",
    }
    host = Host(entry(pid=7), entry(result={**evil, "name": "{{ x }}"}), entry(end=True), result=None)
    assert follow(host) == {"name": "{{ x }}"}


@pytest.mark.parametrize(
    "odd", ['["result"]', '{"result": ["moved"]}', '{"result": {"a": ' + "[" * 3000 + "]" * 3000 + "}}"]
)
def test_what_is_no_result_is_fetched(shown: list[str], odd: str) -> None:
    host = Host(entry(pid=7) + odd + "\n", entry(end=True), result={"outcome": "moved"})
    assert follow(host) == {"outcome": "moved"}


def test_the_python_that_was_found_is_for_the_tasks_to_come() -> None:
    facts = {"discovered_interpreter_python": "/usr/bin/python3.11"}
    started = {"started": 1, "ansible_facts": facts, "warnings": ["python3.11 was found", "both"]}
    found = _detached_run.with_what_was_discovered(started, {"changed": True, "warnings": ["both", "erp01 is small"]})
    assert found == {
        "changed": True,
        "ansible_facts": facts,
        "warnings": ["python3.11 was found", "both", "erp01 is small"],
    }


def test_a_result_without_an_end_is_waited_with(shown: list[str]) -> None:
    """It may have been killed between the two, or while it wrote more."""
    told = follow(Host(entry(pid=7) + entry(result={"changed": True}), result=None, alive=False))
    assert told["reason"] == "MODULE_DIED"


LOADS_THE_PLUGIN = """
import sys, time
from ansible_collections.virtops.live_migration.plugins.plugin_utils import _detached_run
print("a line of progress")
time.sleep(60)
"""


def test_a_line_is_not_kept_back_where_the_output_is_no_terminal() -> None:
    """As the process that began the play does: it loads the plugin, and prints what its worker tells it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", LOADS_THE_PLUGIN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as running:
        try:
            assert running.stdout is not None
            assert select.select([running.stdout], [], [], 30)[0], "nothing came within 30 s"
            assert running.stdout.readline() == "a line of progress\n"
        finally:
            running.kill()


def test_a_name_fakes_no_other_line(shown: list[str]) -> None:
    """Nor does what is not an entry end the task."""
    evil = entry(name="evil\r[kvm01] payroll", line="pass 1\x9b1G\n[kvm01] payroll: completed\u202e")
    odd = '[]\n3\nnull\n"x"\n{"pid": "1; reboot"}\n' + "[" * 5000 + "\n"
    host = Host(entry(pid=7) + odd + evil, entry(end=True), result={"changed": False})
    assert follow(host) == {"changed": False}
    assert shown == ["[kvm01] evil\\r[kvm01] payroll: pass 1\\x9b1G\\n[kvm01] payroll: completed\\u202e"]


def test_a_module_that_writes_no_progress_is_waited_for(shown: list[str]) -> None:
    host = Host("", "", result={"changed": False})
    assert follow(host) == {"changed": False}


def test_the_modules_own_failure_is_kept(shown: list[str]) -> None:
    host = Host(entry(pid=7), entry(end=True), result={"failed": True, "reason": "LEFT", "msg": "It was left."})
    assert follow(host) == {"failed": True, "reason": "LEFT", "msg": "It was left."}


@pytest.mark.parametrize("result", [None, {"failed": True, "msg": "MODULE FAILURE", "stderr": "Killed"}])
def test_a_killed_module_is_told_of(shown: list[str], result: t.Optional[dict[str, t.Any]]) -> None:
    told = follow(Host(entry(pid=7), result=result, alive=False))
    assert told["failed"]
    assert told["reason"] == "MODULE_DIED"
    assert "Run this again" in told["msg"]


def test_a_module_that_was_killed_before_it_wrote_anything_is_told_of(shown: list[str]) -> None:
    assert follow(Host(result=None, alive=False))["reason"] == "MODULE_DIED"


WRONG = (
    "Unsupported parameters for (migration) module: policy_overrides.max_downtime. Supported parameters include: ..."
)


def test_a_wrong_option_is_named(shown: list[str]) -> None:
    """Ansible checks options while the module is made, before it tells anything of its progress."""
    assert follow(Host(result={"failed": True, "msg": WRONG, "invocation": {}}))["msg"] == WRONG
    assert _detached_run.time.monotonic() == 2, "and at once, as it tells nothing"


@pytest.mark.parametrize(("first", "asked"), [(entry(pid=7), 2), ("", 4)])
def test_one_that_tells_its_pid_is_asked_for_rarely(shown: list[str], first: str, asked: int) -> None:
    """In 28 s: after 15 s and at its end; a silent one after 2, 6, 14 and 29."""
    host = Host(first, *[""] * 26, entry(end=True) if first else "", result={"changed": False})
    assert follow(host) == {"changed": False}
    assert host.modes == ["status"] * asked + ["cleanup"]


def test_a_module_without_a_result_was_killed_before_it_wrote_anything(shown: list[str]) -> None:
    """As async_wrapper tells it."""
    wrapped = {"failed": True, "cmd": "AnsiballZ_migration.py", "data": "", "stderr": "Killed", "msg": "Traceback"}
    told = follow(Host(result=wrapped))
    assert (told["reason"], told["exception"]) == ("MODULE_DIED", "Killed")


def test_a_module_that_ended_before_it_wrote_anything_has_not_been_killed(shown: list[str]) -> None:
    class Late(Host):
        def wrapper_lives(self, job_id: str) -> bool:
            self.result = {"changed": False}
            return False

    assert follow(Late(result=None)) == {"changed": False}


def test_a_module_that_ended_and_left_no_result_is_not_waited_for(shown: list[str]) -> None:
    """Whoever signals all processes of the module hits the one that would have kept its result."""
    told = follow(Host(entry(pid=7), entry(end=True), result=None, alive=False))
    assert told["reason"] == "MODULE_DIED"


def test_a_module_that_ends_while_it_is_asked_for_has_not_been_killed(shown: list[str]) -> None:
    class Ends(Host):
        def lives(self, pid: int) -> bool:
            self.parts, self.result = [entry(name="erp01", line="completed") + entry(end=True)], {"changed": True}
            return False

    assert follow(Ends(entry(pid=7), result=None)) == {"changed": True}
    assert shown == ["[kvm01] erp01: completed"]


def test_a_lost_connection_comes_back(shown: list[str]) -> None:
    lost = AnsibleConnectionFailure("no route to host")
    host = Host(
        entry(pid=7), lost, lost, entry(name="erp01", line="pass 3") + entry(end=True), result={"changed": True}
    )
    assert follow(host) == {"changed": True}
    assert host.reconnects == 2
    assert shown == ["[kvm01] erp01: pass 3"]


def test_a_connection_that_stays_lost_says_what_goes_on(shown: list[str]) -> None:
    with pytest.raises(AnsibleConnectionFailure, match="goes on to supervise it"):
        follow(Host(*[AnsibleConnectionFailure("no route to host")] * 100, result=None))


@pytest.mark.parametrize(
    "line",
    ["[]", "7", "null", '"x"', "[" * 100_000, '{"pid": "7; touch /tmp/x"}', '{"pid": true}', '{"pid": [7]}', '{"pid"'],
)
def test_a_file_with_something_else_in_it(shown: list[str], line: str) -> None:
    """The path of the progress may be the user's, and others may write there; the pid goes into a command."""
    host = Host(entry(pid=7) + line + "\n", entry(end=True), result={"changed": True})
    assert follow(host) == {"changed": True}


def test_lines_cannot_command_a_terminal(shown: list[str]) -> None:
    told = entry(name="erp01\r\u009b2K\u202e", line="pass 2\x1b[1A")
    assert follow(Host(entry(pid=7) + told, entry(end=True), result={})) == {}
    (line,) = shown
    assert line.isprintable()


# --- what is left on a host, and what takes it away

SHELL = SimpleNamespace(quote=shlex.quote)
OLD_S, YOUNG_S = 2 * 3600.0, 600.0


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """As remote_tmp, in a place that a shell must be careful with."""
    made = tmp_path / "o'the [tmp] *"
    made.mkdir()
    return made


def left(parent: Path, name: str, age_s: float, *files: str) -> Path:
    directory = parent / name
    directory.mkdir()
    for file in files or ("async_wrapper.py", "AnsiballZ_migration.py", "progress"):
        (directory / file).touch()
    os.utime(directory, (time.time() - age_s,) * 2)
    return directory


def remove_old(parent: Path) -> list[str]:
    """Run the command as the host's shell does; what is left."""

    def execute(command: str, sudoable: bool) -> None:
        assert not sudoable
        subprocess.run(["/bin/sh", "-c", command], check=True, timeout=60)

    action = SimpleNamespace(
        _connection=SimpleNamespace(_shell=SHELL),
        _task=SimpleNamespace(action="virtops.live_migration.migration"),
        _low_level_execute_command=execute,
    )
    own = f"{parent}/ansible-tmp-9-9-9/"
    _detached_run.LiveAction._remove_old(t.cast(_detached_run.LiveAction, action), own)
    return sorted(path.name for path in parent.iterdir())


def test_what_a_killed_controller_has_left_is_removed(parent: Path) -> None:
    left(parent, "ansible-tmp-1-1-1", OLD_S)
    assert remove_old(parent) == []
    assert remove_old(parent) == []


def test_what_is_not_ours_or_not_old_stays(parent: Path, tmp_path: Path) -> None:
    left(parent, "ansible-tmp-1-1-1", YOUNG_S)
    left(parent, "ansible-tmp-1-1-2", OLD_S, "async_wrapper.py", "AnsiballZ_copy.py")
    left(parent, "ansible-tmp-1-1-3", OLD_S, "AnsiballZ_migration.py")
    left(parent, "other", OLD_S)
    elsewhere = left(tmp_path, "ansible-tmp-elsewhere", OLD_S)
    (parent / "ansible-tmp-1-1-4").symlink_to(elsewhere)
    assert len(remove_old(parent)) == 5
    assert len(list(elsewhere.iterdir())) == 3


def test_links_within_are_not_followed(parent: Path, tmp_path: Path) -> None:
    elsewhere = left(tmp_path, "elsewhere", OLD_S)
    old = left(parent, "ansible-tmp-1-1-1", OLD_S)
    (old / "link").symlink_to(elsewhere)
    os.utime(old, (time.time() - OLD_S,) * 2)
    assert remove_old(parent) == []
    assert len(list(elsewhere.iterdir())) == 3


def test_one_that_still_runs_stays(parent: Path) -> None:
    running = left(parent, "ansible-tmp-1-1-1", OLD_S)
    with subprocess.Popen(["/bin/sh", "-c", "read line; :", f"{running}/AnsiballZ_migration.py"], stdin=-1) as process:
        assert remove_old(parent) == ["ansible-tmp-1-1-1"]
        process.communicate()
    assert remove_old(parent) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to somebody else")
def test_what_belongs_to_somebody_else_stays(parent: Path) -> None:
    os.chown(left(parent, "ansible-tmp-1-1-1", OLD_S), 65534, 65534)
    assert remove_old(parent) == ["ansible-tmp-1-1-1"]


def on_a_terminal(results_file: str = "") -> SimpleNamespace:
    """The action with a connection that runs commands here, and mixes what they say of errors with what they yield."""

    def execute(command: str) -> dict[str, t.Any]:
        done = subprocess.run(
            ["sh", "-c", command], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return {"rc": done.returncode, "stdout": done.stdout.replace("\n", "\r\n")}

    return SimpleNamespace(
        _connection=SimpleNamespace(_shell=SHELL), _low_level_execute_command=execute, _results_file=results_file
    )


def test_a_file_that_is_not_there_yet_says_nothing(tmp_path: Path) -> None:
    """What a shell says of it would count as text that has been read, and the module's own pid be passed over."""
    file, action = tmp_path / "it's", t.cast(_detached_run.LiveAction, on_a_terminal())
    assert _detached_run.LiveAction.read_from(action, str(file), 0) == ""
    file.write_text(entry(pid=7) + entry(end=True), encoding="utf-8")
    assert _detached_run.LiveAction.read_from(action, str(file), 0) == entry(pid=7) + entry(end=True)
    assert _detached_run.LiveAction.read_from(action, str(file), len(entry(pid=7))) == entry(end=True)


def test_where_the_part_of_a_run_begins(tmp_path: Path) -> None:
    file, action = tmp_path / "it's", t.cast(_detached_run.LiveAction, on_a_terminal())
    assert _detached_run.LiveAction.size_of(action, str(file)) == 0
    file.write_text(entry(pid=8) + entry(end=True), encoding="utf-8")
    assert _detached_run.LiveAction.size_of(action, str(file)) == file.stat().st_size


def test_the_end_of_a_module_is_not_waited_for_longer_than_it_takes(tmp_path: Path) -> None:
    """And a guest whose name looks like it does not end anything."""
    file, action = tmp_path / "progress", t.cast(_detached_run.LiveAction, on_a_terminal())
    wait = _detached_run._WAIT_FOR_THE_END.format(file=SHELL.quote(str(file)))
    counted = ["sh", "-c", f"{wait}; echo $n"]

    def rounds() -> int:
        return int(subprocess.run(counted, check=True, capture_output=True, text=True).stdout)

    file.write_text(entry(pid=7) + entry(name='{"end": true}', line="x"), encoding="utf-8")
    assert rounds() == 5
    file.write_text(entry(pid=7) + entry(end=True), encoding="utf-8")
    assert rounds() == 0
    assert _detached_run.LiveAction.read_from(action, str(file), 0) == entry(pid=7) + entry(end=True)


def test_the_file_of_a_result_is_removed_and_no_other(tmp_path: Path) -> None:
    file, other = tmp_path / "j1'; touch x", tmp_path / "j2"
    for each in (file, other):
        each.write_text("{}", encoding="utf-8")
    _detached_run.LiveAction.forget(t.cast(_detached_run.LiveAction, on_a_terminal(str(file))), written=True)
    assert list(tmp_path.iterdir()) == [other]


@pytest.mark.parametrize("later", ["a result", "nothing"])
def test_the_file_of_a_result_that_is_still_to_come_is_removed_after_it(tmp_path: Path, later: str) -> None:
    """The wrapper writes a new one in its place when the module has ended; it may have been killed, too."""
    file, new = tmp_path / "j1.2", tmp_path / "new"
    file.write_text('{"started": 1, "finished": 0, "ansible_job_id": "j1.2"}')
    new.write_text('{"changed": false}')
    removing = subprocess.Popen(["sh", "-c", _detached_run._FORGET.format(file=SHELL.quote(str(file)), tenths=20)])
    if later == "a result":
        new.rename(file)
    assert removing.wait(60) == 0
    assert not file.exists()
