# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of an evacuation and of its host, written while it runs and at its end."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.evacuation.run.result import GuestResult
from ..._core.host.cordon import cordoned_by_both
from ..._core.metrics.host import evacuation_metrics, host_metrics
from ..._host.cordon_fact import DIRECTORY, told_by_fact
from ..._host.metrics_directory import MetricsDirectory
from ..connection import Connection, libvirt
from ..cordon_secret import is_cordoned
from ..migration.metrics import tell_two_hosts
from .home_mark import marked

_NOTHING = {
    "guests": 0,
    "done": 0,
    "failed": 0,
    "moving": 0,
    "remaining_bytes": 0,
    "bytes_per_s": 0,
    "time_left_s": None,
}


class EvacuationMetrics:
    """Writes the metrics of one evacuation. ``directory``: None where nobody wants them."""

    def __init__(self, directory: t.Optional[MetricsDirectory]) -> None:
        self._directory = directory
        self._began_s = time.time()
        self._expected_end_s: t.Optional[float] = None
        self._numbers: t.Mapping[str, t.Any] = _NOTHING

    def total(self, numbers: t.Mapping[str, t.Any]) -> None:
        now_s = time.time()
        if self._expected_end_s is None and numbers["moving"] and numbers["time_left_s"] is not None:
            self._expected_end_s = now_s + float(numbers["time_left_s"])
        self._numbers = numbers
        self._write(now_s, running=True)

    def ended(self, rows: t.Iterable[GuestResult]) -> None:
        for row in rows:
            if row.uuid:
                tell_two_hosts(self._directory, row.name, row.uuid, row.reason == "SPLIT_BRAIN")
        self._write(time.time(), running=False)

    def _write(self, now_s: float, *, running: bool) -> None:
        if self._directory is None:
            return
        text = evacuation_metrics(
            self._numbers,
            began_s=self._began_s,
            expected_end_s=self._expected_end_s,
            now_s=now_s,
            running=running,
        )
        self._directory.write("evacuation", text)


def look_for_host_metrics(directory: t.Optional[MetricsDirectory], connection: Connection) -> None:
    """Guests that arrive are not asked."""
    if directory is not None:
        # What the metrics are of has been done, and failing to count is no reason to call it failed.
        with contextlib.suppress(libvirt.libvirtError, MigrationError):
            write_host_metrics(directory, marked(connection), connection)


def write_host_metrics(
    directory: t.Optional[MetricsDirectory], homes: t.Mapping[str, t.Any], connection: Connection
) -> None:
    """How many guests are here away from home, and whether the host takes guests. ``homes``: as of ``marked``."""
    if directory is not None:
        away = sum(1 for one in homes["guests"] if not one["at_home"])
        directory.write("host", host_metrics(away=away, cordoned=cordoned(connection), now_s=time.time()))


def cordoned(connection: Connection, facts: str = DIRECTORY) -> bool:
    """By its local fact, or by the note in its libvirt. One that cannot be asked counts as open, as in a document."""
    by_fact = told_by_fact(facts)
    if cordoned_by_both(None, by_fact):
        return True
    with contextlib.suppress(libvirt.libvirtError, MigrationError):
        return bool(cordoned_by_both(is_cordoned(connection), by_fact))
    return False
