# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests of an evacuation from the first start to the last end: asks the queue, and does what it says."""

from __future__ import annotations

import queue
import random
import time
import typing as t

from ..._core.evacuation.run.admission import MOST_DELAY_S, DestinationLook, DestinationSlots
from ..._core.evacuation.run.queued_guest import QueuedGuest, Stage
from ..._core.evacuation.run.record import EvacuationRecord
from ..._core.evacuation.run.result import ABORTED
from ..._core.evacuation.run.transfer_needs import needs_the_link_alone, to_be_sent
from ..._core.evacuation.run.transfer_queue import Begin, Send, TransferQueue
from ..._core.job.sample import Phase
from ..connection import Connection
from ..migration.driver import ProgressCallback
from .cancel import Cancellation
from .discovery import Discovery
from .guest_thread import Ended, GuestThreads, GuestTransfer, Post, Ready, Sending
from .host_guests import Destinations
from .memory_check import coming_from_others, lack_of_room
from .options import EvacuationOptions
from .power_threads import PowerOff, PowerOn
from .progress import EvacuationProgress
from .shared_limits import SharedSlots

_CHANCE = random.SystemRandom()
_POLL_S = 0.5
_LOOK_ROUND_EVERY_S = 5.0  # at the destinations that nobody is to go to from here


class Dispatcher:
    """Does what the queue says until all guests have ended. ``queue``: how far each is; ``notes``: what the user should
    know although it went well."""

    def __init__(
        self,
        source: Connection,
        options: EvacuationOptions,
        found: Discovery,
        destinations: Destinations,
        progress: EvacuationProgress,
        on_progress: ProgressCallback,
        record: EvacuationRecord,
    ) -> None:
        self._source, self._options, self._found, self._record = source, options, found, record
        self._destinations, self._progress, self._on_progress = destinations, progress, on_progress
        self._rows = found.rows
        self._mailbox: queue.Queue[Post] = queue.Queue()
        self._threads = GuestThreads(source, found.rows)
        retry = options.retry_busy_guests
        self.queue = TransferQueue(found.moving, options.slots, retry_busy_guests=retry)
        self.notes: list[str] = []
        self._looked_round_s = 0.0
        self._unanswered: set[str] = set()  # keys of guests whose destination did not answer when they were to be sent
        self._refused: set[str] = set()  # keys of guests that were ready, and whose threads are about to end
        self._shared = SharedSlots(options.limits, destinations.connection)

    def run(self, cancelling: Cancellation) -> None:
        """Until all have ended, or, after the user wants it to end, all that is being sent."""
        self._start_power_changes()
        while not self.queue.ended or self._threads:
            if cancelling.requested:
                self.queue.stop("CANCELLED")
                if self._options.abort_on_cancel:
                    self._threads.abort(key for key, one in self._all() if one.stage is Stage.SENDING)
            self._apply_queue()
            self._note()
            self._read_messages()
            self._shared.renew()
            self._progress.total(self.queue.guests.values())
        self._shared.close()
        self._progress.total(self.queue.guests.values(), last=True)

    def _note(self) -> None:
        self._record.look(self.queue.guests.values(), time.monotonic())

    def _all(self) -> t.Iterable[tuple[str, QueuedGuest]]:
        return self.queue.guests.items()

    # --- starting

    def _start_power_changes(self) -> None:
        uri = self._source.uri
        for key in (*self._found.stopping, *self._found.starting):
            self._rows[key].attempts = 1
        for key in self._found.stopping:
            self._threads.start(PowerOff(key, uri, self._mailbox, self._options.shutdown_limit_s))
        for key in self._found.starting:
            self._threads.start(PowerOn(key, uri, self._mailbox))

    def _apply_queue(self) -> None:
        if not any(one.stage in (Stage.WAITING, Stage.READY) for _key, one in self._all()):
            self._give_back_leases(self._look_at_destinations)
            return
        looks = self._look_at_destinations()
        self._give_back_leases(lambda: looks)
        ready = {one.destination: key for key, one in self._all() if one.stage is Stage.READY and not one.adopts}
        entered = {name for name in ready if self._shared.take_start_lease(name)}
        if entered:
            looks.update(self._look_at(entered))  # what was begun before this host entered shows now
        now_s = time.monotonic()
        places = self.queue.places(looks, now_s, _CHANCE.uniform(0, MOST_DELAY_S))
        for name in set(ready) - entered:
            places[name] = DestinationSlots(self._options.slots.per_destination)
        for move in self.queue.due(now_s, places, self._shared.reserve):
            if isinstance(move, Begin):
                self._begin(move)
            elif isinstance(move, Send):
                self._send(move.key)
            else:
                self._threads.dismiss(move.key)
        self._refuse_without_limits()

    def _refuse_without_limits(self) -> None:
        """Those that would wait without end for limits that nobody tells. They run here as before."""
        for key, one in self._all():
            if one.stage is not Stage.READY or one.adopts or key in self._refused:
                continue
            why = self._shared.out_of_reach(one.destination, self._rows[key].name)
            if why is not None:
                self._refused.add(key)
                self._threads.dismiss(key, why)

    def _give_back_leases(self, look: t.Callable[[], t.Mapping[str, DestinationLook]]) -> None:
        """Give back what other hosts wait for: destinations where nobody begins, and links that nobody needs."""

        def begins(key: str, name: str) -> bool:
            seen = look().get(name, DestinationLook())
            return self.queue.guests[key].stage is Stage.SENDING and key not in seen.arriving | seen.active

        self._shared.return_start_leases(begins)
        under_way = (Stage.SENDING, Stage.READY)
        self._shared.release(lambda key: self.queue.guests[key].stage in under_way)

    def _begin(self, move: Begin) -> None:
        key = move.key
        row = self._rows[key]
        row.destination, row.attempts = move.destination, self.queue.guests[key].attempts
        options = self._options.options_of(self._found.entries[key], move.destination)
        marks = self._options.leaving
        self._threads.start(
            GuestTransfer(key, options, self._source.uri, self._mailbox, self._on_progress, marks=marks)
        )

    def _send(self, key: str) -> None:
        one = self.queue.guests[key]
        if not one.adopts:
            self._shared.begins(key, one.destination)
        lacking = None
        guest = self._found.here.get(key)
        if guest is not None and not self._options.force:
            going = [other for _key, other in self._going(one.destination) if other is not one]
            seen = self._destinations.guests_on(one.destination)
            if seen is None:
                self._unanswered.add(key)
            own = {other.options.key for other in going} | self._sent()
            coming = sum(other.left_bytes for other in going) + (coming_from_others(seen, own) if seen else 0)
            connection = self._destinations.connection(one.destination)
            lacking = lack_of_room(one.destination, connection, seen, guest, coming)
        if lacking is not None:
            self._threads.dismiss(key, lacking)
        else:
            self._threads.let_go(key)

    def _going(self, destination: str) -> list[tuple[str, QueuedGuest]]:
        return [(key, one) for key, one in self._all() if one.stage is Stage.SENDING and one.destination == destination]

    def _sent(self) -> set[str]:
        """Keys of guests whose bytes have all gone: they may show as arriving for a while, but need no place."""
        return {key for key, one in self._all() if one.stage is Stage.SENT}

    def _look_at_destinations(self) -> dict[str, DestinationLook]:
        """By name; of those that guests are still to go to, and every 5 s of all. One that does not answer is
        missing."""
        names = {one.destination for _key, one in self._all() if not one.ended}
        if time.monotonic() - self._looked_round_s >= _LOOK_ROUND_EVERY_S:
            self._looked_round_s = time.monotonic()
            names |= set(self._destinations.names)
        return self._look_at(names)

    def _look_at(self, names: t.Iterable[str]) -> dict[str, DestinationLook]:
        """Whoever keeps limits is connected to anew although nobody goes there any more."""
        found: dict[str, DestinationLook] = {}
        for name in names:
            found[name] = DestinationLook()
            given_up = name in self.queue.closed and name != self._options.limits.kept_at
            seen = None if given_up else self._destinations.guests_on(name)
            if seen is not None:
                found[name] = DestinationLook(frozenset(seen.arriving), frozenset(seen.active))
        return found

    # --- what is heard of them

    def _read_messages(self) -> None:
        deadline_s = time.monotonic() + _POLL_S
        while True:
            wait_s = deadline_s - time.monotonic()
            try:
                post = self._mailbox.get(timeout=wait_s) if wait_s > 0 else self._mailbox.get_nowait()
            except queue.Empty:
                return
            if self._take_in(post):
                deadline_s = time.monotonic()
            self._note()

    def _take_in(self, post: Post) -> bool:
        """Take in what a thread has posted; whether others may begin because of it."""
        if isinstance(post, Ready):
            self._is_ready(post)
        elif isinstance(post, Ended):
            self._ended(post)
        elif post.numbers["phase"] == Phase.COMPLETED.value:
            self.queue.sent(post.key)
        else:
            self._sending(post)
            return False
        return True

    def _sending(self, post: Sending) -> None:
        numbers = post.numbers
        if numbers["phase"] == Phase.SETUP.value:
            self.queue.setting_up(post.key)
            return
        left, rate = numbers["remaining_bytes"], float(numbers["bandwidth_bytes_per_s"])
        self.queue.sending(post.key, left, rate, time.monotonic(), numbers["time_left_s"])

    def _is_ready(self, post: Ready) -> None:
        expected_bytes, least_s = to_be_sent(post.forecast)
        self._record.expected(post.key, post.forecast)
        self.queue.ready(
            post.key,
            time.monotonic(),
            busy=needs_the_link_alone(post.forecast, self._options.slots.per_source),
            expected_bytes=expected_bytes,
            least_s=least_s,
        )

    def _ended(self, post: Ended) -> None:
        row = self._rows[post.key]
        row.elapsed_s = self._threads.ended(post.key)
        self.notes += post.notes
        self._refused.discard(post.key)
        self._record.ended(post.key, post.result if post.error is None else post.error.facts)
        one = self.queue.guests.get(post.key)
        if post.error is None:
            row.arrive(post.result)
            if one is not None:
                self.queue.arrived(post.key)
            self._progress.ended(row)
            return
        row.fail(post.error)
        if one is None or one.stage is Stage.FAILED:  # it was dismissed
            return
        # Nothing has begun then: it is a failure of the destination, and says nothing of the other ones.
        reason = "CONNECTION_FAILED" if post.key in self._unanswered else post.error.reason
        self._unanswered.discard(post.key)
        answer = self.queue.failed(post.key, reason, time.monotonic())
        if post.key in self._threads.aborted and row.runs_on == row.source:
            row.clear()
            row.outcome = ABORTED
            self._progress.ended(row)
            return
        more = {"again": "; it is tried again", "other_destination": f"; now to {one.destination}"}
        self._progress.report(row, f"{post.error.reason}: {post.error.problem}{more.get(answer.value, '')}")
