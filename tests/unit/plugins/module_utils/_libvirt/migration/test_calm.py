# SPDX-License-Identifier: GPL-3.0-or-later
"""A calm moment is waited for within a bound; what failed for load is tried once more with what it taught."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
    RouteDevice,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_policy import GuestPolicies
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import StartOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.location import Situation
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import Choices
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import MIB
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure import calm
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.facts import MeasurementOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration import (
    attempts,
    start_measurement,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.migration import (
    Migration,
    MigrationOptions,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ATTEMPT,
    FakeLibvirt,
    libvirtError,
)

MEASURES_S = 9.0
BUSY = WorkingSet(270 * MIB, False, 78 * MIB, False)
# 600 MiB of memory in 20 s, after its disks.
RECORD = {
    "columns": ["at_s", "memory_processed_bytes", "bandwidth_mib_per_s"],
    "looks": [[0.0, 0, 0], [100.0, MIB, 0], [120.0, 601 * MIB, 0]],
}
GIVEN_UP = MigrationError("GIVEN_UP", "It was given up.", evidence={"decision": "DEADLINE"}, facts={"record": RECORD})
UUID = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"


class Noted:
    """The part of a guest that keeps its metadata."""

    def __init__(self) -> None:
        self.note: str | None = None
        self.broken = False

    def metadata(self, _kind: int, namespace: str, flags: int) -> str:
        assert (namespace, flags) == (ATTEMPT, 1)
        if self.note is None or self.broken:
            raise libvirtError(1 if self.broken else 80, "metadata not found")
        return self.note

    def setMetadata(self, _kind: int, text: str, prefix: str, namespace: str, flags: int) -> None:  # noqa: N802 - the binding's name
        assert (prefix, namespace, flags) == ("attempt", ATTEMPT, 1)
        if self.broken:
            raise libvirtError(1, "no luck")
        self.note = text


class World:
    """``calm_after_s``: since the beginning; ``fails``: what comes of each attempt, nothing: it moves."""

    def __init__(self, libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock, self.began_s = libvirt.clock, libvirt.clock.monotonic()
        self.calm_after_s, self.measured = 0.0, True
        self.looks = 0
        self.fails: list[MigrationError] = []
        self.links: list[float | None] = []
        self.raw = Noted()
        self.told: list[t.Any] = []
        self.whole: list[bool] = []
        monkeypatch.setattr(start_measurement, "measure_facts", self._measure)
        monkeypatch.setattr(start_measurement, "planned", lambda _policy, facts, _choices: facts)
        monkeypatch.setattr(start_measurement, "quiet_enough", lambda facts: facts.calm)
        monkeypatch.setattr(start_measurement, "require_way", lambda *_words: None)
        monkeypatch.setattr(Migration, "_send", self._started)
        monkeypatch.setattr(Migration, "_definition", lambda *_words: SimpleNamespace(parameters=dict))

    def _measure(
        self,
        _source: t.Any,
        _destination: t.Any,
        _guest: t.Any,
        path: DestinationPath,
        options: MeasurementOptions,
        _begun: t.Any,
    ) -> t.Any:
        self.looks += 1
        self.whole.append(options.no_more_than_for is None)
        self.clock.sleep(MEASURES_S)
        calm = self.clock.monotonic() - self.began_s >= self.calm_after_s
        self.links.append(path.link_mib_per_s)
        facts = SimpleNamespace(measured=BUSY if self.measured else None, calm=calm)
        return SimpleNamespace(facts=facts, document=dict)

    def _started(self, *_words: t.Any) -> dict[str, t.Any]:
        if self.fails:
            raise self.fails.pop(0)
        return {"outcome": "moved"}

    def move(self, calm_wait_s: float, link_mib_per_s: float | None = 100.0, **more: t.Any) -> tuple[t.Any, Migration]:
        path = DestinationPath("there", None, link_mib_per_s)
        measurement = MeasurementOptions(Choices("none"), True, lambda _hosts: RouteDevice())
        options = MigrationOptions(Policy(), path, measurement, StartOptions(), calm_wait_s=calm_wait_s, **more)
        ends = SimpleNamespace(
            source=None,
            destination=None,
            destination_name="kvm02",
            settled=lambda: SimpleNamespace(situation=Situation.START),
        )
        migration = Migration(t.cast("t.Any", ends), options, self.told.append)
        guest = t.cast("t.Any", SimpleNamespace(name="erp01", uuid=UUID, raw=self.raw))
        migration._remember(guest)
        return migration._start_and_once_more(guest, t.cast("t.Any", None)), migration


@pytest.fixture
def world(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(attempts, "time", libvirt.clock)
    monkeypatch.setattr(calm, "time", libvirt.clock)
    return World(libvirt, monkeypatch)


@pytest.mark.parametrize(
    ("calm_after_s", "wait_s", "looks"),
    [(0.0, 0.0, 1), (0.0, 600.0, 1), (40.0, 600.0, 4), (40.0, 0.0, 1), (900.0, 60.0, 5)],
)
def test_a_calm_moment_is_waited_for_within_the_bound(
    world: World, calm_after_s: float, wait_s: float, looks: int
) -> None:
    world.calm_after_s = calm_after_s
    result, _migration = world.move(wait_s)
    assert result["outcome"] == "moved"
    assert world.looks == looks
    # A second of calm is none: where one is waited for, it is as long as the first pass.
    assert set(world.whole) == {wait_s > 0}
    assert world.clock.monotonic() - world.began_s <= wait_s + MEASURES_S


def test_whoever_watches_is_told_what_is_waited_for(world: World) -> None:
    world.calm_after_s = 40.0
    _result, migration = world.move(600.0)
    assert [one["line"] for one in world.told] == [
        f"it writes 78.0 MiB/s; a calm moment is waited for, since {since} s and for 600 s at most"
        for since in (9, 23, 37)
    ]
    assert migration.notes == []


def test_that_none_came_is_told(world: World) -> None:
    world.calm_after_s = 900.0
    _result, migration = world.move(60.0)
    assert migration.notes == ["'erp01' was not calm within 60 s."]


def test_what_is_not_measured_is_not_waited_for(world: World) -> None:
    world.measured, world.calm_after_s = False, 900.0
    world.move(600.0)
    assert world.looks == 1


@pytest.mark.parametrize(("link", "then"), [(100.0, 30.0), (20.0, 20.0), (None, 30.0)])
def test_a_second_attempt_knows_what_the_network_carried(world: World, link: float | None, then: float) -> None:
    world.fails = [GIVEN_UP]
    result, migration = world.move(60.0, link)
    assert result["outcome"] == "moved"
    assert world.links == [link, then]
    assert "once more" in migration.notes[0]


@pytest.mark.parametrize(("link", "then"), [(100.0, 30.0), (20.0, 20.0), (None, 30.0)])
def test_so_does_the_next_run(world: World, link: float | None, then: float) -> None:
    """Also without a calm moment to wait for."""
    world.fails = [GIVEN_UP]
    with pytest.raises(MigrationError):
        world.move(0.0, link)
    world.clock.sleep(300.0)
    _result, migration = world.move(0.0, link)
    assert world.links == [link, then]
    told = [
        "'erp01' was not sent to kvm02 5 min 0 s ago, when the network carried 30.0 MiB/s: that is what is reckoned"
    ]
    assert [note.partition(" with.")[0] for note in migration.notes] == (told if then == 30.0 else [])
    world.move(0.0, link, policies=GuestPolicies(Policy(), heed_metadata=False))
    assert world.links[-1] == link
    world.clock.sleep(90_000.0)
    world.move(0.0, link)
    assert world.links[-1] == link


def test_what_cannot_be_noted_or_read_keeps_nobody_from_moving(world: World) -> None:
    world.raw.broken = True
    world.fails = [GIVEN_UP]
    result, _migration = world.move(60.0)
    assert result["outcome"] == "moved"
    assert world.links == [100.0, 30.0]
    world.move(0.0)
    assert world.links[-1] == 100.0


def test_among_others_nothing_is_learnt_of_the_network(world: World) -> None:
    world.fails = [GIVEN_UP]
    with pytest.raises(MigrationError):
        world.move(0.0, before_start=lambda _guest, _forecast: None)
    assert world.raw.note is None


@pytest.mark.parametrize(
    ("wait_s", "fails", "more"),
    [
        (0.0, [GIVEN_UP], {}),
        (60.0, [GIVEN_UP, GIVEN_UP], {}),
        (60.0, [MigrationError("QEMU_DIED", "It died.")], {}),
        # Its queue lets others go first.
        (60.0, [GIVEN_UP], {"before_start": lambda _guest, _forecast: None}),
    ],
)
def test_when_there_is_no_second_attempt(
    world: World, wait_s: float, fails: list[MigrationError], more: dict[str, t.Any]
) -> None:
    world.fails = list(fails)
    with pytest.raises(MigrationError):
        world.move(wait_s, **more)
    assert world.fails == []
