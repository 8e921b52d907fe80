"""What a guest's record says: how much it worked, how long it stood still, whether its memory is right."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LINE = re.compile(rb"^(\d+) (\S+) (.*)$")
FRESH_S = 1.0


@dataclass
class GuestReport:
    """One guest, over its life or since the last mark. Times are of this machine's clock, not of the guest's."""

    name: str
    uuid: str
    state: str = "unknown"
    running_on: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    beating_on: list[str] = field(default_factory=list)
    ready: bool = False
    boots: int = 0
    window_s: float = 0.0
    heartbeats: int = 0
    work_pages: int = 0
    work_rate_pages_per_s: float = 0.0
    longest_gap_ms: float = 0.0
    longest_gap_ended_s_ago: float | None = None
    switchover_gap_ms: float | None = None
    last_heartbeat_age_ms: float | None = None
    last_heartbeat_host: str | None = None
    bad_pages: int = 0
    passes_verified: int = 0
    split_brain_beats: int = 0


@dataclass(frozen=True)
class VerifyResult:
    """One full pass over all memory of the guest's program that began after the question."""

    checked_pages: int
    bad_pages: int
    seconds: float

    @property
    def ok(self) -> bool:
        return self.bad_pages == 0


@dataclass(frozen=True)
class Entry:
    """One line that the guest's program wrote, with its numbers."""

    stamp_us: int
    host: str
    kind: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Beat:
    stamp_us: int
    host: str
    seq: int
    guest_ms: int
    pages: int
    passes: int
    bad: int


def parse(raw: bytes) -> Entry | None:
    """A whole line of the guest's program, or nothing: the check rejects what a migration has cut in two."""
    found = LINE.match(raw)
    if not found:
        return None
    text = found[3]
    body, space, check = text.rpartition(b" ")
    if not space or len(check) != 3 or check[2:] != b".":
        return None
    total = 0
    for byte in body:
        total ^= byte
    if check != b"%02x." % total:
        return None
    kind, *words = body.decode("ascii", "replace").split(" ")
    return Entry(int(found[1]), found[2].decode(), kind, tuple(words))


def entries(path: Path, offset: int = 0) -> Iterator[Entry]:
    try:
        handle = path.open("rb")
    except FileNotFoundError:
        return
    with handle:
        handle.seek(offset)
        for raw in handle:
            if raw.endswith(b"\n") and (entry := parse(raw)) is not None:
                yield entry


def beat(entry: Entry) -> Beat | None:
    if entry.kind != "H" or len(entry.words) != 5:
        return None
    return Beat(entry.stamp_us, entry.host, *(int(word, 16) for word in entry.words))


def last_beat(path: Path) -> Beat | None:
    """The newest heartbeat, from the end of the record."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    for tail_bytes in (16 * 1024, 1024 * 1024, size):
        found = [each for entry in entries(path, max(0, size - tail_bytes)) if (each := beat(entry))]
        if found:
            return found[-1]
        if tail_bytes >= size:
            break
    return None


def summarize(report: GuestReport, lines: Iterable[Entry], *, mark_us: int | None, mark_pages: int = 0) -> GuestReport:
    """Fill in what the record knows. Without a mark the window is the life of the guest since it last booted."""
    previous_us = mark_us
    previous: Beat | None = None
    first_us = mark_us
    base_pages = mark_pages
    highest: Beat | None = None
    gap_us, gap_end_us = 0, None
    switch_us: int | None = None
    seen_on: dict[str, int] = {}
    for entry in lines:
        if entry.kind == "G":
            report.boots += 1
            report.ready = False
            report.heartbeats = report.split_brain_beats = 0
            previous = highest = switch_us = None
            previous_us = first_us = entry.stamp_us
            gap_us, base_pages = 0, 0
        elif entry.kind == "R":
            report.ready = True
        this = beat(entry)
        if this is None:
            continue
        report.heartbeats += 1
        seen_on[this.host] = this.stamp_us
        if highest is not None and this.seq <= highest.seq and this.host != highest.host:
            # Read in one look, two hosts' lines may change places; a second copy goes on for longer than that.
            report.split_brain_beats += this.stamp_us - highest.stamp_us > 100_000
        if highest is None or this.seq > highest.seq:
            highest = this
        first_us = this.stamp_us if first_us is None else first_us
        if previous_us is not None and this.stamp_us - previous_us > gap_us:
            gap_us, gap_end_us = this.stamp_us - previous_us, this.stamp_us
        if previous is not None and previous.host != this.host:
            switch_us = this.stamp_us - previous.stamp_us
        previous, previous_us = this, this.stamp_us
    now_us = time.monotonic_ns() // 1000
    report.longest_gap_ms = gap_us / 1000
    report.switchover_gap_ms = None if switch_us is None else switch_us / 1000
    if gap_end_us is not None:
        report.longest_gap_ended_s_ago = round((now_us - gap_end_us) / 1e6, 3)
    if previous is not None and highest is not None:
        report.last_heartbeat_age_ms = (now_us - previous.stamp_us) / 1000
        report.last_heartbeat_host = previous.host
        report.work_pages = highest.pages - base_pages
        report.bad_pages, report.passes_verified = highest.bad, highest.passes
        report.beating_on = sorted(host for host, at in seen_on.items() if now_us - at < FRESH_S * 1e6)
    if first_us is not None:
        report.window_s = round((now_us - first_us) / 1e6, 3)
        # Over the time up to now, so that work that has stopped counts as a falling rate.
        report.work_rate_pages_per_s = round(report.work_pages / max(report.window_s, 0.001), 1)
    return report
