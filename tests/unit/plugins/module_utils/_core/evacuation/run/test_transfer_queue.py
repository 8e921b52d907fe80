# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.admission import (
    DestinationLook,
    DestinationSlots,
    Slots,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.queued_guest import (
    Stage,
    TransferOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.retry import (
    RetryDecision,
    back_off_s,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.transfer_queue import (
    Begin,
    Dismiss,
    Send,
    TransferQueue,
)

MIB = 1 << 20


def taken(count: int) -> dict[str, DestinationSlots]:
    return {"kvm02": DestinationSlots(count)}


def queue(*names: str, slots: Slots | None = None, **wanted: t.Any) -> TransferQueue:
    destinations = wanted.pop("destinations", ("kvm02",))
    guests = [TransferOptions(name, name, destinations, **{"size_bytes": 100 * MIB, **wanted}) for name in names]
    return TransferQueue(guests, slots or Slots())


def sent(found: TransferQueue, *names: str, busy: bool = False) -> None:
    """These are prepared and let go at once."""
    for name in names:
        found.ready(name, 0.0, busy=busy)
    assert [move for move in found.due(0.0, {}) if isinstance(move, Send)] == [Send(name) for name in names]


def test_one_is_prepared_ahead() -> None:
    found = queue("a", "b", "c", "d", slots=Slots(ahead=1))
    assert [move.key for move in found.due(0.0, {}) if isinstance(move, Begin)] == ["a", "b", "c"]
    sent(found, "a", "b")
    found.ready("c", 1.0, busy=False)
    assert found.due(1.0, taken(2)) == []
    found.arrived("a")
    assert found.due(2.0, taken(1)) == [Send("c"), Begin("d", "kvm02")]


def test_one_that_is_sent_or_moves_already_fills_a_place() -> None:
    found = queue("a", "b", "c", "d", slots=Slots(ahead=1))
    found.due(0.0, {})
    sent(found, "a", "b")
    found.ready("c", 1.0, busy=False)
    found.arrived("a")
    assert found.due(4.0, taken(1)) == [Send("c"), Begin("d", "kvm02")]
    moving = [TransferOptions(name, name, ("kvm02",), moving=name != "c") for name in "abc"]
    found = TransferQueue(moving, Slots(per_destination=3))
    assert found.due(0.0, taken(2)) == [Begin("a", "kvm02"), Begin("b", "kvm02"), Begin("c", "kvm02")]


def test_one_that_is_there_already_waits_for_no_place() -> None:
    there = [TransferOptions(name, name, ("kvm02",), there=True) for name in "abcdef"]
    assert len(TransferQueue(there, Slots()).due(0.0, taken(2))) == 6


def test_two_do_not_begin_at_once_since_they_would_end_at_once() -> None:
    found = queue("a", "b", "c")
    found.due(0.0, {})
    for name in "abc":
        found.ready(name, 0.0, busy=False, least_s=4.0)
    assert found.due(0.0, {}) == [Send("a")]
    assert found.due(1.9, taken(1)) == []
    assert found.due(2.0, taken(1)) == [Send("b")]
    found.arrived("a")
    assert found.due(4.0, taken(1)) == [Send("c")]


def test_the_second_of_two_long_ones_does_not_wait_for_long() -> None:
    found = queue("a", "b")
    found.due(0.0, {})
    for name in "ab":
        found.ready(name, 0.0, busy=False, least_s=600.0)
    assert found.due(0.0, {}) == [Send("a")]
    assert found.due(5.0, taken(1)) == [Send("b")]


def test_one_that_is_sent_makes_way_before_it_is_verified() -> None:
    found = queue("a", "b", slots=Slots(1, 1, 1))
    found.due(0.0, {})
    sent(found, "a")
    found.ready("b", 1.0, busy=True)
    found.sent("a")
    assert found.due(2.0, taken(0)) == [Send("b")]
    assert not found.ended
    assert found.failed("a", "NO_WAY", 3.0) is RetryDecision.GIVE_UP


def nearly_sent(*names: str, busy: bool = False) -> TransferQueue:
    """``a`` is sent, was set up for 2 s, and at 7 s has 3 s to go; the others are ready."""
    found = queue("a", *names, slots=Slots(1, 1, 1 + len(names)))
    found.due(0.0, {})
    sent(found, "a", busy=busy)
    for name in names:
        found.ready(name, 1.0, busy=False)
    found.setting_up("a")
    assert not found.link_will_idle(1.0)
    found.sending("a", 100 * MIB, 0.0, 2.0)
    assert not found.link_will_idle(2.0)
    found.sending("a", 30 * MIB, 10.0 * MIB, 7.0, time_left_s=3.0)
    return found


@pytest.mark.parametrize("busy", [False, True])
def test_the_next_one_is_set_up_before_the_link_runs_dry(busy: bool) -> None:
    found = nearly_sent("b", "c", busy=busy)
    assert found.due(7.9, taken(1)) == []
    assert found.link_will_idle(8.0)
    assert found.due(8.0, taken(0)) == [Send("b")]
    # The first does not end after all, and then there is no third one.
    found.sending("b", 1 * MIB, 10.0 * MIB, 10.0, time_left_s=0.1)
    assert found.due(10.0, taken(0)) == []


def test_one_that_does_not_come_to_its_end_keeps_its_place() -> None:
    found = nearly_sent("b")
    found.sending("a", 30 * MIB, 10.0 * MIB, 8.0, time_left_s=None)
    assert found.due(8.0, taken(0)) == []
    found.sending("a", 30 * MIB, 10.0 * MIB, 8.5, time_left_s=1.5)
    assert found.due(8.5, taken(0)) == [Send("b")]


def shared_in_vain() -> TransferQueue:
    """Two of 100 MiB got 5 MiB/s each where one alone gets 10; ``c`` is sent since 20 s, alone, and ``d`` is ready."""
    found = queue("a", "b", "c", "d", slots=Slots(2, 2, 4))
    found.due(0.0, {})
    found.ready("a", 0.0, busy=False)
    assert found.due(0.0, taken(0)) == [Send("a")]
    for look in range(12):
        found.sending("a", 90 * MIB, 10.0 * MIB, 1.0 + look / 2, time_left_s=9.0)
    found.ready("b", 7.0, busy=False)
    assert found.due(7.0, taken(0)) == [Send("b")]
    for look in range(24):
        for name in "ab":
            found.sending(name, 50 * MIB, 5.0 * MIB, 8.0 + look / 2, time_left_s=10.0)
    for name in "ab":
        found.sent(name)
        found.arrived(name)
    found.ready("c", 20.0, busy=False)
    assert found.due(20.0, taken(0)) == [Send("c")]
    found.sending("c", 90 * MIB, 10.0 * MIB, 22.0, time_left_s=9.0)
    found.ready("d", 23.0, busy=False)
    return found


def test_where_two_at_once_carry_no_more_the_next_one_begins_as_the_first_ends() -> None:
    found = shared_in_vain()
    assert found.due(25.0, taken(0)) == []
    found.sending("c", 32 * MIB, 10.0 * MIB, 27.8, time_left_s=3.2)
    assert found.due(27.8, taken(0)) == []
    # It takes 2 s to set one up, and when the other ends is known to a second.
    assert found.due(28.1, taken(0)) == [Send("d")]


@pytest.mark.parametrize(("rate", "now_s", "begins"), [(10.0, 41.0, False), (10.0, 45.0, True), (0.0, 25.0, True)])
def test_nobody_waits_for_one_that_gets_nowhere(rate: float, now_s: float, begins: bool) -> None:
    """It takes twice the time of its memory, or nothing is sent of it at all."""
    found = shared_in_vain()
    found.sending("c", 90 * MIB, rate * MIB, now_s, time_left_s=None)
    assert found.due(now_s, taken(0)) == ([Send("d")] if begins else [])


def test_as_long_as_another_one_fills_the_link_a_place_is_waited_for() -> None:
    found = queue("a", "b", "c")
    found.due(0.0, {})
    sent(found, "a", "b")
    found.ready("c", 1.0, busy=False)
    for name in "ab":
        found.sending(name, 100 * MIB, 0.0, 2.0)
    found.sending("a", 5 * MIB, 5.0 * MIB, 8.0, time_left_s=1.0)
    found.sending("b", 20 * MIB, 5.0 * MIB, 8.0, time_left_s=4.0)
    assert found.due(8.0, taken(1)) == []
    # When the first has gone the second goes twice as fast.
    assert found.due(8.5, taken(1)) == [Send("c")]


def test_the_next_one_is_measured_before_the_link_runs_dry() -> None:
    found = queue("a", "b", slots=Slots(1, 1, 0))
    found.due(0.0, {})
    sent(found, "a")
    found.sending("a", 100 * MIB, 0.0, 2.0)
    assert found.due(2.0, {}) == []
    found.sending("a", 20 * MIB, 10.0 * MIB, 8.0, time_left_s=2.0)
    assert found.due(8.0, {}) == [Begin("b", "kvm02")]


def test_how_long_it_took_to_set_one_up_is_not_that_of_its_last_attempt() -> None:
    found = queue("a")
    found.due(0.0, {})
    sent(found, "a")
    found.failed("a", "CONNECTION_LOST", 1.0)
    found.shows("a", "kvm02")
    found.due(6.0, {})
    found.sending("a", 20 * MIB, 10.0 * MIB, 60.0, time_left_s=2.0)
    assert not found.link_will_idle(60.0)


def test_a_destination_that_others_fill_is_waited_for() -> None:
    found = queue("a")
    found.due(0.0, taken(2))
    found.ready("a", 0.0, busy=False)
    assert found.due(0.0, taken(2)) == []
    assert found.due(1.0, taken(1)) == [Send("a")]


def test_a_full_destination_does_not_hold_up_another() -> None:
    found = TransferQueue(
        [TransferOptions("a", "a", ("kvm02",)), TransferOptions("b", "b", ("kvm03",))], Slots(1, 1, 1)
    )
    found.due(0.0, {})
    found.ready("a", 0.0, busy=False)
    found.ready("b", 0.0, busy=False)
    assert found.due(0.0, taken(1)) == [Send("b")]


def test_a_busy_guest_is_alone() -> None:
    found = queue("a", "b", "c")
    found.due(0.0, {})
    sent(found, "a")
    found.ready("b", 0.0, busy=True)
    found.ready("c", 0.0, busy=False)
    # Neither does it begin beside another, nor is it overtaken for ever.
    assert found.due(1.0, taken(1)) == []
    found.arrived("a")
    assert found.due(2.0, {}) == [Send("b")]
    assert found.due(3.0, taken(1)) == []
    found.arrived("b")
    assert found.due(4.0, {}) == [Send("c")]


def test_a_busy_guest_begins_beside_one_that_ends_before_its_first_pass() -> None:
    found = queue("a", "b")
    found.due(0.0, {})
    sent(found, "a")
    found.ready("b", 0.0, busy=True, least_s=2.0)
    assert found.due(1.0, taken(1)) == []
    found.sending("a", 40 * MIB, 10.0 * MIB, 1.0, time_left_s=4.0)
    assert found.due(1.5, taken(1)) == []
    # Somebody else's guest arrives there too.
    assert found.due(2.5, taken(2)) == []
    assert found.due(2.5, taken(1)) == [Send("b")]


def test_a_busy_guest_does_not_wait_for_ever_for_a_shared_destination() -> None:
    found = queue("a")
    found.due(0.0, {})
    found.ready("a", 0.0, busy=True)
    assert found.due(59.0, taken(1)) == []
    assert found.due(61.0, taken(1)) == [Send("a")]


def test_what_moves_already_is_taken_up_at_once() -> None:
    found = TransferQueue([TransferOptions(name, name, ("kvm02",), moving=True) for name in "abcdef"], Slots())
    assert len(found.due(0.0, taken(6))) == 6


def test_a_failure_that_passes_is_tried_again_after_a_while() -> None:
    found = queue("a")
    found.due(0.0, {})
    assert found.failed("a", "CONNECTION_LOST", 10.0) is RetryDecision.AGAIN
    assert found.due(14.9, {}) == []
    assert found.due(15.0, {}) == [Begin("a", "kvm02")]
    assert found.failed("a", "CONNECTION_LOST", 20.0) is RetryDecision.AGAIN
    assert found.due(35.0, {}) == [Begin("a", "kvm02")]
    assert found.failed("a", "CONNECTION_LOST", 40.0) is RetryDecision.GIVE_UP
    assert found.ended


def test_back_off_grows_to_its_end() -> None:
    assert [back_off_s(attempts) for attempts in (0, 1, 2, 3, 9)] == [5.0, 5.0, 15.0, 45.0, 45.0]


def test_what_the_policy_does_not_allow_is_not_tried_again() -> None:
    found = queue("a")
    found.due(0.0, {})
    assert found.failed("a", "NO_WAY", 1.0) is RetryDecision.GIVE_UP
    assert found.ended


def test_a_destination_that_is_sick_is_given_up_and_its_guests_go_elsewhere() -> None:
    guests = [TransferOptions(name, name, ("kvm02", "kvm03")) for name in "abc"] + [
        TransferOptions("d", "d", ("kvm02",))
    ]
    found = TransferQueue(guests, Slots(2, 2, 0))
    found.due(0.0, {})
    assert found.failed("a", "CONNECTION_FAILED", 1.0) is RetryDecision.OTHER_DESTINATION
    assert found.failed("b", "CONNECTION_FAILED", 1.0) is RetryDecision.OTHER_DESTINATION
    assert found.closed == {"kvm02"}
    assert found.guests["c"].destination == "kvm03"
    assert found.guests["d"].stage is Stage.FAILED
    assert found.guests["d"].reason == "DESTINATION_GIVEN_UP"
    assert found.stopped == ""


def test_the_breaker_opens_when_nothing_gets_through() -> None:
    found = queue(*"abcdef", slots=Slots(2, 2, 0, attempts=3, breaker=3))
    found.due(0.0, {})
    found.failed("a", "MIGRATION_FAILED", 1.0)
    found.failed("b", "MIGRATION_FAILED", 1.0)
    assert not found.stopped
    found.due(6.0, {})
    found.failed("a", "MIGRATION_FAILED", 7.0)
    assert found.stopped == "INFRASTRUCTURE"
    assert found.due(100.0, {}) == []


def test_an_arrival_closes_the_count() -> None:
    found = queue(*"abc", slots=Slots(3, 3, 0, breaker=2))
    found.due(0.0, {})
    found.failed("a", "MIGRATION_FAILED", 1.0)
    found.arrived("b")
    found.failed("c", "MIGRATION_FAILED", 1.0)
    assert not found.stopped


def test_one_guest_alone_does_not_open_the_breaker() -> None:
    found = queue("a", "b", slots=Slots(1, 1, 0, attempts=9, breaker=2))
    for now_s in (0.0, 100.0, 200.0):
        found.due(now_s, {})
        found.failed("a", "QEMU_DIED", now_s)
    assert not found.stopped


def test_an_alarm_ends_everything() -> None:
    found = queue("a", "b", slots=Slots(1, 1, 0))
    found.due(0.0, {})
    assert found.failed("a", "SPLIT_BRAIN", 1.0) is RetryDecision.STOP_ALL
    assert found.stopped == "SPLIT_BRAIN"
    assert found.ended


def test_a_stop_lets_what_is_sent_end() -> None:
    found = queue("a", "b", "c", slots=Slots(1, 1, 1))
    found.due(0.0, {})
    sent(found, "a")
    found.ready("b", 0.0, busy=False)
    found.stop("CANCELLED")
    assert not found.ended
    assert found.due(1.0, {}) == [Dismiss("b")]
    found.arrived("a")
    assert found.ended
    assert found.guests["c"].stage is Stage.WAITING


REASONS = (
    "CONNECTION_FAILED",
    "CPU_INCOMPATIBLE",
    "MIGRATION_FAILED",
    "NO_WAY",
    "OTHER_JOB",
    "DESTINATION_MEMORY",
    "POSTCOPY_BROKEN",
)


_SETUP_S = 1.5


class Run:
    """A queue in virtual time, with transfers that last and fail at random, and others' transfers beside them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        hosts = [f"kvm{number:02}" for number in range(2, 2 + self.random.randint(1, 4))]
        names = [f"g{number}" for number in range(self.random.randint(1, 25))]
        wanted = [
            TransferOptions(name, name, tuple(self.random.sample(hosts, self.random.randint(1, len(hosts)))))
            for name in names
        ]
        self.slots = Slots(
            self.random.randint(1, 4), self.random.randint(1, 3), self.random.randint(0, 2), self.random.randint(1, 4)
        )
        self.queue = TransferQueue(wanted, self.slots)
        self.fails = self.random.choice((0.0, 0.1, 0.5, 0.9))
        self.foreign = {host: self.random.choice((0, 0, 1)) for host in hosts}
        self.foreign_until_s = 200.0
        self.ends_s: dict[str, float] = {}
        self.lies = self.random.random() < 0.3

    def go(self) -> None:
        now_s = 0.0
        stop_s = self.random.choice((None, None, None, self.random.uniform(0, 60)))
        while not self.queue.ended:
            assert now_s < 20_000, "This goes on for ever."
            if stop_s is not None and now_s > stop_s:
                self.queue.stop("CANCELLED")
            self.look(now_s)
            dry = self.queue.link_will_idle(now_s)
            moves = self.queue.due(now_s, self.queue.places(self.looks(now_s), now_s, self.random.uniform(0, 2)))
            assert not self.queue.stopped or all(isinstance(move, Dismiss) for move in moves)
            for move in moves:
                busy = isinstance(move, Send) and self.queue.guests[move.key].busy
                self.ends_s[move.key] = now_s + self.random.uniform(1, 30 if busy else 10)
            self.check(now_s)
            for move in moves:
                if isinstance(move, Send):
                    self.check_turn(self.queue.guests[move.key], dry, now_s)
            for one in self.at(Stage.PREPARING, Stage.SENDING, Stage.SENT):
                if self.ends_s[one.options.key] <= now_s:
                    self.end(one, now_s)
            now_s += 0.5

    def look(self, now_s: float) -> None:
        for one in self.at(Stage.SENDING):
            if now_s < one.sent_s + _SETUP_S:
                self.queue.setting_up(one.options.key)
                continue
            left_s = 0.1 if self.lies else max(0.1, self.ends_s[one.options.key] - now_s)
            self.queue.sending(one.options.key, int(left_s * MIB), 1.0 * MIB, now_s, left_s)

    def end(self, one: t.Any, now_s: float) -> None:
        if self.random.random() < self.fails:
            self.queue.failed(one.options.key, self.random.choice(REASONS), now_s)
        elif one.stage is Stage.PREPARING:
            least_s = self.random.choice((0.0, 3.0, 60.0))
            self.queue.ready(one.options.key, now_s, busy=self.random.random() < 0.3, least_s=least_s)
        elif one.stage is Stage.SENDING and self.random.random() < 0.5:
            self.queue.sent(one.options.key)
            self.ends_s[one.options.key] = now_s + self.random.uniform(0, 3)
        else:
            self.queue.arrived(one.options.key)

    def at(self, *stages: Stage) -> list[t.Any]:
        return [one for one in self.queue.guests.values() if one.stage in stages]

    def looks(self, now_s: float) -> dict[str, DestinationLook]:
        """Half of our own do not show yet."""
        found = {}
        for host, count in self.foreign.items():
            others = {f"foreign{number}" for number in range(count if now_s < self.foreign_until_s else 0)}
            ours = {one.options.key for one in self.at(Stage.SENDING)[::2] if one.destination == host}
            found[host] = DestinationLook(frozenset(others | ours))
        return found

    def arriving(self, now_s: float) -> dict[str, int]:
        found = dict(self.foreign) if now_s < self.foreign_until_s else dict.fromkeys(self.foreign, 0)
        for one in self.at(Stage.SENDING):
            found[one.destination] += 1
        return found

    def check_turn(self, one: t.Any, dry: bool, now_s: float) -> None:
        beside = [other for other in self.at(Stage.SENDING) if other is not one]
        assert len(beside) < self.slots.per_source + dry
        assert dry or not any(other.busy for other in beside)
        assert not one.busy or all(other.ends_s <= now_s + _SETUP_S + one.least_s for other in beside)

    def check(self, now_s: float) -> None:
        """With one more than there are places, when the link would have run dry."""
        assert len(self.at(Stage.SENDING)) <= self.slots.per_source + 1
        assert all(count <= self.slots.per_destination + 1 for count in self.arriving(now_s).values())
        under_way = self.at(Stage.PREPARING, Stage.READY, Stage.SENDING)
        assert len(under_way) <= self.slots.per_source + self.slots.ahead + 1
        for one in self.at(Stage.WAITING):
            assert one.destination in one.options.destinations


@pytest.mark.parametrize("seed", range(150))
def test_whatever_happens_it_ends_within_its_slots(seed: int) -> None:
    run = Run(seed)
    run.go()
    left = run.at(Stage.WAITING, Stage.READY, Stage.PREPARING, Stage.SENDING)
    assert not left or run.queue.stopped
    for one in run.queue.guests.values():
        assert one.ended or run.queue.stopped
        assert bool(one.reason) is (one.stage is Stage.FAILED) or one.stage is Stage.WAITING
        assert one.attempts <= run.slots.attempts * len(one.options.destinations) + 1


@pytest.mark.parametrize("seed", range(15))
def test_the_same_happens_twice(seed: int) -> None:
    first, second = Run(seed), Run(seed)
    first.go()
    second.go()
    assert first.queue.guests == second.queue.guests


@pytest.mark.parametrize("reason", ["GIVEN_UP", "NO_WAY"])
@pytest.mark.parametrize("retry", [True, False])
def test_one_that_failed_for_its_load_is_tried_once_more(reason: str, retry: bool) -> None:
    queue = TransferQueue([TransferOptions("a", "a", ("kvm02",))], Slots(), retry_busy_guests=retry)
    (first,) = queue.due(0.0, {})
    assert isinstance(first, Begin)
    assert queue.failed("a", reason, 10.0) is (RetryDecision.AGAIN if retry else RetryDecision.GIVE_UP)
    again = queue.due(16.0, {})
    assert [isinstance(one, Begin) for one in again] == [True] * retry
    if retry:
        assert queue.failed("a", reason, 30.0) is RetryDecision.GIVE_UP
