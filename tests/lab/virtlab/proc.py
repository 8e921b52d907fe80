"""Running commands, and finding and ending processes by the namespace they live in (never by name)."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .errors import LabError


def run(
    command: Sequence[str],
    *,
    input_text: str | None = None,
    check: bool = True,
    timeout_s: float = 60,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output is text, and a failure says what it printed."""
    try:
        done = subprocess.run(
            list(command),
            input=input_text,
            stdin=subprocess.DEVNULL if input_text is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            env=env,
        )
    except FileNotFoundError as missing:
        raise LabError(f"{command[0]} is not installed; tests/lab/packages.txt lists what is needed") from missing
    except subprocess.TimeoutExpired as late:
        raise LabError(f"no answer within {timeout_s:g} s from: {' '.join(command)}") from late
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(command)} failed ({done.returncode}): {said}")
    return done


def detach(process: subprocess.Popen[str]) -> None:
    """Let a process live on after this tool; while the tool itself lives, a thread takes its exit code."""
    threading.Thread(target=process.wait, daemon=True).start()


def wait_for(condition: Callable[[], bool], *, timeout_s: float, what: str, step_s: float = 0.02) -> None:
    """Poll until the condition holds, or say what never came."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(step_s)


def all_pids() -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            yield int(entry)


def start_ticks(pid: int) -> int | None:
    """When the process began (clock ticks since boot): with the pid this names one process for good."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])


def namespace_id(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def pids_in_namespace(kind: str, wanted: tuple[int, int]) -> list[int]:
    """Every process whose namespace of this kind ("net", "pid") is the wanted one."""
    return [pid for pid in all_pids() if namespace_id(f"/proc/{pid}/ns/{kind}") == wanted]


def inner_pid(pid: int) -> int | None:
    """The number the process has in the innermost pid namespace it lives in."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return None


def cmdline(pid: int) -> list[str]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return raw.decode(errors="replace").split("\0")[:-1]


def send_signal(pid: int, ticks: int | None, number: int) -> bool:
    """Signal a process, unless its pid has meanwhile been given to another one."""
    if ticks is None or start_ticks(pid) != ticks:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")


def end_namespace(wanted: tuple[int, int], *, timeout_s: float = 20) -> None:
    """Kill whatever lives in a network namespace, until nothing does."""
    deadline = time.monotonic() + timeout_s
    while True:
        living = [pid for pid in pids_in_namespace("net", wanted) if pid != os.getpid() and not is_zombie(pid)]
        if not living:
            return
        # The first process of a pid namespace takes all others with it, so it goes first.
        for pid in sorted(living, key=lambda each: inner_pid(each) or 0):
            send_signal(pid, start_ticks(pid), signal.SIGKILL)
        if time.monotonic() > deadline:
            raise LabError(f"processes {living} do not end")
        time.sleep(0.02)
