# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue of one host's transfers: which begin now, what a failure calls for, and when it is enough.

There are no batches: whatever ends makes way at once. It is told what happens and what time it is, and waits for
nothing itself.
"""

from __future__ import annotations

import typing as t

from .admission import Contention, DestinationLook, DestinationSlots, Slots, link_will_idle, may_start
from .link_gain import LinkGain
from .queued_guest import NEVER_S, QueuedGuest, Stage, TransferOptions
from .retry import DESTINATION_FAILED, WROTE_TOO_FAST, RetryDecision, back_off_s, decide_retry, infrastructure

_CLOSED_AFTER = 2  # failures of a destination that speak of the destination itself; a choice
_MOST_SETUP_S = 5.0  # a destination under load needed 2 to 4 s to start a QEMU (docs/design.md)


class Begin(t.NamedTuple):
    """Look at this guest, and measure it as long as its start needs; it is then reported as ready."""

    key: str
    destination: str


class Send(t.NamedTuple):
    """Send this guest, which is ready."""

    key: str


class Dismiss(t.NamedTuple):
    """Do not send this guest, though it is ready: no more begin."""

    key: str


Move = t.Union[Begin, Send, Dismiss]


class TransferQueue:
    """The guests of one host that are to be sent. ``stopped``: the reason code for which no more begin, empty while
    they do. ``closed``: names of destinations that are given up.

    ``retry_busy_guests``: whether one that wrote too fast is tried once more, after others.
    """

    def __init__(
        self,
        options: t.Sequence[TransferOptions],
        slots: Slots,
        *,
        retry_busy_guests: bool = False,
    ) -> None:
        self._slots, self._retry_busy_guests = slots, retry_busy_guests
        self.guests = {one.key: QueuedGuest(one, (one.destinations or ("",))[0]) for one in options}
        self.stopped = ""
        self.closed: set[str] = set()
        self._contention = Contention(slots.per_destination)
        self._gain = LinkGain()
        self._setup_s = 0.0
        self._destination_failures: dict[str, int] = {}
        self._failures: list[str] = []
        for one in self.guests.values():
            one.left_bytes, one.adopts = one.options.size_bytes, one.options.moving or one.options.there

    @property
    def ended(self) -> bool:
        return not any(one.running or (one.stage is Stage.WAITING and not self.stopped) for one in self._all())

    def places(
        self, looks: t.Mapping[str, DestinationLook], now_s: float, delay_s: float
    ) -> dict[str, DestinationSlots]:
        """The places of each destination that was looked at; a destination that shows a guest of ours is noted.

        What goes there from here counts before it shows, and no more when the links are done with it. ``delay_s``:
        drawn at random, see :class:`Contention`.
        """
        found: dict[str, DestinationSlots] = {}
        sent = {one.options.key for one in self._in(Stage.SENT)}
        idle = self.link_will_idle(now_s)
        for name, look in looks.items():
            for key in look.arriving | look.active:
                self.shows(key, name)
            going = {one.options.key for one in self._in(Stage.SENDING) if one.destination == name}
            others = bool(look.arriving - set(self.guests))
            taken = len(look.arriving - sent | going)
            extra_slots = 1 if idle and going and not others else 0
            not_before_s = self._contention.not_before_s(
                name, taken - extra_slots, others=others, now_s=now_s, delay_s=delay_s
            )
            found[name] = DestinationSlots(taken, extra_slots, not_before_s)
        return found

    def due(
        self,
        now_s: float,
        places: t.Mapping[str, DestinationSlots],
        reserve: t.Callable[[str, str], bool] = lambda _key, _destination: True,
    ) -> list[Move]:
        """What is to be done now. ``places``: of each destination, as :meth:`places` gives them.

        ``reserve``: whether one that may start, by key and destination, also may by the limits that others share.
        """
        moves: list[Move] = []
        if self.stopped:
            for one in self._in(Stage.READY):
                one.stage, one.reason = Stage.FAILED, "NOT_STARTED"
                moves.append(Dismiss(one.options.key))
            return moves
        places = dict(places)
        for one in self._in(Stage.READY):
            there = places.get(one.destination, DestinationSlots())
            may = one.adopts or self._may_start(one, there, now_s)
            if may and (one.adopts or reserve(one.options.key, one.destination)):
                one.stage, one.sent_s, one.set_up, one.ends_s = Stage.SENDING, now_s, False, NEVER_S
                # It does not show there yet.
                places[one.destination] = there._replace(taken=there.taken + (not one.adopts))
                moves.append(Send(one.options.key))
            elif one.busy:
                break  # others that begin meanwhile would put it off for ever
        idle = self.link_will_idle(now_s)
        for one in self._in(Stage.WAITING):
            if one.not_before_s <= now_s and (one.adopts or self._may_prepare(one, places, now_s, idle)):
                one.stage = Stage.PREPARING
                one.attempts += 1
                moves.append(Begin(one.options.key, one.destination))
        return moves

    def link_will_idle(self, now_s: float) -> bool:
        """Whether one more may be set up beside those that are sent."""
        return link_will_idle(self._in(Stage.SENDING), self._setup_s, now_s)

    # --- what is reported

    def shows(self, key: str, destination: str) -> None:
        """A guest is seen at a destination though it was not sent from here: another run beside this one is at work."""
        one = self.guests.get(key)
        if one is not None and one.stage is Stage.WAITING:
            one.adopts, one.destination = True, destination

    def ready(
        self, key: str, now_s: float, *, busy: bool, expected_bytes: t.Optional[int] = None, least_s: float = 0.0
    ) -> None:
        """The guest was looked at, and waits to be sent. ``busy``: it is to be sent alone; ``expected_bytes``: to be
        sent in all; ``least_s``: how long that takes when it has the link alone (0: not known)."""
        one = self.guests[key]
        one.stage, one.busy, one.ready_s, one.least_s = Stage.READY, busy, now_s, least_s
        one.adopts = False  # what moves already never asks
        if expected_bytes:
            one.left_bytes = expected_bytes

    def setting_up(self, key: str) -> None:
        # One that is adopted or is there already never asks.
        self.guests[key].stage = Stage.SENDING

    def sending(
        self, key: str, left_bytes: int, bytes_per_s: float, now_s: float, time_left_s: t.Optional[float] = None
    ) -> None:
        self.setting_up(key)
        one = self.guests[key]
        if not one.set_up:
            self._setup_s, one.set_up = min(_MOST_SETUP_S, max(self._setup_s, now_s - one.sent_s)), True
        one.left_bytes, one.bytes_per_s = left_bytes, bytes_per_s
        one.ends_s = NEVER_S if time_left_s is None else now_s + time_left_s
        flowing = [other for other in self._in(Stage.SENDING) if other.set_up]
        self._gain.note([(other.destination, other.bytes_per_s) for other in flowing], now_s)

    def sent(self, key: str) -> None:
        """All bytes of the guest have gone: the next one may begin."""
        one = self.guests[key]
        one.stage, one.left_bytes, one.bytes_per_s = Stage.SENT, 0, 0.0

    def arrived(self, key: str) -> None:
        """The guest was seen to run where it should."""
        one = self.guests[key]
        one.stage, one.left_bytes, one.bytes_per_s, one.reason = Stage.DONE, 0, 0.0, ""
        self._failures = []
        self._destination_failures.pop(one.destination, None)

    def failed(self, key: str, reason: str, now_s: float) -> RetryDecision:
        """What follows from a failure with this reason code: AGAIN and OTHER_DESTINATION (the guest is in the queue
        again), GIVE_UP or STOP_ALL."""
        one = self.guests[key]
        one.reason, one.bytes_per_s, one.left_bytes = reason, 0.0, one.options.size_bytes
        one.adopts, one.set_up = False, True
        what = decide_retry(reason)
        self._count(one, reason)
        if self.stopped:
            one.stage = Stage.FAILED
            return RetryDecision.GIVE_UP if what is not RetryDecision.STOP_ALL else what
        if what is RetryDecision.STOP_ALL:
            one.stage, self.stopped = Stage.FAILED, reason
            return what
        if what is RetryDecision.OTHER_DESTINATION:
            one.refused_by.append(one.destination)
            other = one.other_destination(self.closed, self._load())
            if other is not None:
                one.destination, one.stage, one.not_before_s = other, Stage.WAITING, now_s
                return what
            what = (
                RetryDecision.AGAIN
                if reason in DESTINATION_FAILED and one.destination not in self.closed
                else RetryDecision.GIVE_UP
            )
        if self._retry_busy_guests and reason in WROTE_TOO_FAST and one.attempts == 1:
            what = RetryDecision.AGAIN
        if what is RetryDecision.AGAIN and one.attempts < self._slots.attempts:
            one.refused_by = [name for name in one.refused_by if name != one.destination]
            one.stage, one.not_before_s = Stage.WAITING, now_s + back_off_s(one.attempts)
            return what
        one.stage = Stage.FAILED
        return RetryDecision.GIVE_UP

    def stop(self, reason: str) -> None:
        """Nothing more begins; what is being sent is sent to its end."""
        self.stopped = self.stopped or reason

    # --- inside

    def _all(self) -> t.Iterable[QueuedGuest]:
        return self.guests.values()

    def _in(self, *stages: Stage) -> list[QueuedGuest]:
        return [one for one in self._all() if one.stage in stages]

    def _load(self) -> dict[str, int]:
        """What is still to arrive at each destination."""
        load: dict[str, int] = {}
        for one in self._all():
            load[one.destination] = load.get(one.destination, 0) + (0 if one.ended else one.left_bytes)
        return load

    def _may_start(self, one: QueuedGuest, there: DestinationSlots, now_s: float) -> bool:
        sending = self._in(Stage.SENDING)
        pays = self._gain.pays([other.destination for other in sending], one.destination)
        return may_start(one, sending, there, self._slots, now_s, self._setup_s, pays=pays)

    def _may_prepare(
        self, one: QueuedGuest, places: t.Mapping[str, DestinationSlots], now_s: float, idle: bool
    ) -> bool:
        slots = self._slots
        under_way = self._in(Stage.PREPARING, Stage.READY, Stage.SENDING)
        if len(under_way) >= slots.per_source + slots.ahead + (1 if idle else 0):
            return False
        coming = [other for other in under_way if other.stage is not Stage.SENDING]
        same = sum(other.destination == one.destination for other in coming)
        return places.get(one.destination, DestinationSlots()).may_be_prepared_for(slots, now_s, same)

    def _count(self, one: QueuedGuest, reason: str) -> None:
        """Towards giving up a destination, or all."""
        name = one.destination
        if reason in DESTINATION_FAILED:
            self._destination_failures[name] = self._destination_failures.get(name, 0) + 1
            if self._destination_failures[name] >= _CLOSED_AFTER and name not in self.closed:
                self.closed.add(name)
                self._move_on(name)
        if name in self.closed or not infrastructure(reason):
            return
        self._failures.append(one.options.key)
        if len(self._failures) >= self._slots.breaker and len(set(self._failures)) > 1:
            self.stop("INFRASTRUCTURE")

    def _move_on(self, name: str) -> None:
        """Those that wait for a destination that is given up go elsewhere, or nowhere."""
        for one in self._in(Stage.WAITING):
            if one.destination != name or one.adopts:
                continue
            other = one.other_destination(self.closed, self._load())
            if other is None:
                one.stage, one.reason = Stage.FAILED, "DESTINATION_GIVEN_UP"
            else:
                one.destination = other
