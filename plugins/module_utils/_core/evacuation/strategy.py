# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be done with a guest when its host is emptied, in the words of options, plans, results and marks."""

from __future__ import annotations

MIGRATE, SHUTDOWN, LEAVE = "migrate", "shutdown", "leave"
START = "start"  # on the way home: what was shut down is switched on again
PLANNED = (MIGRATE, SHUTDOWN, LEAVE)
CARRIED_OUT = (*PLANNED, START)
