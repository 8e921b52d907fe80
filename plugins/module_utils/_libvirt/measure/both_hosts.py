# SPDX-License-Identifier: GPL-3.0-or-later
"""What both hosts of a migration can do by their versions, and how many of their processors have nothing to do."""

from __future__ import annotations

import time
import typing as t

from ..._core.errors import MigrationError
from ..._core.host.document import Versions
from ..._core.host.features import features_of
from ..connection import Connection, libvirt, version_text
from ..timeout import within

_ALL_PROCESSORS = -1  # VIR_NODE_CPU_STATS_ALL_CPUS
_LEAST_S = 0.5  # the kernel counts in steps of 10 ms, for each processor


class BothHosts:
    """Asked when it is needed, and once."""

    def __init__(self, connection: Connection, destination: Connection) -> None:
        self._connections = (connection, destination)
        self._features: t.Optional[set[str]] = None

    def can(self, feature: str) -> bool:
        """Whether the versions of both, libvirt's and QEMU's, have a feature (an id of ``FEATURES``)."""
        if self._features is None:
            here, there = (set(_features_of(connection)) for connection in self._connections)
            self._features = here & there
        return feature in self._features

    def idle_processors(self) -> t.Callable[[], t.Optional[tuple[float, float]]]:
        """Of source and destination, counted from now on until that is called; None: not known."""
        here, there = (IdleProcessors(connection) for connection in self._connections)

        def count() -> t.Optional[tuple[float, float]]:
            source, destination = here.count(), there.count()
            return None if source is None or destination is None else (source, destination)

        return count


def _features_of(connection: Connection) -> t.Sequence[str]:
    raw = connection.raw
    return features_of(Versions(version_text(int(raw.getLibVersion())), version_text(int(raw.getVersion()))))


class IdleProcessors:
    """Counted from now on. ``None`` where the host does not tell."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._began_s = connection, time.monotonic()
        self._before_ns = _idle_ns(connection)

    def count(self) -> t.Optional[float]:
        """How many were idle on average, all the time together; waits until that can be told."""
        if self._before_ns is None:
            return None
        time.sleep(max(0.0, self._began_s + _LEAST_S - time.monotonic()))
        now_ns, passed_s = _idle_ns(self._connection), time.monotonic() - self._began_s
        if now_ns is None or passed_s <= 0:
            return None
        return max(0.0, (now_ns - self._before_ns) / 1e9 / passed_s)


def _idle_ns(connection: Connection) -> t.Optional[int]:
    """Waiting for a disk leaves a processor free."""
    try:
        found = within(lambda: connection.raw.getCPUStats(_ALL_PROCESSORS), "reading the processor times of a host")
    except (libvirt.libvirtError, MigrationError):
        return None
    return int(found["idle"]) + int(found.get("iowait", 0)) if "idle" in found else None
