# SPDX-License-Identifier: GPL-3.0-or-later
"""The processor time of the event source over many real migrations that do not end, on real libvirtd.

Processor time does not depend on what else the machine does, so that the figure is the same on a busy one.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import typing as t
from pathlib import Path

from bench.events import Watcher, uris
from bench.subject import wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

# Each rewrites all of its hot memory in a pass, so that none ends by itself.
SMALL = GuestOptions(ram_mib=56, hot_mib=4, cold_mib=1, pages_per_s=1000)
_TICK = os.sysconf("SC_CLK_TCK")


def processor_s(pid: int) -> float:
    """Of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def share(watcher: Watcher, seconds: float) -> float:
    """Of one processor, in percent."""
    assert watcher.process is not None
    began_s, before_s = time.monotonic(), processor_s(watcher.process.pid)
    time.sleep(seconds)
    used_s = processor_s(watcher.process.pid) - before_s
    return 100 * used_s / (time.monotonic() - began_s)


def works(lab: Lab, name: str) -> bool:
    return lab.guest_report(name, ask_libvirt=False).work_pages > 0


def measure(lab: Lab, directory: Path, guests: int, seconds: float) -> dict[str, t.Any]:
    """``idle_percent``: while nothing migrates; ``migrating_percent``: while all do."""
    names = [f"small{number:02}" for number in range(guests)]
    for name in names:
        lab.guest_start(name, host="kvm01", options=SMALL, timeout_s=0)
    for name in names:
        wait_for(lambda name=name: works(lab, name), f"{name} to work", 1200)
    with Watcher(directory, hosts=uris(lab)) as watcher:
        time.sleep(5)
        idle = share(watcher, min(seconds, 20))
        for name in names:
            lab.migrate(name, source="kvm01", destination="kvm02")
        wait_for(lambda: len(watcher.events("started")) >= guests, "all to be seen", 600)
        before = len(watcher.events())
        migrating = share(watcher, seconds)
        events = watcher.events()
        stuck = {one["uuid"] for one in events if one["type"] == "stuck"}
        return {
            "guests": guests,
            "seconds": seconds,
            "idle_percent": round(idle, 2),
            "migrating_percent": round(migrating, 2),
            "events": len(events) - before,
            "found_stuck": len(stuck),
            "ended": len(watcher.events("ended")),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guests", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, Lab(f"events-{os.getpid()}") as lab:
        lab.up(host_count=2, link_mbit=400)
        print(json.dumps(measure(lab, Path(directory), asked.guests, asked.seconds)))


if __name__ == "__main__":
    main()
