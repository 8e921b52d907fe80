# SPDX-License-Identifier: GPL-3.0-or-later
"""Several seeds at once, each in a process and a lab of its own: guests mostly wait for their link."""

from __future__ import annotations

import subprocess
import sys
import time
import typing as t
from pathlib import Path

_LOOK_S = 1.0


def play_side_by_side(
    seeds: t.Iterator[int], at_once: int, arguments: t.Sequence[str], logs: Path, enough: t.Callable[[], bool]
) -> t.Optional[Path]:
    """Play one seed after the other, so many at once, until there is enough or one has failed; its output then.

    Each of them is this program with ``--seed``; what was begun is played to its end. Interrupted, all are ended, and
    take their labs down.
    """
    logs.mkdir(parents=True, exist_ok=True)
    running: dict[subprocess.Popen[bytes], Path] = {}
    failed: t.Optional[Path] = None
    try:
        while True:
            while len(running) < at_once and failed is None and not enough():
                seed = next(seeds)
                log = logs / f"seed-{seed}.log"
                with log.open("wb") as output:
                    command = [sys.executable, "-m", __package__ or "", "--seed", str(seed), *arguments]
                    running[subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)] = log
            if not running:
                return failed
            time.sleep(_LOOK_S)
            for process, log in list(running.items()):
                if process.poll() is not None:
                    del running[process]
                    found = [
                        line for line in log.read_text("utf-8", "replace").splitlines() if line.startswith("seed ")
                    ]
                    print(found[-1] if found else f"{log}: nothing was played", flush=True)
                    failed = log if process.returncode else failed
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
