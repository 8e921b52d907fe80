# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module that takes long detached from the connection, and prints its progress while it runs.

Detached, it goes on supervising a migration when the connection or the controller goes away.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import typing as t

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._core.json_text import is_whole
from ..module_utils._core.supervision.progress import shown_line

try:
    from ansible.utils.unsafe_proxy import wrap_var
except ImportError:  # only versions before 2.19 need the mark

    def wrap_var(value: t.Any) -> t.Any:
        return value


_display = Display()

_POLL_S = 1.0
_STATUS_S = 15.0
_SILENT_STATUS_S = 2.0  # for one that has told nothing, not even its pid; each time twice as long
_LIMIT_S = 7 * 24 * 3600  # a module ends by its policy long before
_LOST_S = 60.0
_RESULT_S = 30.0
_MOST_READ_BYTES = 1024**2

# Directories of detached modules of ours whose controller was killed: of this user, no links, with the files that such
# a module has, an hour old, and in the arguments of no process (of its own grep neither). Where processes of others
# cannot be seen they have to be older than any module gets.
_REMOVE_OLD = r"""
minutes=60
[ -r /proc/1/cmdline ] || minutes=11520
for directory in {parent}/ansible-tmp-*; do
    [ -d "$directory" ] && [ ! -L "$directory" ] && [ -O "$directory" ] || continue
    [ -f "$directory/async_wrapper.py" ] && [ -f "$directory/AnsiballZ_{module}.py" ] || continue
    [ -n "$(find "$directory" -prune -mmin "+$minutes")" ] || continue
    name="${{directory##*/}}"
    begin="${{name%?}}"
    grep -qsa -e "/$begin[${{name#"$begin"}}]/" /proc/[0-9]*/cmdline || rm -rf -- "$directory"
done
""".strip()
# Until the last line of the file is that which a module ends with, and no longer than a second. Not every shell's sleep
# knows parts of one.
_WAIT_FOR_THE_END = (
    "n=0; while [ $n -lt 5 ] && ! tail -n 1 {file} 2>/dev/null | grep -qs '^{{\"end\": true}}'; do"
    " sleep 0.2 2>/dev/null || {{ sleep 1; n=4; }}; n=$((n+1)); done"
)
# Until the wrapper has put the module's result into its file, where its own state was, and no longer than that.
_FORGET = (
    "n=0; while [ $n -lt {tenths} ] && grep -qs '\"ansible_job_id\"' {file}; do"
    " sleep 0.1 2>/dev/null || {{ sleep 1; n=$((n+9)); }}; n=$((n+1)); done; rm -f -- {file}"
)
_WRITTEN_WITHIN_S = 20
_OF_THE_WRAPPER = ("ansible_job_id", "results_file", "started", "finished", "stdout", "stderr")

# Keys that Ansible obeys in what a plugin returns, and takes out of what a host says; and those that begin like this.
_OBEYED = ("add_host", "add_group", "ansible_facts", "ansible_stats")
_OBEYED_PREFIXES = ("_ansible_", "discovered_interpreter_")

Result = dict[str, t.Any]


def said_by_a_host(result: t.Mapping[str, t.Any]) -> Result:
    """As Ansible takes the result of a module: nothing in it is obeyed, and nothing in it is a template."""
    kept = {key: value for key, value in result.items() if key not in _OBEYED and not key.startswith(_OBEYED_PREFIXES)}
    return t.cast(Result, wrap_var(kept))


def with_what_was_discovered(started: Result, found: Result) -> Result:
    """The result, with the Python that Ansible has found on the host, which the tasks to come use, and what it says of
    that."""
    both = dict(found)
    if "ansible_facts" in started:
        both["ansible_facts"] = {**started["ansible_facts"], **found.get("ansible_facts", {})}
    for key in ("warnings", "deprecations"):
        said = [one for one in started.get(key) or [] if one not in found.get(key, [])]
        if said:
            both[key] = [*said, *found.get(key, [])]
    return both


def print_each_line_at_once() -> None:
    """Where the output is a file or a pipe, too: ansible-core 2.19 and later leave it to Python when that is written,
    which is when 8 KiB have come together.

    Only the process that began the play writes, and a worker can tell it nothing but what to print. But it loads the
    plugin of a task before it makes the worker (strategies ``linear`` and ``free``), so that this is called there.
    """
    with contextlib.suppress(AttributeError, ValueError, OSError):  # somebody has put something else in its place
        t.cast("t.Any", sys.stdout).reconfigure(line_buffering=True)


print_each_line_at_once()


class LiveAction(ActionBase):
    """For modules with the options ``progress`` and ``progress_file``; see ``_ansible/progress.py`` for the file."""

    _results_file: str  # of the job, as the wrapper tells it together with the job's name
    _supports_check_mode = True
    _supports_diff = True
    _supports_async = True

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[Result] = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        variables, options = task_vars or {}, dict(self._task.args)
        if self._task.async_val or self._task.check_mode or not self._wanted(options):
            done = self._execute_module(module_args=options, task_vars=variables, wrap_async=self._task.async_val)
            return {**result, **done}
        return {**result, **self._run_live(options, variables)}

    @staticmethod
    def _wanted(options: Result) -> bool:
        # Whatever the module would not take as false is for the module to judge.
        return str(options.get("progress", True)).lower() not in ("false", "no", "0", "off", "n", "f")

    def _run_live(self, options: Result, variables: Result) -> Result:
        own_directory = self._make_tmp_path()
        self._cleanup_remote_tmp = False  # of the wrapper: the progress is still to be read when the module has ended
        # Another file may hold the progress of other runs, or be written by others.
        own_file = options.get("progress_file") is None
        path = options.setdefault("progress_file", self._connection._shell.join_path(own_directory, "progress"))
        try:
            begin = 0 if own_file else self.size_of(str(path))
            started = self._start(options, variables)
            job_id, results_file = started.get("ansible_job_id"), started.get("results_file")
            if job_id is None or results_file is None or started.get("failed"):
                return started
            self._results_file = str(results_file)
            # What is lost of the connection now is the follower's to get back: the module runs.
            with contextlib.suppress(AnsibleConnectionFailure):
                self._remove_old(own_directory)
            follower = _Follower(self, str(job_id), str(path), variables, begin=begin, takes_result=own_file)
            return with_what_was_discovered(started, follower.follow())
        finally:
            self._cleanup_remote_tmp = True
            # A host that is away must not hide what has become of the task.
            with contextlib.suppress(AnsibleConnectionFailure):
                self._remove_tmp_path(own_directory, force=True)

    def _remove_old(self, own_directory: str) -> None:
        """What runs of this module have left behind whose controller was killed, or lost the host, before their end."""
        if constants.DEFAULT_KEEP_REMOTE_FILES:
            return
        parent = self._connection._shell.quote(own_directory.rstrip("/").rpartition("/")[0])
        module = str(self._task.action).rpartition(".")[2]
        self._low_level_execute_command(_REMOVE_OLD.format(parent=parent, module=module), sudoable=False)

    def _start(self, options: Result, variables: Result) -> Result:
        limit_s, self._task.async_val = self._task.async_val, _LIMIT_S
        try:
            return t.cast(Result, self._execute_module(module_args=options, task_vars=variables, wrap_async=True))
        finally:
            self._task.async_val = limit_s

    # --- what the follower asks of the host

    def read_from(self, path: str, offset: int) -> str:
        """What the file holds from there on, a second later or when the module has ended; nothing while it does not
        exist. It is ASCII."""
        file = self._connection._shell.quote(path)
        # Through a terminal, which SSH may use, what is said of a file that is not there yet would count as its text,
        # and each line ends with one character more.
        command = _WAIT_FOR_THE_END.format(file=file)
        command += f"; tail -c +{offset + 1} {file} 2>/dev/null | head -c {_MOST_READ_BYTES}"
        return str(self._low_level_execute_command(command).get("stdout", "")).replace("\r\n", "\n")

    def size_of(self, path: str) -> int:
        """In bytes; 0 where it does not exist yet."""
        command = f"wc -c 2>/dev/null <{self._connection._shell.quote(path)}"
        said = str(self._low_level_execute_command(command).get("stdout", "")).strip()
        return int(said) if said.isascii() and said.isdigit() else 0

    def lives(self, pid: int) -> bool:
        """Not as a zombie, which a signal would still reach."""
        command = f"grep -qs '^State:[[:space:]]*[^XZ]' /proc/{pid}/status"
        return bool(self._low_level_execute_command(command).get("rc") == 0)

    def wrapper_lives(self, job_id: str) -> bool:
        """By its arguments, in which the job's name stands; as a pattern it does not match the arguments of grep."""
        name = job_id.split(".")[0]
        pattern = self._connection._shell.quote(f"{name[:-1]}[{name[-1:]}]")
        return bool(self._low_level_execute_command(f"grep -qsa {pattern} /proc/[0-9]*/cmdline").get("rc") == 0)

    def forget(self, *, written: bool) -> None:
        """Remove the file of the job's result; ``written``: the result is in it, or never will be."""
        file, tenths = self._connection._shell.quote(self._results_file), 0 if written else 10 * _WRITTEN_WITHIN_S
        self._low_level_execute_command(_FORGET.format(file=file, tenths=tenths))

    def job(self, job_id: str, variables: Result) -> Result:
        arguments = {"jid": job_id, "mode": "status", "_async_dir": self._results_file.rpartition("/")[0]}
        name = "ansible.legacy.async_status"
        try:
            return t.cast(Result, self._execute_module(module_name=name, module_args=arguments, task_vars=variables))
        finally:
            # Without pipelining that has made a directory, which nobody else takes away: the task has another one.
            directory = self._connection._shell.tmpdir
            if directory and not constants.DEFAULT_KEEP_REMOTE_FILES:
                with contextlib.suppress(AnsibleConnectionFailure):
                    self._remove_tmp_path(directory, force=True)

    def reconnect(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.reset()


class _Follower:
    """Reads what one detached module tells, prints it, and brings its result. ``begin``: where its part of the file
    begins; ``takes_result``: also where it is told, else it is always fetched."""

    def __init__(
        self,
        action: LiveAction,
        job_id: str,
        path: str,
        variables: Result,
        *,
        begin: int = 0,
        takes_result: bool = True,
    ) -> None:
        self._action, self._job_id, self._path, self._variables = action, job_id, path, variables
        self._takes_result = takes_result
        self._host = str(variables.get("inventory_hostname", "?"))
        self._offset = begin
        self._pid: t.Optional[int] = None
        self._ended = False
        self._result: t.Optional[Result] = None
        self._gone_since_s: t.Optional[float] = None
        self._asked_s = time.monotonic()
        self._silent_status_s = _SILENT_STATUS_S

    def follow(self) -> Result:
        lost_since_s: t.Optional[float] = None
        while True:
            began_s = time.monotonic()
            try:
                result = self._round()
                lost_since_s = None
            except AnsibleConnectionFailure as exc:
                lost_since_s = lost_since_s or time.monotonic()
                if time.monotonic() - lost_since_s > _LOST_S:
                    raise AnsibleConnectionFailure(
                        f"The connection to {self._host} was lost: {exc}. What was begun there goes on, and the module"
                        " goes on to supervise it. Run this again when the host answers: it takes up where it stands."
                    ) from exc
                self._action.reconnect()
                result = None
            if result is not None:
                return result
            time.sleep(max(0.0, _POLL_S - (time.monotonic() - began_s)))

    def _round(self) -> t.Optional[Result]:
        self._show(self._action.read_from(self._path, self._offset))
        if self._ended and self._result is not None:
            self._forget(written=False)
            return self._result
        if not self._ended and not self._status_is_due():
            return None
        status = self._action.job(self._job_id, self._variables)
        if not status.get("finished"):
            if not self._gone_for_good():
                return None
            self._forget()
            return self._died()
        if not self._ended:
            self._show(self._action.read_from(self._path, self._offset))
        self._forget()
        if not self._ended and "reason" not in status and status.get("failed") and not self._refused(status):
            return {**self._died(), "exception": str(status.get("stderr") or status.get("msg"))}
        return {key: value for key, value in status.items() if key not in _OF_THE_WRAPPER}

    def _status_is_due(self) -> bool:
        """Rarely for a module that tells what it does; soon for a silent one, which Ansible may not have let begin."""
        now_s = time.monotonic()
        if now_s - self._asked_s < (_STATUS_S if self._pid is not None else self._silent_status_s):
            return False
        self._asked_s = now_s
        self._silent_status_s = min(2 * self._silent_status_s, _STATUS_S)
        return True

    def _refused(self, status: Result) -> bool:
        """Whether Ansible did not let it begin, for an option that it does not have or that is of another type: then it
        has told no pid, and the wrapper, which adds the command where there is no result, has one of it."""
        return self._pid is None and "cmd" not in status and bool(status.get("msg"))

    def _forget(self, *, written: bool = True) -> None:
        """The job's file. What has become of the module is known, and not lost with the connection now."""
        with contextlib.suppress(AnsibleConnectionFailure):
            self._action.forget(written=written)

    def _gone_for_good(self) -> bool:
        """One that has ended leaves its result a moment later, unless what had detached it was killed, too.

        One that was killed before it could write its pid is known to be gone by that.
        """
        pid = self._pid
        if self._action.wrapper_lives(self._job_id) if pid is None else self._action.lives(pid):
            self._gone_since_s = None
            return False
        if self._gone_since_s is None:
            self._gone_since_s = time.monotonic()
        # It may have ended since its file was read.
        self._show(self._action.read_from(self._path, self._offset))
        return (pid is not None and not self._ended) or time.monotonic() - self._gone_since_s > _RESULT_S

    def _show(self, text: str) -> None:
        whole = text[: text.rfind("\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
                if self._takes_result and list(entry) == ["result"] and isinstance(entry["result"], dict):
                    self._result = said_by_a_host(entry["result"])
            except (TypeError, ValueError, RecursionError):
                continue
            if not isinstance(entry, dict):
                continue
            if is_whole(entry.get("pid")):  # it becomes part of a command
                self._pid = entry["pid"]
            self._ended = self._ended or bool(entry.get("end"))
            shown = shown_line(self._host, entry)
            if shown is not None:
                _display.display(shown)

    def _died(self) -> Result:
        return {
            "failed": True,
            "changed": True,
            "msg": f"The module on {self._host} ended without a result; somebody may have killed it. A migration that"
            " it had begun, or looked after, goes on. Run this again: it takes up where it stands.",
            "reason": "MODULE_DIED",
            "state": "A migration that ran goes on, without supervision. The halves of a broken post-copy stay as they"
            " are.",
            "remedy": "Run this again.",
            "evidence": {"pid": self._pid},
        }
