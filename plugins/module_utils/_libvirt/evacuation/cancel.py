# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the user wants the evacuation to end: a signal to this process, or a file that appears."""

from __future__ import annotations

import os
import signal
import types
import typing as t


class Cancellation:
    """A context manager, for the main thread: within it the first SIGTERM or SIGINT is noted and does not end the
    process.

    ``path``: of a file whose appearance means the same; None for none.
    """

    def __init__(self, path: t.Optional[str]) -> None:
        self._path, self._signalled = path, False
        self._before: dict[int, t.Any] = {}

    def __enter__(self) -> Cancellation:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def requested(self) -> bool:
        return self._signalled or (self._path is not None and os.path.exists(self._path))

    def _note(self, _number: int, _frame: t.Optional[types.FrameType]) -> None:
        self._signalled = True
