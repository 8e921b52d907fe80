# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests of an evacuation from the first start to the last end: asks the queue, and does what it says."""

from __future__ import annotations

import queue
import random
import time
import typing as t
from dataclasses import replace

from ..._core.evacuation.run.admission import MOST_DELAY_S, DestinationLook, Places
from ..._core.evacuation.run.progress import needs_the_link_alone
from ..._core.evacuation.run.queued_guest import QueuedGuest, Stage
from ..._core.evacuation.run.result import ABORTED
from ..._core.evacuation.run.transfer_queue import Begin, Send, TransferQueue
from ..._core.job.sample import Phase
from ..connection import Connection
from ..migration.driver import Tell
from .cancel import Cancellation
from .discovery import Discovery
from .guest_thread import Ended, GuestThreads, GuestTransfer, Post, Ready, Sending
from .host_guests import Destinations
from .memory_check import coming_from_others, lack_of_room
from .power_threads import PowerOff, PowerOn
from .progress import EvacuationProgress
from .shared_limits import SharedPlaces
from .task import EvacuationOptions

_CHANCE = random.SystemRandom()
_POLL_S = 0.5
_LOOK_ROUND_EVERY_S = 5.0  # at the destinations that nobody is to go to from here


class Dispatcher:
    """``queue``: how far each guest is; ``notes``: what the user should know although it went well."""

    def __init__(
        self,
        source: Connection,
        task: EvacuationOptions,
        found: Discovery,
        destinations: Destinations,
        announcer: EvacuationProgress,
        tell: Tell,
    ) -> None:
        self._source, self._task, self._found = source, task, found
        self._destinations, self._announcer, self._tell = destinations, announcer, tell
        self._rows = found.rows
        self._mailbox: queue.Queue[Post] = queue.Queue()
        self._under_way = GuestThreads(source, found.rows)
        self.queue = TransferQueue(found.moving, task.slots, unmeasured=True, retry_loaded=task.retry_loaded)
        self.notes: list[str] = []
        self._looked_round_s = 0.0
        self._shared = SharedPlaces(task.limits, destinations.connection)

    def run(self, cancelling: Cancellation) -> None:
        self._switch()
        while not self.queue.ended or self._under_way:
            if cancelling.wanted:
                self.queue.stop("CANCELLED")
                if self._task.abort_on_cancel:
                    self._under_way.abort(key for key, one in self._all() if one.stage is Stage.SENDING)
            self._move()
            self._read_mail()
            self._shared.renew()
            self._announcer.total(self.queue.departures.values())
        self._shared.close()
        self._announcer.total(self.queue.departures.values(), last=True)

    def _all(self) -> t.Iterable[tuple[str, QueuedGuest]]:
        return self.queue.departures.items()

    # --- starting

    def _switch(self) -> None:
        uri = self._source.uri
        for key in self._found.stopping:
            self._under_way.start(PowerOff(key, key, uri, self._mailbox, self._task.shutdown_limit_s))
        for key in self._found.starting:
            self._under_way.start(PowerOn(key, key, uri, self._mailbox))

    def _move(self) -> None:
        if not any(one.stage in (Stage.WAITING, Stage.READY) for _key, one in self._all()):
            self._let_others(self._look_at_destinations)
            return
        looks = self._look_at_destinations()
        self._let_others(lambda: looks)
        ready = {one.destination: key for key, one in self._all() if one.stage is Stage.READY and not one.adopts}
        doors = {name for name in ready if self._shared.enter(name)}
        if doors:
            looks.update(self._look_at(doors))  # what was begun before this host entered shows now
        now_s = time.monotonic()
        places = self.queue.places(looks, now_s, _CHANCE.uniform(0, MOST_DELAY_S))
        for name in set(ready) - doors:
            places[name] = Places(self._task.slots.per_destination)
        for move in self.queue.due(now_s, places, self._shared.reserve):
            if isinstance(move, Begin):
                self._begin(move)
            elif isinstance(move, Send):
                self._send(move.key)
            else:
                self._under_way.dismiss(move.key)

    def _let_others(self, look: t.Callable[[], t.Mapping[str, DestinationLook]]) -> None:
        """Start at the destinations where nobody begins, and over the links that nobody needs any more."""

        def begins(key: str, name: str) -> bool:
            seen = look().get(name, DestinationLook())
            return self.queue.departures[key].stage is Stage.SENDING and key not in seen.arriving | seen.active

        self._shared.leave(begins)
        under_way = (Stage.SENDING, Stage.READY)
        self._shared.release(lambda key: self.queue.departures[key].stage in under_way)

    def _begin(self, move: Begin) -> None:
        key = move.key
        self._rows[key].destination = move.destination
        order = self._task.order(self._found.asked[key], move.destination)
        if not move.measured:
            order = replace(order, asked=order.asked._replace(measure=False))
        marks = self._task.leaving
        self._under_way.start(GuestTransfer(key, key, order, self._source.uri, self._mailbox, self._tell, marks=marks))

    def _send(self, key: str) -> None:
        one = self.queue.departures[key]
        if not one.adopts:
            self._shared.begins(key, one.destination)
        lacking = None
        guest = self._found.here.get(key)
        if guest is not None and not self._task.force:
            going = [other for _key, other in self._going(one.destination) if other is not one]
            seen = self._destinations.census(one.destination)
            own = {other.wanted.key for other in going} | self._sent()
            coming = sum(other.left_bytes for other in going) + (coming_from_others(seen, own) if seen else 0)
            connection = self._destinations.connection(one.destination)
            lacking = lack_of_room(one.destination, connection, seen, guest, coming)
        if lacking is not None:
            self._under_way.dismiss(key, lacking)
        else:
            self._under_way.let_go(key)

    def _going(self, destination: str) -> list[tuple[str, QueuedGuest]]:
        return [(key, one) for key, one in self._all() if one.stage is Stage.SENDING and one.destination == destination]

    def _sent(self) -> set[str]:
        """They may show for a while, but need no place any more."""
        return {key for key, one in self._all() if one.stage is Stage.SENT}

    def _look_at_destinations(self) -> dict[str, DestinationLook]:
        """At those that guests are still to go to, and now and then at all. One that does not answer shows nothing."""
        names = {one.destination for _key, one in self._all() if not one.ended}
        if time.monotonic() - self._looked_round_s >= _LOOK_ROUND_EVERY_S:
            self._looked_round_s = time.monotonic()
            names |= set(self._destinations.names)
        return self._look_at(names)

    def _look_at(self, names: t.Iterable[str]) -> dict[str, DestinationLook]:
        found: dict[str, DestinationLook] = {}
        for name in names:
            found[name] = DestinationLook()
            seen = None if name in self.queue.closed else self._destinations.census(name)
            if seen is not None:
                found[name] = DestinationLook(frozenset(seen.arriving), frozenset(seen.active))
        return found

    # --- what is heard of them

    def _read_mail(self) -> None:
        deadline_s = time.monotonic() + _POLL_S
        while True:
            wait_s = deadline_s - time.monotonic()
            try:
                post = self._mailbox.get(timeout=wait_s) if wait_s > 0 else self._mailbox.get_nowait()
            except queue.Empty:
                return
            if self._open(post):
                deadline_s = time.monotonic()

    def _open(self, post: Post) -> bool:
        """Whether others may begin for what it tells; how far a guest is can wait."""
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
        told = post.numbers
        if told["phase"] == Phase.SETUP.value:
            self.queue.setting_up(post.key)
            return
        left, rate = told["remaining_bytes"], float(told["bandwidth_bytes_per_s"])
        self.queue.sending(post.key, left, rate, time.monotonic(), told["time_left_s"])

    def _is_ready(self, post: Ready) -> None:
        expected, basis = post.forecast.get("expected") or {}, post.forecast.get("basis") or {}
        touched, bandwidth = basis.get("touched_bytes"), basis.get("bandwidth_bytes_per_s")
        self.queue.ready(
            post.key,
            time.monotonic(),
            busy=needs_the_link_alone(post.forecast, self._task.slots.per_source),
            expected_bytes=expected.get("sent_bytes"),
            least_s=touched / bandwidth if touched and bandwidth else 0.0,
        )

    def _ended(self, post: Ended) -> None:
        row = self._rows[post.key]
        row.elapsed_s = self._under_way.ended(post.key)
        self.notes += post.notes
        one = self.queue.departures.get(post.key)
        if post.error is None:
            row.arrive(post.result)
            if one is not None:
                self.queue.arrived(post.key)
            self._announcer.ended(row)
            return
        row.fail(post.error)
        if one is None or one.stage is Stage.FAILED:  # it was dismissed
            return
        answer = self.queue.failed(post.key, post.error.reason, time.monotonic())
        if post.key in self._under_way.aborted and row.runs_on == row.source:
            row.clear()
            row.outcome = ABORTED
            self._announcer.ended(row)
            return
        more = {"again": "; it is tried again", "other_destination": f"; now to {one.destination}"}
        self._announcer.say(row, f"{post.error.reason}: {post.error.problem}{more.get(answer.value, '')}")
