# SPDX-License-Identifier: GPL-3.0-or-later
"""Units, and sizes, rates and times as a person reads them.

What a function ``human_...`` gives is rounded, for reading only: never compute with it.
"""

from __future__ import annotations

import math
import typing as t

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40
BYTES_PER_MBIT = 125_000  # of a rate in Mbit/s

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def seconds_for(size_bytes: float, bytes_per_s: float) -> float:
    """How long so many bytes take. Infinite where nothing is sent: it compares as it should, and is no figure to show
    (:func:`whole`, :func:`human_ms`)."""
    return size_bytes / bytes_per_s if bytes_per_s > 0 else math.inf


def whole(number: t.Optional[float]) -> t.Optional[int]:
    """Rounded, for a document; None for what is not known, which is what infinite and NaN come to."""
    return None if number is None or not math.isfinite(number) else round(number)


def human_bytes(size_bytes: t.Optional[float]) -> str:
    """``36053188`` -> ``34.4 MiB``; below 1 KiB whole bytes."""
    if size_bytes is None or not math.isfinite(size_bytes):
        return "an unknown amount"
    if abs(size_bytes) < KIB:
        return f"{size_bytes:.0f} B"
    scaled = float(size_bytes)
    for unit in _UNITS[:-1]:
        scaled /= 1024
        # Rounded first, so that 1023.96 KiB becomes 1.0 MiB and not 1024.0 KiB.
        if round(abs(scaled), 1) < 1024:
            return f"{scaled:.1f} {unit}"
    return f"{scaled / 1024:.1f} {_UNITS[-1]}"


def human_rate(bytes_per_s: t.Optional[float]) -> str:
    """``30467424`` -> ``29.1 MiB/s``."""
    if bytes_per_s is None or not math.isfinite(bytes_per_s):
        return "an unknown rate"
    return human_bytes(bytes_per_s) + "/s"


def human_ms(time_ms: t.Optional[float]) -> str:
    """``300 ms``, ``5.6 s``, ``12 min 3 s``, ``46 h 44 min``: two parts at most, the last one cut off, not rounded."""
    if time_ms is None or not math.isfinite(time_ms):
        return "an unknown time"
    if time_ms < 0:
        return "-" + human_ms(-time_ms)
    if round(time_ms) < 1000:
        return f"{time_ms:.0f} ms"
    seconds = time_ms / 1000
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    # A time that rounds up to a minute is one: "60.0 s" and "0 min 59 s" would both read oddly.
    whole_s = max(60, int(seconds))
    if whole_s < 3600:
        return f"{whole_s // 60} min {whole_s % 60} s"
    return f"{whole_s // 3600} h {whole_s % 3600 // 60} min"
