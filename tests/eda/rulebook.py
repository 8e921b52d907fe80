# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-rulebook as a user runs it, with one of the collection's rulebooks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import typing as t
from pathlib import Path

from bench.events import uris
from bench.runs import ROOT
from bench.subject import wait_for
from virtlab.lab import Lab

PROGRAMS = Path(os.environ.get("EDA_VENV") or ROOT / ".venv-eda") / "bin"


class Rulebook:
    """At most one process at a time; all that it and its playbooks print is in one log."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.log = directory / "rulebook.log"
        self.log.touch()
        self._directory, self._lab = directory, lab
        (directory / "ansible.cfg").write_text("[connection]\npipelining = True\n", encoding="utf-8")
        self._inventory = directory / "inventory.yml"
        self._inventory.write_text(lab.inventory(), encoding="utf-8")
        self._process: t.Optional[subprocess.Popen[bytes]] = None

    def start(self, name: str, **variables: t.Any) -> None:
        """Returns when it watches the hosts."""
        told = len(self.said())
        given = {
            "live_migration_watched_hosts": uris(self._lab),
            "live_migration_destination_uri": "qemu+tcp://{host}/system",
            **variables,
        }
        file = self._directory / "vars.yml"
        file.write_text(json.dumps(given), encoding="utf-8")
        command = [str(PROGRAMS / "ansible-rulebook"), "--rulebook", f"virtops.live_migration.{name}"]
        command += ["--inventory", str(self._inventory), "--vars", str(file), "--verbose"]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                cwd=self._directory,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_for("Waiting for events", told)

    def _environment(self) -> dict[str, str]:
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(self._directory / "ansible.cfg"),
            "ANSIBLE_HOME": str(self._directory / "home"),
            "PYTHONUNBUFFERED": "1",
        }

    def empty_playbook_s(self, host: str) -> float:
        """How long a playbook takes now that only asks a host whether it is there."""
        playbook = self._directory / "empty.yml"
        ping = {"name": "Ping", "ansible.builtin.ping": {}}
        playbook.write_text(json.dumps([{"hosts": host, "gather_facts": False, "tasks": [ping]}]), encoding="utf-8")
        command = [str(PROGRAMS / "ansible-playbook"), "-i", str(self._inventory), str(playbook)]
        began_s = time.monotonic()
        subprocess.run(command, check=True, capture_output=True, cwd=self._directory, env=self._environment())
        return time.monotonic() - began_s

    def kill(self) -> None:
        """SIGKILL, with the playbooks that it has begun."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str, begin: int = 0, timeout_s: float = 90) -> re.Match[str]:
        """The first place of the log, from ``begin`` on, that the pattern fits."""
        try:
            return wait_for(lambda: re.search(pattern, self.said()[begin:]), repr(pattern), timeout_s)
        except AssertionError as exc:
            raise AssertionError(f"{exc}. It said:\n{self.said()}") from None
