# SPDX-License-Identifier: GPL-3.0-or-later
"""On which of the hosts each guest runs, by what the hosts say of themselves; one on two hosts is to be looked at."""

from __future__ import annotations

import typing as t


class RunningGuests:
    """Told by each host; a host that is not heard any more says nothing about its guests."""

    def __init__(self) -> None:
        self._runs: dict[str, set[str]] = {}
        self._there: dict[str, set[str]] = {}
        self._alarmed: dict[str, frozenset[str]] = {}

    def note(self, host: str, uuid: str, *, active: bool, running: bool) -> bool:
        """Whether that guest now seems to run on two hosts, which may be the moment at which it changes hosts.

        ``active``: there is a QEMU for it; ``running``: and its processors run.
        """
        for known, holds in ((self._there, active), (self._runs, running)):
            if holds:
                known.setdefault(uuid, set()).add(host)
            else:
                known.get(uuid, set()).discard(host)
        if len(self._runs.get(uuid, ())) < 2:
            self._alarmed.pop(uuid, None)
            return False
        return True

    def hosts_of(self, uuid: str) -> list[str]:
        return sorted(self._runs.get(uuid, ()))

    def other_host(self, uuid: str, host: str) -> t.Optional[str]:
        """Where a guest that leaves ``host`` is awaited, or runs already; None where that is not known."""
        others = sorted(self._there.get(uuid, set()) - {host})
        return others[0] if len(others) == 1 else None

    def alarm(self, uuid: str) -> t.Optional[list[str]]:
        """To be called after both hosts were asked again: the names of the two hosts that the guest runs on; None where
        it does not, or where that was said already."""
        hosts = self.hosts_of(uuid)
        if len(hosts) < 2 or self._alarmed.get(uuid) == frozenset(hosts):
            return None
        self._alarmed[uuid] = frozenset(hosts)
        return hosts

    def forget(self, host: str) -> None:
        for known in (self._runs, self._there):
            for uuid in list(known):
                known[uuid].discard(host)
                if not known[uuid]:
                    del known[uuid]
