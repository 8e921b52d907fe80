# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import queue
import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.admission import Slots
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.result import GuestResult
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
    RouteDevice,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample, Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import StartOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import Choices
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation import (
    discovery,
    dispatcher,
    guest_thread,
    verify,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation import (
    evacuation as evacuation_file,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.evacuation import Evacuation
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.guest_thread import (
    Ended,
    Ready,
    Sending,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.host_guests import HostGuests
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.options import (
    EvacuationOptions,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.shared_limits import (
    SharedLimits,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import guest_of
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.facts import MeasurementOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.migration import (
    MigrationOptions,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.connections import connected
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    SHUT_DOWN,
    Call,
    Clock,
    FakeDomain,
    FakeLibvirt,
    Guest,
    VirtualQueue,
    libvirtError,
)

HERE = "qemu:///system"
SLOW = SimpleNamespace(prepares_s=2.0, sends_s=10.0)
FORECAST = {"expected": {"sent_bytes": 100}, "basis": {"bandwidth_bytes_per_s": 1000, "dirty_bytes_per_s": 0}}
LOOK = {"phase": "precopy", "remaining_bytes": 50, "bandwidth_bytes_per_s": 10.0, "time_left_s": None}
REFUSED = MigrationError("CONNECTION_FAILED", "It is away.", state="As before.", remedy="Look.")
Outcome = t.Callable[["World", str, str], t.Optional[MigrationError]]


class Mailbox(VirtualQueue):
    def get(self, timeout: float) -> t.Any:
        return super().get(timeout)

    def get_nowait(self) -> t.Any:
        return self._items.get_nowait()


class World:
    """Hosts and guests in virtual time: what the queue decides is carried out by ``Traveller``."""

    def __init__(self, clock: Clock, libvirt: FakeLibvirt) -> None:
        self.clock, self.libvirt = clock, libvirt
        self.runs_on: dict[str, str] = {}
        self.arriving: dict[str, str] = {}
        self.away: set[str] = set()
        self.fails: Outcome = lambda _world, _key, _to: None
        self.sent: list[tuple[float, str, str]] = []
        self.most_at_once = 0
        self.tells_its_end = False
        self.orders: list[MigrationOptions] = []
        self.lacking: dict[tuple[str, str], MigrationError] = {}
        self.cancelled_at_s = float("inf")
        self.forecast: dict[str, t.Any] = FORECAST
        self.travellers: dict[str, Traveller] = {}

    def guests_on(self, name: str) -> t.Optional[HostGuests]:
        if name in self.away:
            return None
        found = HostGuests()
        for key, host in self.runs_on.items():
            if host == name:
                found.active[key] = guest_of(FakeDomain(self.libvirt, Guest(key, key, "" if host == "kvm01" else host)))
        for key, host in self.arriving.items():
            if host == name:
                found.arriving[key] = guest_of(FakeDomain(self.libvirt, Guest(key, key, host)))
        return found


class Traveller:
    """Stands in for the thread of a guest."""

    def __init__(
        self, world: World, key: str, order: MigrationOptions, mailbox: t.Any, on_progress: t.Callable[[t.Any], None]
    ) -> None:
        self.key, self._world, self._order, self._mailbox = key, world, order, mailbox
        self._to = order.path.destination_uri
        self._on_progress = on_progress
        world.orders.append(order)
        world.travellers[key] = self
        self._gone = False

    def start(self) -> None:
        if self._to in self._world.away:
            self._world.clock.after(1.0, lambda: self._mailbox.put(Ended(self.key, {}, error=REFUSED)))
            return
        self._world.clock.after(SLOW.prepares_s, lambda: self._mailbox.put(Ready(self.key, self._world.forecast)))

    def let_go(self) -> None:
        world = self._world
        world.sent.append((world.clock.now - 1000.0, self.key, self._to))
        world.arriving[self.key] = self._to
        world.most_at_once = max(world.most_at_once, len(world.arriving))
        self._mailbox.put(Sending(self.key, {**LOOK, "phase": "setup"} if world.tells_its_end else LOOK))
        for second in range(1, int(SLOW.sends_s)) if world.tells_its_end else ():
            look = {**LOOK, "time_left_s": SLOW.sends_s - second}
            world.clock.after(second, lambda look=look: self._mailbox.put(Sending(self.key, look)))
        world.clock.after(SLOW.sends_s, self.arrive)

    def dismiss(self, why: MigrationError) -> None:
        self._mailbox.put(Ended(self.key, {}, error=why))

    def abort(self) -> None:
        del self._world.arriving[self.key]
        self._gone = True
        facts = {"runs_on": "kvm01"}
        error = MigrationError("MIGRATION_FAILED", "Aborted.", state="As before.", remedy="Again.", facts=facts)
        self._mailbox.put(Ended(self.key, {}, error=error))

    def arrive(self) -> None:
        world = self._world
        if self._gone:
            return
        del world.arriving[self.key]
        error = world.fails(world, self.key, self._to)
        if error is None:
            world.runs_on[self.key] = self._to
            self._mailbox.put(Ended(self.key, {"outcome": "moved", "runs_on": self._to, "changed": True}, ("noted",)))
        else:
            self._mailbox.put(Ended(self.key, {}, error=error))


class Daemon:
    """The daemon of a destination: one without secrets, so that nothing is shared, or one that has gone."""

    def __init__(self, alive: bool) -> None:
        self._alive = alive

    def isAlive(self) -> bool:  # noqa: N802 - the binding's name
        return self._alive

    def secretDefineXML(self, _xml: str, _flags: int) -> None:  # noqa: N802 - the binding's name
        self._refuse()

    def secretLookupByUsage(self, _kind: int, _use: str) -> None:  # noqa: N802 - the binding's name
        self._refuse()

    def _refuse(self) -> None:
        raise libvirtError(3, "no driver for it") if self._alive else libvirtError(38, "Connection reset by peer")


class Hosts:
    """Stands in for Destinations."""

    def __init__(self, world: World, names: t.Sequence[str]) -> None:
        self._world, self.names = world, list(names)

    def __enter__(self) -> Hosts:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def guests_on(self, name: str) -> t.Optional[HostGuests]:
        return self._world.guests_on(name)

    def connection(self, name: str) -> t.Any:
        return connected(Daemon(name not in self._world.away), name)


@pytest.fixture
def world(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> World:
    found = World(libvirt.clock, libvirt)
    queues = SimpleNamespace(Queue=lambda: Mailbox(libvirt.clock), Empty=queue.Empty)
    monkeypatch.setattr(dispatcher, "queue", queues)
    monkeypatch.setattr(
        dispatcher,
        "GuestTransfer",
        lambda key, order, _uri, box, on_progress, marks: Traveller(found, key, order, box, on_progress),
    )
    monkeypatch.setattr(
        dispatcher,
        "lack_of_room",
        lambda name, _to, _seen, guest, _coming: found.lacking.get((guest.uuid, name)),
    )
    monkeypatch.setattr(dispatcher, "coming_from_others", lambda _seen, _own: 0)
    monkeypatch.setattr(evacuation_file, "Destinations", lambda uris, _connect: Hosts(found, list(uris)))
    monkeypatch.setattr(evacuation_file, "host_guests", lambda _source: found.guests_on("kvm01"))

    class Cancelled:
        def __init__(self, _path: t.Optional[str]) -> None:
            pass

        def __enter__(self) -> t.Any:
            return self

        def __exit__(self, *_exc: object) -> None:
            pass

        @property
        def requested(self) -> bool:
            return found.clock.now - 1000.0 >= found.cancelled_at_s

    monkeypatch.setattr(evacuation_file, "Cancellation", Cancelled)
    for module in (discovery, verify):
        monkeypatch.setattr(module, "host_guests", lambda _source: found.guests_on("kvm01"))
        monkeypatch.setattr(module, "may_have_job", lambda _guest: False)
    monkeypatch.setattr(discovery, "_current_memory_bytes", lambda _guest: 100)
    return found


def to(keys: str, *hosts: str) -> dict[str, t.Sequence[str]]:
    """All of them to the first host, or to another one of these."""
    return {key: list(hosts) for key in keys}


def entries(plan: t.Mapping[str, t.Sequence[str]]) -> list[dict[str, t.Any]]:
    """The option ``guests``; of the destinations the first is the planned one."""
    return [
        {"uuid": key, "name": None, "destination": hosts[0], "alternatives": hosts[1:], "strategy": "migrate"}
        for key, hosts in plan.items()
    ]


def evacuated(
    world: World, plan: t.Mapping[str, t.Sequence[str]], script: t.Sequence[Call] = (), **more: t.Any
) -> tuple[dict[str, GuestResult], t.Any, str, list[t.Any], Evacuation]:
    """``plan``: destinations by guest, the first is the planned one."""
    world.runs_on.update(dict.fromkeys(plan, "kvm01"))
    guests = entries(plan)
    told: list[t.Any] = []
    policy = Policy()

    def order(_guest: t.Mapping[str, t.Any], name: str) -> MigrationOptions:
        return MigrationOptions(
            policy,
            DestinationPath(name, link_mib_per_s=100.0),
            MeasurementOptions(Choices("none"), False, lambda _hosts: RouteDevice()),
            StartOptions(),
        )

    slots = more.pop("slots", Slots())
    names = {name: name for hosts in plan.values() for name in hosts}
    never = Policy(postcopy="never")
    more.setdefault("policy_of", lambda *_guest: never)
    task = EvacuationOptions(guests, names, order, slots, heed_metadata=False, **more)
    world.libvirt.expect(Call("open", HERE), *script)
    with Connection(HERE) as source:
        evacuation = Evacuation(source, task, told.append)
        rows, left, stopped = evacuation.run()
    return {row.uuid: row for row in rows}, left, stopped, told, evacuation


def test_all_are_sent_and_seen(world: World) -> None:
    plan = {key: ["kvm02" if number % 2 else "kvm03"] for number, key in enumerate("abcdef")}
    rows, left, stopped, told, evacuation = evacuated(world, plan)
    assert {row.outcome for row in rows.values()} == {"moved"}
    assert {key: row.runs_on for key, row in rows.items()} == {key: to[0] for key, to in plan.items()}
    assert left.empty
    assert stopped == ""
    assert world.most_at_once == 2
    # Two slots, 10 s each, and the next one is ready when one ends: 2 s for the first, and half a second a look.
    assert world.clock.now - 1000.0 < 2 + 3 * 10 + 4
    assert told[-1]["line"].startswith("6 of 6 guests done")
    assert evacuation.notes == ["noted"] * 6


def test_what_is_expected_of_one_that_was_not_measured_is_what_it_uses(world: World) -> None:
    """When the first has arrived, the 60 bytes that the second uses are left, not all of its 100."""
    world.forecast = {"expected": None, "basis": {"touched_bytes": 60, "bandwidth_bytes_per_s": 1000}}
    told = evacuated(world, to("ab", "kvm02"), slots=Slots(per_source=1))[3]
    totals = [one["total"] for one in told if "total" in one]
    assert next(one["remaining_bytes"] for one in totals if one["done"] == 1) == 60


def test_one_at_a_time(world: World) -> None:
    evacuated(world, to("abc", "kvm02"), slots=Slots(per_source=1))
    assert world.most_at_once == 1
    assert [key for _at, key, _to in world.sent] == ["a", "b", "c"]


@pytest.mark.parametrize(("others", "most"), [([], 2), (["x"], 1)])
def test_the_next_one_is_set_up_before_the_link_runs_dry(world: World, others: list[str], most: int) -> None:
    """Where somebody else sends to the same destination, its places are kept to."""
    world.tells_its_end = True
    world.arriving.update(dict.fromkeys(others, "kvm02"))
    evacuated(world, to("abc", "kvm02"), slots=Slots(per_source=1, per_destination=1 + len(others)))
    assert world.most_at_once == most + len(others)
    first, second, third = (at_s for at_s, _key, _to in world.sent)
    assert (9 <= second - first < 10) == (9 <= third - second < 10) == (not others)


def test_a_place_that_others_take_is_waited_for(world: World) -> None:
    """Two arrive there already, sent by another host; both leave room after a while."""
    world.arriving.update(x="kvm02", y="kvm02")
    world.clock.after(20.0, world.arriving.clear)
    _rows, _left, _stopped, _told, _evacuation = evacuated(world, {"a": ["kvm02"]})
    assert world.sent[0][0] >= 20


def test_what_another_run_sends_is_taken_up(world: World) -> None:
    """The controller of the first run is gone, its module is still at work: the second one does not wait for a slot."""
    world.clock.after(3.0, lambda: world.arriving.__setitem__("c", "kvm03"))
    rows, _left, _stopped, _told, _evacuation = evacuated(
        world, to("abc", "kvm02", "kvm03"), slots=Slots(per_source=1, ahead=0)
    )
    assert [order.path.destination_uri for order in world.orders] == ["kvm02", "kvm03", "kvm02"]
    assert rows["c"].runs_on == "kvm03"


def test_a_destination_that_is_away_is_given_up_for_another(world: World) -> None:
    world.away.add("kvm02")
    rows, left, stopped, told, _evacuation = evacuated(world, to("abcd", "kvm02", "kvm03"))
    assert {(row.outcome, row.runs_on) for row in rows.values()} == {("moved", "kvm03")}
    assert (left.empty, stopped) == (True, "")
    assert any("now to kvm03" in str(entry.get("line")) for entry in told)


def test_a_destination_that_goes_away_while_a_guest_is_measured_for_it(world: World) -> None:
    """Nobody waits for ever for a turn there: the look right before the transfer finds that it does not answer."""
    lost = MigrationError("CONNECTION_LOST", "It does not answer.", state="As before.", remedy="Look.")

    def goes_away() -> None:
        world.away.add("kvm02")
        world.lacking.update({(key, "kvm02"): lost for key in "abcdef"})

    world.clock.after(1.0, goes_away)
    rows, _left, stopped, told, _evacuation = evacuated(world, to("abcdef", "kvm02", "kvm03"))
    assert {(row.outcome, row.runs_on) for row in rows.values()} == {("moved", "kvm03")}
    assert stopped == "", "the other destinations are well"
    assert any("CONNECTION_LOST" in str(entry.get("line")) for entry in told)
    assert world.clock.now - 1000.0 < 31 + 3 * 10 + 10


def test_a_destination_whose_daemon_is_restarted_is_waited_for(world: World) -> None:
    world.clock.after(1.0, lambda: world.away.add("kvm02"))
    world.clock.after(20.0, lambda: world.away.discard("kvm02"))
    rows, _left, _stopped, _told, _evacuation = evacuated(world, to("ab", "kvm02", "kvm03"))
    assert {(row.runs_on, row.attempts) for row in rows.values()} == {("kvm02", 1)}
    assert 20 <= world.sent[0][0] < 22


def test_limits_that_nobody_tells_keep_only_those_that_need_them(world: World) -> None:
    """They stay where they are, after a time, and what to do is said."""
    world.away.add("kvm09")
    limits = SharedLimits("kvm09", {"rack": 2}, {"kvm02": ["rack"]})
    plan = {**to("abcd", "kvm02"), "e": ["kvm03"]}
    rows, left, stopped, _told, _evacuation = evacuated(world, plan, limits=limits)
    assert (rows["e"].outcome, rows["e"].runs_on, stopped) == ("moved", "kvm03", "")
    for key in "abcd":
        assert (rows[key].outcome, rows[key].reason, rows[key].attempts) == ("failed", "LIMITS_UNREACHABLE", 1)
        assert "libvirt on kvm09" in rows[key].msg
        assert world.runs_on[key] == "kvm01"
    assert not left.empty
    assert 300 <= world.clock.now - 1000.0 < 360


def test_limits_that_are_told_again_in_time_are_kept(world: World) -> None:
    world.away.add("kvm09")
    world.clock.after(280.0, lambda: world.away.discard("kvm09"))
    limits = SharedLimits("kvm09", {"rack": 2}, {"kvm02": ["rack"]})
    rows, _left, _stopped, _told, _evacuation = evacuated(world, to("ab", "kvm02"), limits=limits)
    assert {row.outcome for row in rows.values()} == {"moved"}
    assert world.sent[0][0] >= 280


def test_one_that_has_no_room_goes_elsewhere_and_the_others_stay_as_planned(world: World) -> None:
    full = MigrationError("DESTINATION_FULL", "No room.", state="As before.", remedy="Make room.")
    world.lacking["a", "kvm02"] = full
    rows, _left, _stopped, _told, _evacuation = evacuated(world, to("abc", "kvm02", "kvm03"))
    assert {key: row.runs_on for key, row in rows.items()} == {"a": "kvm03", "b": "kvm02", "c": "kvm02"}


def test_one_that_fits_nowhere_is_told(world: World) -> None:
    full = MigrationError("DESTINATION_FULL", "No room.", state="As before.", remedy="Make room.")
    world.lacking.update({("a", "kvm02"): full, ("a", "kvm03"): full})
    rows, left, _stopped, _told, _evacuation = evacuated(world, to("ab", "kvm02", "kvm03"))
    assert (rows["a"].outcome, rows["a"].reason, rows["b"].outcome) == ("failed", "DESTINATION_FULL", "moved")
    assert [one["name"] for one in left.running] == ["a"]


def test_one_that_fails_for_the_moment_is_tried_again(world: World) -> None:
    broken = MigrationError("MIGRATION_FAILED", "It broke.", state="As before.", remedy="Again.")
    world.fails = lambda found, _key, _to: broken if len(found.sent) < 2 else None
    rows, _left, _stopped, _told, _evacuation = evacuated(world, {"a": ["kvm02"]})
    assert (rows["a"].outcome, rows["a"].attempts, rows["a"].reason) == ("moved", 2, "")


def test_two_running_copies_stop_everything(world: World) -> None:
    twice = MigrationError("SPLIT_BRAIN", "It runs twice.", state="Twice.", remedy="Look.")
    world.fails = lambda _world, key, _to: twice if key == "a" else None
    rows, _left, stopped, _told, _evacuation = evacuated(world, to("abc", "kvm02"), slots=Slots(per_source=1, ahead=0))
    assert stopped == "SPLIT_BRAIN"
    assert [rows[key].outcome for key in "abc"] == ["failed", "not_started", "not_started"]


def test_cancelled_what_runs_arrives_and_nothing_more_begins(world: World) -> None:
    world.cancelled_at_s = 5.0
    rows, left, stopped, _told, _evacuation = evacuated(world, to("abcd", "kvm02"))
    assert stopped == "CANCELLED"
    assert [rows[key].outcome for key in "abcd"] == ["moved", "moved", "not_started", "not_started"]
    assert {one["name"] for one in left.running} == {"c", "d"}


@pytest.mark.parametrize(
    ("phase", "outcomes"),
    [(Phase.PRECOPY, ["aborted", "not_started"]), (Phase.POSTCOPY, ["moved", "not_started"])],
    ids=["precopy", "postcopy"],
)
def test_cancelled_with_abort(world: World, monkeypatch: pytest.MonkeyPatch, phase: Phase, outcomes: list[str]) -> None:
    """A guest in post-copy has no whole copy on either host, so it is sent to its end."""
    world.cancelled_at_s = 5.0
    sample = JobSample(phase=phase, operation="outgoing", name="a", uuid="a", at_s=0.0)
    monkeypatch.setattr(guest_thread, "glance", lambda _guest: sample)
    monkeypatch.setattr(
        guest_thread, "find_guest", lambda *_words: guest_of(FakeDomain(world.libvirt, Guest("a", "a")))
    )
    aborts = Call("abortJob", guest="a").then(lambda _libvirt: world.travellers["a"].abort())
    rows, _left, stopped, _told, _evacuation = evacuated(
        world,
        to("ab", "kvm02"),
        script=[aborts] if phase is Phase.PRECOPY else [],
        abort_on_cancel=True,
        slots=Slots(per_source=1),
    )
    assert stopped == "CANCELLED"
    assert [rows[key].outcome for key in "ab"] == outcomes
    if phase is Phase.PRECOPY:
        assert (rows["a"].runs_on, rows["a"].reason) == ("kvm01", "")


def test_a_return_asks_for_no_empty_host(world: World) -> None:
    world.runs_on["other"] = "kvm01"
    _rows, left, stopped, _told, _evacuation = evacuated(world, {"a": ["kvm02"]}, leaving=False)
    assert (left, stopped) == (None, "")


def test_somebody_else_who_runs_here_is_in_the_way(world: World) -> None:
    world.runs_on["other"] = "kvm01"
    _rows, left, _stopped, _told, _evacuation = evacuated(world, {"a": ["kvm02"]})
    assert [one["name"] for one in left.running] == ["other"]


@pytest.mark.parametrize("size_bytes", [0, 100])
def test_what_would_become_of_each(world: World, monkeypatch: pytest.MonkeyPatch, size_bytes: int) -> None:
    """One that is on its way is not there yet, though libvirt does not say how large it is."""
    monkeypatch.setattr(discovery, "_current_memory_bytes", lambda _guest: size_bytes)
    monkeypatch.setattr(discovery, "may_have_job", lambda guest: guest.uuid == "b")
    world.runs_on.update(a="kvm01", b="kvm01", c="kvm02")
    world.arriving["b"] = "kvm02"
    guests = entries(to("abc", "kvm02"))
    libvirt = world.libvirt
    libvirt.expect(Call("open", HERE), Call("lookupByUUIDString", "c").raises(42, "Domain not found"))
    with Connection(HERE) as source:
        nothing: t.Any = None
        options = EvacuationOptions(guests, {"kvm02": "kvm02"}, nothing, Slots(), nothing)
        rows = Evacuation(source, options, nothing).look()
    assert {row.uuid: row.outcome for row in rows} == {"a": "moved", "b": "moved", "c": "already_there"}


def test_one_that_is_off_is_no_work(world: World) -> None:
    world.libvirt.states["a"] = SHUT_DOWN
    rows, _left, _stopped, _told, _evacuation = evacuated(world, {"a": ["kvm02"]})
    assert rows["a"].outcome == "already_off"
    assert world.sent == []
