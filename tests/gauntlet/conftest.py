# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets tests import what the gauntlet stands on: the lab and the runs of Ansible."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lab"), str(TESTS / "integration")]
