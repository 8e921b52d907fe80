# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that waits for its turn is measured meanwhile, and never waits for that.

Otherwise it is measured no longer than its start needs, or not at all where its first pass tells what it needs soon
enough. But the throttle of one whose writing is known is no higher than it must be, and one that is known to need
post-copy is switched within the first pass, so that less of it is sent twice.
"""

from __future__ import annotations

import contextlib
import threading
import typing as t

from ..._core.errors import MigrationError
from ..connection import libvirt
from ..measure.facts import MeasuredFacts


class MeasuredMeanwhile:
    """``measure`` runs beside the wait. It is given a function that tells whether it is over, so that it measures no
    more: what it has begun in QEMU ends by itself."""

    def __init__(self, measure: t.Callable[[t.Callable[[], bool]], MeasuredFacts]) -> None:
        self._measure, self._over = measure, threading.Event()
        self._found: t.Optional[MeasuredFacts] = None
        threading.Thread(target=self._run, name="measured-meanwhile", daemon=True).start()

    def end(self) -> t.Optional[MeasuredFacts]:
        """What is known when the wait is over; None: not enough."""
        self._over.set()
        found = self._found
        return found if found is not None and found.facts.measured is not None else None

    def _run(self) -> None:
        # Whatever is wrong with the guest shows when it is sent, too.
        with contextlib.suppress(MigrationError, libvirt.libvirtError):
            found = self._measure(self._over.is_set)
            if not self._over.is_set():
                self._found = found
