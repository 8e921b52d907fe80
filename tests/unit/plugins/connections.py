# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own connection around a stand-in for a daemon that a test has written."""

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection


def connected(raw: t.Any, uri: str) -> Connection:
    """As :class:`Connection` is when it has been opened; ``raw`` answers in the binding's place."""

    class Made(Connection):
        def _open(self) -> None:
            self.raw, self._lost = raw, False

    return Made(uri)
