# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of a migration that is supervised, written while it runs and at its end."""

from __future__ import annotations

import time
import typing as t

from ..._core.job.sample import Phase
from ..._core.metrics.guest import guest_metrics, two_hosts_metrics
from ..._core.supervision.record import Record
from ..._host.metrics_directory import MetricsDirectory

_EVERY_S = 5.0  # nobody collects more often than that


class GuestMetrics:
    """Writes the metrics of one migration. ``directory``: None where nobody wants them."""

    def __init__(self, directory: t.Optional[MetricsDirectory], record: Record, uuid: str) -> None:
        self._directory, self._record, self._uuid = directory, record, uuid
        self._written_s = float("-inf")
        self._phase: t.Optional[Phase] = None

    def looked(self) -> None:
        """After a look: now and then, and at once when the phase has changed or the job has ended."""
        if self._directory is None:
            return
        now_s, phase = time.monotonic(), self._record.supervisor.history.last.phase
        done = self._record.supervisor.done
        if done or phase is not self._phase or now_s - self._written_s >= _EVERY_S:
            self._written_s, self._phase = now_s, phase
            self._directory.write(self._uuid, guest_metrics(self._record, time.time()))
        if done:
            self._directory.remove_old()


def tell_two_hosts(directory: t.Optional[MetricsDirectory], name: str, uuid: str, twice: bool) -> None:
    """Whether a guest was found on two hosts, which stays until it was found on one."""
    if directory is not None:
        directory.write(f"{uuid}-hosts", two_hosts_metrics(name, uuid, twice=twice))
