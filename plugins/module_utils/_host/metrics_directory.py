# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of node_exporter's textfile collector, and files in it that are always whole."""

from __future__ import annotations

import contextlib
import time
import typing as t
from pathlib import Path

from .._core.errors import MigrationError
from .whole_file import write_whole

PREFIX = "virtops_live_migration_"
_SUFFIX = ".prom"  # the collector reads no other files
_KEPT_S = 7 * 86400.0  # a guest that has left for good leaves a file behind


class MetricsDirectory:
    """Raises METRICS_DIRECTORY for a path that is not a directory: a file elsewhere would be read by nobody."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        if not self._path.is_absolute() or not self._path.is_dir():
            raise MigrationError(
                "METRICS_DIRECTORY",
                f"metrics_directory is {path!r}, which is no directory of this host.",
                state="Nothing was changed.",
                remedy="Name the directory that node_exporter was given with --collector.textfile.directory, which is"
                " /var/lib/prometheus/node-exporter on Debian, or leave the option out.",
            )

    def write(self, name: str, text: str) -> None:
        """``name``: of plain letters, digits and dashes. A migration is not harmed by a full disk."""
        with contextlib.suppress(OSError):
            # node_exporter is not root, and reads at any moment; after a crash of the host nobody misses a file.
            write_whole(self._path / f"{PREFIX}{name}{_SUFFIX}", text, mode=0o644, durable=False)

    def remove_old(self) -> None:
        """Files of ours that nobody has written for a week."""
        for path in self._path.glob(f"{PREFIX}*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < time.time() - _KEPT_S:
                    path.unlink()


def metrics_directory(path: t.Optional[str]) -> t.Optional[MetricsDirectory]:
    """Of an option that may not be given."""
    return MetricsDirectory(path) if path else None
