"""The recorder: stamps every line of every guest's console with this machine's clock.

A guest's own clock stands still while the guest does, so only the arrival of its heartbeats shows how long that was.
One process for each lab looks at all consoles every few milliseconds, and appends what is new to one record for each
guest, whichever host it came from: `MICROSECONDS HOST LINE`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .net import in_netns
from .proc import detach
from .state import LabState, lab_dir


def record_path(state: LabState, uuid: str) -> Path:
    return lab_dir(state.name) / "record" / f"{uuid}.rec"


def start(state: LabState) -> None:
    """Start the recorder inside the switch's namespace, where `down` finds and ends it."""
    directory = lab_dir(state.name)
    (directory / "record").mkdir()
    with (directory / "recorder.log").open("w") as log:
        process = subprocess.Popen(
            in_netns(state.switch_netns, sys.executable, "-m", "virtlab.recorder", str(directory)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
        )
    detach(process)
