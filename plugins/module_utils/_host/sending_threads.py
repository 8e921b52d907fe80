# SPDX-License-Identifier: GPL-3.0-or-later
"""How busy the threads of a guest's QEMU are that compress and send its memory."""

from __future__ import annotations

import os
import time
import typing as t

from .._core.host.parse.procfs import thread_of
from .files import names_in, read
from .qemu_process import PROCESSES
from .status_file import qemu_pid

# What QEMU calls the threads that compress and send (before 9.1 and since): those of the several connections, and the
# one that compares by xbzrle and sends where there is one connection. libvirt has QEMU name its threads.
_OF_CONNECTIONS, _OF_ONE = ("multifdsend_", "mig/src/send_"), ("live_migration", "mig/src/main")


class SendingThreads:
    """The processor times of a guest's threads that compress and send its memory, from now on."""

    def __init__(self, name: str, uuid: str) -> None:
        self._name, self._uuid = name, uuid
        self._before, self._began_s = _sending_ticks(name, uuid), time.monotonic()

    def busy(self) -> t.Optional[float]:
        """The part of the time for which they ran, each by itself at most 1, on average; None: not known."""
        now, passed_s = _sending_ticks(self._name, self._uuid), time.monotonic() - self._began_s
        spent = [now[one] - self._before[one] for one in now if one in self._before]
        if not spent or passed_s <= 0:
            return None
        ticks = passed_s * os.sysconf("SC_CLK_TCK")
        return sum(min(1.0, max(0, one) / ticks) for one in spent) / len(spent)


def _sending_ticks(name: str, uuid: str) -> dict[str, int]:
    """By the threads' numbers; those of the connections where there are some. Empty: not known."""
    pid = qemu_pid(name, uuid)
    tasks = f"{PROCESSES}/{pid}/task"
    numbers = names_in(tasks) if pid is not None else []
    threads = {number: thread_of(read(f"{tasks}/{number}/stat") or "") for number in numbers}
    for beginnings in (_OF_CONNECTIONS, _OF_ONE):
        found = {key: one.ticks for key, one in threads.items() if one and one.name.startswith(beginnings)}
        if found:
            return found
    return {}
