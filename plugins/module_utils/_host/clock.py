# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's clock, and whether something keeps it right: asked of the kernel, whatever program that is."""

from __future__ import annotations

import ctypes
import time
import typing as t

from .._core.host.document import Clock

_UNSYNCHRONISED = 0x40  # STA_UNSYNC of timex.h
_ERROR = 5  # TIME_ERROR, which adjtimex(2) returns


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is read; nothing is set with modes 0."""

    _fields_: t.ClassVar = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


def read_clock(reference_epoch_s: t.Optional[float], reference_monotonic_s: float) -> Clock:
    """``reference_epoch_s``: the caller's time at ``reference_monotonic_s`` of this host."""
    synchronised, max_error_ms = _discipline()
    now_s = time.time()
    offset_ms = None
    if reference_epoch_s is not None:
        expected_s = reference_epoch_s + (time.monotonic() - reference_monotonic_s)
        offset_ms = round((now_s - expected_s) * 1000, 1)
    return Clock(round(now_s, 3), synchronised, max_error_ms, offset_ms)


def _discipline() -> tuple[t.Optional[bool], t.Optional[float]]:
    state = _Timex()
    try:
        result = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        return None, None
    if result < 0:
        return None, None
    return result != _ERROR and not state.status & _UNSYNCHRONISED, state.maxerror / 1000
