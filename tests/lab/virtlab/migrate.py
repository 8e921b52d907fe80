"""Starting `virsh migrate` in the background, the way an administrator would, so that tests get stuck jobs easily."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import host as hosts
from .errors import LabError
from .guest import Guest
from .proc import detach, is_zombie, start_ticks
from .state import Host, LabState, lab_dir


@dataclass(frozen=True)
class Migration:
    """One `virsh migrate`: where its output goes, and which process it is."""

    guest: str
    source: str
    destination: str
    log: str
    pid: int
    ticks: int | None
    command: tuple[str, ...] = ()

    def output(self) -> str:
        return Path(self.log).read_text(errors="replace")

    def exit_code(self) -> int | None:
        """What virsh returned; None while it runs, 255 when it was killed."""
        # Asked before the log is read: what it has written is there once it does not run any more.
        running = self.ticks is not None and start_ticks(self.pid) == self.ticks and not is_zombie(self.pid)
        found = re.search(r"^exit (\d+)$", self.output(), re.MULTILINE)
        if found:
            return int(found[1])
        return None if running else 255

    def wait(self, timeout_s: float = 300) -> int:
        deadline = time.monotonic() + timeout_s
        while (code := self.exit_code()) is None:
            if time.monotonic() > deadline:
                raise LabError(f"the migration of {self.guest!r} has not ended within {timeout_s:g} s")
            time.sleep(0.05)
        return code


def start(state: LabState, guest: Guest, source: Host, destination: Host, flags: Sequence[str]) -> Migration:
    directory = lab_dir(state.name) / "migrations"
    directory.mkdir(exist_ok=True)
    log = directory / f"{time.monotonic_ns()}-{guest.uuid[:8]}.log"
    uri = f"qemu+tcp://{destination.name}/system"
    command = ["virsh", "migrate", "--live", "--p2p", "--persistent", *flags, "--domain", guest.uuid, "--desturi", uri]
    if guest.options.transient:
        command.remove("--persistent")
    # The shell only adds the exit code to the log; the command reaches it as arguments.
    keep_code = ["sh", "-c", '"$@"; echo "exit $?"', "sh", *command]
    with log.open("w") as output:
        process = subprocess.Popen(
            hosts.inside(source, keep_code),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            cwd="/",
        )
    ticks = start_ticks(process.pid)
    detach(process)
    return Migration(guest.name, source.name, destination.name, str(log), process.pid, ticks, tuple(command))
