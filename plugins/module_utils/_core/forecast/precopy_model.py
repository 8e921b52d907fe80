# SPDX-License-Identifier: GPL-3.0-or-later
"""One migration by formula: pass after pass, until what is left fits the downtime or no longer gets less."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, replace

from ..job.downtime_limit import SWITCH_COST_MS, limit_for, worth_finishing
from .dirty_curve import DirtyCurve
from .transfer_costs import ZEROS_PLACED_BYTES_PER_S, sending_s
from .working_set import ZEROS_BYTES_PER_S

_MAX_PASSES = 1000  # bounds the work
_STANDS_STILL = 0.995  # of what was left a pass before: from here on it no longer gets less
_NEARLY = 1.02  # QEMU sends in bursts, so it does get below a limit that the formula only comes close to
_CACHED_FROM_PASS = 3  # the second pass fills the cache of the compression, the third finds its pages there
_SET_ONLY_FROM_PASS = 3  # by then all else has been sent


@dataclass(frozen=True)
class MigrationCourse:
    """How a migration goes. ``floor_bytes``: the least that was left at a boundary."""

    finishes: bool
    passes: int
    total_s: float
    sent_bytes: int
    downtime_ms: int
    floor_bytes: int
    postcopy_s: float = 0.0

    def document(self) -> dict[str, t.Any]:
        return {**asdict(self), "total_s": round(self.total_s, 1), "postcopy_s": round(self.postcopy_s, 1)}


@dataclass(frozen=True)
class TransferPath:
    """What is sent over what: bytes the guest uses at all, bytes/s that arrive, and the start's downtime limit.

    ``scan_s``: how long QEMU looks at the pages of zeros in the first pass. ``link_bytes_per_s``: what the link
    carries, where a limit keeps passes below that (0: no more than passes get); the last bytes are not kept to the
    limit. ``switch_ms``: what the switch takes beside the last bytes.
    """

    touched_bytes: float
    bandwidth_bytes_per_s: float
    start_limit_ms: float
    scan_s: float = 0.0
    link_bytes_per_s: float = 0.0
    switch_ms: float = SWITCH_COST_MS

    @property
    def least_s(self) -> float:
        """No method is faster."""
        return self.pass_s(self.touched_bytes, self.scan_s)

    @property
    def placed_s(self) -> float:
        """How long the pages of zeros take in post-copy, where the destination places each of them."""
        return self.scan_s * ZEROS_BYTES_PER_S / ZEROS_PLACED_BYTES_PER_S

    def pass_s(self, wire_bytes: float, scanning_s: float = 0.0) -> float:
        return sending_s(wire_bytes, self.bandwidth_bytes_per_s, self.link_bytes_per_s, scanning_s)

    def stands_ms(self, rest_bytes: float) -> float:
        """How long the guest stands still for the last bytes."""
        return rest_bytes / max(self.link_bytes_per_s, self.bandwidth_bytes_per_s) * 1000 + self.switch_ms

    def narrowed(self, bandwidth_bytes_per_s: float) -> TransferPath:
        return replace(self, bandwidth_bytes_per_s=bandwidth_bytes_per_s)


def precopy(
    load: DirtyCurve,
    path: TransferPath,
    highest_ms: int,
    patience_s: float,
    *,
    throttled: t.Optional[DirtyCurve] = None,
    throttle_percent: int = 0,
    resend_cost: t.Optional[float] = None,
    all_compressed: bool = False,
) -> MigrationCourse:
    """Pre-copy under the finishing rule. ``throttled``: what the guest does under auto-converge of
    ``throttle_percent``, where that is used; ``resend_cost``: bytes on the wire per byte of a page that is sent again,
    where it is compressed; with ``all_compressed`` of any page, from the first pass on.

    QEMU has to see two passes before it throttles, so a throttle is in force from the third; so is compression, and
    the supervisor waits for it.
    """
    bandwidth, whole = path.bandwidth_bytes_per_s, float(path.touched_bytes)  # in bytes, as all without a unit here
    left, total_s, sent, least = whole, 0.0, 0.0, whole
    limit = _DowntimeLimit(path.start_limit_ms, highest_ms, patience_s)
    again, unchanged = 1.0 if resend_cost is None else resend_cost, throttled is None and resend_cost is None
    for number in range(1, _MAX_PASSES + 1):
        settled = number >= _CACHED_FROM_PASS
        now = throttled if throttled is not None and settled else load
        cost = again if settled or all_compressed else 1.0
        # QEMU looks at the bitmap as soon as what it knows of fits the limit; that much is left over.
        unsent = min(left, bandwidth * limit.now_ms / 1000)
        time_s = path.pass_s((left - unsent) * cost, path.scan_s if number == 1 else 0.0)
        sent, total_s = sent + (left - unsent) * cost, total_s + time_s
        # What is left over is of the set, too, once all else has been sent.
        most = whole if number < _SET_ONLY_FROM_PASS else max(unsent, load.working_set_bytes)
        after = min(most, unsent + now.unique_bytes(time_s))
        least = min(least, after)
        need_ms = after / bandwidth * 1000
        following = load.at_most(need_ms / 1000) if unchanged or number < _CACHED_FROM_PASS - 1 else None
        waits = resend_cost is not None and not settled and not all_compressed
        limit.end_of_pass(need_ms, after, left, following, total_s, throttle_percent if settled else 0, waits=waits)
        if need_ms <= limit.now_ms * _NEARLY:
            # QEMU compares the pages as they are with its bandwidth; what goes over the wire then may be less.
            rest_cost = again if all_compressed or number + 1 >= _CACHED_FROM_PASS else 1.0
            return _switched(path, number, total_s, sent, after * rest_cost, least)
        if after >= _STANDS_STILL * left and number > _CACHED_FROM_PASS:
            return MigrationCourse(False, number, total_s, int(sent), 0, int(least))
        left = after
    return MigrationCourse(False, _MAX_PASSES, total_s, int(sent), 0, int(least))


def _switched(
    path: TransferPath, passes: int, total_s: float, sent_bytes: float, rest_bytes: float, least_bytes: float
) -> MigrationCourse:
    """QEMU switches over after so many passes, with so much left to send while the guest stands still."""
    downtime_ms = path.stands_ms(rest_bytes)
    ends_s = total_s + downtime_ms / 1000
    return MigrationCourse(True, passes, ends_s, int(sent_bytes + rest_bytes), round(downtime_ms), int(least_bytes))


class _DowntimeLimit:
    """The limit as the supervisor sets it, pass after pass. ``now_ms``: the one in force."""

    def __init__(self, start_ms: float, highest_ms: int, patience_s: float) -> None:
        self.now_ms, self._highest_ms, self._patience_s = start_ms, highest_ms, patience_s
        self._first_chance_s: t.Optional[float] = None

    def end_of_pass(
        self,
        need_ms: float,
        after: float,
        before: float,
        following: t.Optional[float],
        at_s: float,
        throttle_percent: int,
        *,
        waits: bool,
    ) -> None:
        """Raise it where that finishes and is worth it. ``after`` and ``before``: bytes left now and a pass ago;
        ``following``: those of the next pass, None where not known; ``waits``: nothing is raised yet."""
        raised = limit_for(need_ms, self._highest_ms)
        if need_ms <= self.now_ms or raised is None:
            return
        self._first_chance_s = at_s if self._first_chance_s is None else self._first_chance_s
        if not waits and worth_finishing(
            after,
            before,
            next_bytes=following,
            waited_s=at_s - self._first_chance_s,
            patience_s=self._patience_s,
            throttle_percent=throttle_percent,
        ):
            self.now_ms = raised


def postcopy(load: DirtyCurve, path: TransferPath, share: float) -> MigrationCourse:
    """Post-copy, switched to after ``share`` (0 to 1) of the first pass; what was sent and rewritten is sent again."""
    before = path.touched_bytes * share
    again = min(before, share * load.unique_bytes(share * path.least_s))
    rest = path.touched_bytes - before + again
    rest_s = path.pass_s(rest, (1 - share) * path.placed_s)
    total_s = share * path.least_s + rest_s + path.switch_ms / 1000
    return MigrationCourse(True, 1, total_s, int(before + rest), round(path.switch_ms), int(again), rest_s)


def latest_share(load: DirtyCurve, path: TransferPath, max_again: float) -> float:
    """How much of the first pass can be done before post-copy without sending more than ``max_again`` of it twice.

    Late is safer: the less is left, the shorter the guest depends on both hosts.
    """
    for twentieths in range(20, 0, -1):
        if postcopy(load, path, twentieths / 20).floor_bytes <= max_again * path.touched_bytes:
            return twentieths / 20
    return 1 / 20
