# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration of the README, from the built artifact to the proof from inside the guest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from virtlab.lab import leftovers

DEMO = Path(__file__).resolve().parents[1] / "demo" / "demo.py"


def test_demo() -> None:
    name = f"demo-{os.getpid()}"
    done = subprocess.run(
        [sys.executable, "-B", str(DEMO), name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "stuck, DIRTY_RATE" in done.stdout
    assert "Remedies used: start_postcopy." in done.stdout
    assert "runs on             kvm02" in done.stdout
    assert ", 0 of them wrong" in done.stdout
    assert leftovers(name) == []
