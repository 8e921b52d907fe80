# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source, run by itself beside the lab, with what it gives out as data."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import typing as t
from pathlib import Path

from virtlab.fault import DAEMON_PORT
from virtlab.lab import Lab
from virtlab.state import Host

from .runs import ROOT
from .subject import LIMIT_S, wait_for

SOURCE = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "migration_events.py"
Event = dict[str, t.Any]


def uris(lab: Lab) -> dict[str, str]:
    """From this machine to each host."""
    return {host.name: f"qemu+tcp://{host.mgmt_address}/system" for host in lab.hosts}


class Watcher:
    """The source as a process of its own; a context manager."""

    def __init__(self, directory: Path, **arguments: t.Any) -> None:
        self.log = directory / "events.jsonl"
        self.errors = directory / "errors.log"
        self._arguments = arguments
        self.process: t.Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        with self.log.open("ab") as out, self.errors.open("ab") as errors:
            command = [sys.executable, str(SOURCE), json.dumps(self._arguments)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Watcher:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()

    def is_connected(self, host: Host) -> bool:
        """Whether it has a connection to that host's daemon, for which it asks for events."""
        assert self.process is not None
        to = ["dst", host.mgmt_address, "and", "dport", f":{DAEMON_PORT}"]
        done = subprocess.run(["ss", "-Hntp", *to], check=True, capture_output=True, text=True)
        return f"pid={self.process.pid}," in done.stdout

    def events(self, kind: str = "", uuid: str = "") -> list[Event]:
        found = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):  # being written
                found.append(json.loads(line))
        return [one for one in found if (not kind or one["type"] == kind) and (not uuid or one.get("uuid") == uuid)]

    def wait_for(self, kind: str, uuid: str = "", *, nth: int = 1, timeout_s: float = LIMIT_S) -> Event:
        """The event of that kind with that number, the first being 1."""
        try:
            found = wait_for(
                lambda: events if len(events := self.events(kind, uuid)) >= nth else [], f"{kind} no. {nth}", timeout_s
            )
        except AssertionError as exc:
            raise AssertionError(f"{exc}; there were {self.events()}\n{self.errors.read_text()}") from None
        return found[nth - 1]
