# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Calls that must not hang: a stopped QEMU never answers its monitor, and libvirt waits for it without end."""

from __future__ import annotations

import functools
import threading
import typing as t

from .._core.errors import MigrationError

T = t.TypeVar("T")

CALL_LIMIT_S = 20.0


def within(call: t.Callable[[], T], doing: str, limit_s: float = CALL_LIMIT_S) -> T:
    """The result of ``call``, or MONITOR_HUNG after ``limit_s``; the call itself cannot be taken back."""
    outcome: dict[str, t.Any] = {}

    def run() -> None:
        try:
            outcome["value"] = call()
        except BaseException as exc:
            outcome["error"] = exc

    thread = threading.Thread(target=run, name="libvirt-call", daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        raise hung(doing, limit_s)
    if "error" in outcome:
        raise outcome["error"]
    return t.cast(T, outcome["value"])


def hung(doing: str, limit_s: float) -> MigrationError:
    return MigrationError(
        "MONITOR_HUNG",
        f"libvirt did not answer for {limit_s:g} s while {doing}.",
        state="QEMU or its host is stopped or overloaded; the request may still take effect when it wakes up.",
        remedy="Look at the QEMU process on this host (stopped? storage gone?) and at the daemon's log, then look"
        " at the job again before the next step.",
    )


def each_within(
    calls: t.Sequence[t.Callable[[], T]], limit_s: float, most_hung: int
) -> list[t.Union[T, Exception, None]]:
    """The result of each call, or what it raised; None for one that gave no answer in time, and for those that were not
    made any more, after so many.

    One thread makes them, one after the other, as long as they answer: a thread for each takes longer than the call.
    """
    found: list[t.Union[T, Exception, None]] = []
    silent = 0
    while len(found) < len(calls) and silent < most_hung:
        answers: list[t.Union[T, Exception, None]] = []
        given_up: list[bool] = []
        make = functools.partial(_make, calls[len(found) :], answers, given_up)
        thread = threading.Thread(target=make, name="libvirt-calls", daemon=True)
        thread.start()
        done = -1
        while len(answers) > done:
            done = len(answers)
            thread.join(limit_s)
            if not thread.is_alive():
                break
        given_up.append(True)  # what answers only now comes too late, and nothing is called after it
        found += answers[: len(calls) - len(found)]
        if len(found) < len(calls):
            found.append(None)
            silent += 1
    return found + [None] * (len(calls) - len(found))


def _make(
    calls: t.Sequence[t.Callable[[], T]], answers: list[t.Union[T, Exception, None]], given_up: list[bool]
) -> None:
    for call in calls:
        if given_up:
            return
        try:
            answers.append(call())
        except Exception as exc:
            answers.append(exc)
        except BaseException:
            return
