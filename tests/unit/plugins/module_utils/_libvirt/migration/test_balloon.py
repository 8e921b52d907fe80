# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that was made smaller is watched while it is sent, called back when it runs short, and sent as it was."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.reclaim import Reclaim
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.statistics import MemoryStatistics
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.steps import Stop
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
    RouteDevice,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import StartOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.location import Situation
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.shrink import ShrinkOutlook
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import Choices
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.balloon.taking import Taken
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.facts import MeasurementOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.balloon import MigrationMemory
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.migration import (
    Migration,
    MigrationOptions,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    Call,
    FakeDomain,
    FakeLibvirt,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Guest as Known
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import MIGRATING, POSTCOPY

MIB = 1 << 20
HELD = MemoryStatistics(400 * MIB, 400 * MIB, 100 * MIB, 90 * MIB, swap_out_bytes=0, updated_s=10)
SENDING = {"phase": Phase.PRECOPY.value}


def told(usable_mib: int, at_s: int = 12) -> Call:
    kib = {"actual": 400, "available": 400, "usable": usable_mib, "unused": 0}
    return Call("memoryStats").returns(
        {**{name: size * 1024 for name, size in kib.items()}, "swap_out": 0, "last_update": at_s}
    )


@pytest.fixture
def memory(libvirt: FakeLibvirt) -> MigrationMemory:
    ends = SimpleNamespace(here=Guest(FakeDomain(libvirt, Known()), "erp01", ERP01), there=None)
    found = MigrationMemory(t.cast("t.Any", ends), lambda _words: None)
    found._taking = t.cast("t.Any", SimpleNamespace(keep_bytes=100 * MIB))
    found._taken = Taken(400 * MIB, 0, 1.0, Stop.DONE, HELD)
    return found


def test_it_is_called_back_when_what_it_was_to_keep_is_gone(libvirt: FakeLibvirt, memory: MigrationMemory) -> None:
    libvirt.expect(told(50))
    memory.watch(SENDING)
    assert memory.pressed == ""
    libvirt.clock.sleep(2)
    libvirt.expect(told(5), Call("jobStats").returns(MIGRATING), Call("abortJob"))
    memory.watch(SENDING)
    assert memory.pressed == "of the 100.0 MiB that it was to keep, 5.0 MiB are left"
    memory.watch(SENDING)


def test_it_is_looked_at_once_a_second(libvirt: FakeLibvirt, memory: MigrationMemory) -> None:
    libvirt.expect(told(50))
    memory.watch(SENDING)
    libvirt.clock.sleep(0.5)
    memory.watch(SENDING)


@pytest.mark.parametrize("phase", [Phase.POSTCOPY, Phase.SWITCHOVER, Phase.POSTCOPY_FAILED, Phase.COMPLETED])
def test_where_it_cannot_go_back_it_is_not_even_asked(memory: MigrationMemory, phase: Phase) -> None:
    memory.watch({"phase": phase.value})
    assert memory.pressed == ""


def test_one_that_was_switched_meanwhile_is_left(libvirt: FakeLibvirt, memory: MigrationMemory) -> None:
    libvirt.expect(told(5), Call("jobStats").returns(POSTCOPY))
    libvirt.states["erp01"] = (3, 12)
    memory.watch(SENDING)
    assert memory.pressed == ""


def test_a_look_that_fails_changes_nothing(libvirt: FakeLibvirt, memory: MigrationMemory) -> None:
    libvirt.expect(Call("memoryStats").raises(38, "cannot reach the monitor"))
    memory.watch(SENDING)
    libvirt.clock.sleep(2)
    libvirt.expect(told(5), Call("jobStats").returns(MIGRATING), Call("abortJob").raises(55, "no job is active"))
    memory.watch(SENDING)
    assert memory.pressed == ""


def test_what_cannot_be_taken_does_not_keep_it_from_moving(libvirt: FakeLibvirt, memory: MigrationMemory) -> None:
    """What the module did until then is undone, and told."""
    said: list[str] = []
    found = t.cast("t.Any", SimpleNamespace(facts=SimpleNamespace(touched_bytes=900 * MIB)))
    guest = t.cast("t.Any", memory._ends.here)

    def take(**_words: t.Any) -> t.Any:
        raise MigrationError("MONITOR_HUNG", "QEMU does not answer.")

    taking = SimpleNamespace(take=take, note=None, end=lambda: said.append("ended"))
    memory._say, memory._taking, memory._taken = said.append, t.cast("t.Any", taking), None
    memory._outlook = ShrinkOutlook(Reclaim(1024 * MIB, 400 * MIB, 500 * MIB, 0, 0))
    libvirt.expect(Call("isPersistent").returns(1))
    assert memory.take(guest, found) is found
    assert said == ["Nothing was taken from the memory of 'erp01' after all: QEMU does not answer.", "ended"]


@pytest.mark.parametrize("waits_for_its_turn", [False, True])
def test_it_is_sent_again_with_all_of_it(monkeypatch: pytest.MonkeyPatch, waits_for_its_turn: bool) -> None:
    """Once, and without waiting for its turn again."""
    tried: list[tuple[str, bool]] = []
    given: list[str] = []

    def started(migration: Migration, *_words: t.Any) -> dict[str, t.Any]:
        tried.append((migration._options.policy.shrink, migration._options.before_start is not None))
        if len(tried) == 1:
            migration._memory.pressed = "it has written 17.0 MiB to swap since"
            raise MigrationError("MIGRATION_FAILED", "It was aborted.")
        return {"outcome": "moved"}

    monkeypatch.setattr(Migration, "_with_or_without_postcopy", started)
    monkeypatch.setattr(Migration, "_measure_and_forecast", lambda *_words: (None, None))
    monkeypatch.setattr(Migration, "_definition", lambda *_words: SimpleNamespace(parameters=dict))
    monkeypatch.setattr(MigrationMemory, "back_at_the_source", lambda _memory: given.append("back"))
    measurement = MeasurementOptions(Choices("none"), False, lambda _hosts: RouteDevice())
    turn = (lambda _guest, _forecast: None) if waits_for_its_turn else None
    path = DestinationPath("there", None, 100.0)
    options = MigrationOptions(Policy(shrink="balloon"), path, measurement, StartOptions(), before_start=turn)
    ends = SimpleNamespace(destination_name="kvm02", settled=lambda: SimpleNamespace(situation=Situation.START))
    migration = Migration(t.cast("t.Any", ends), options)
    guest = t.cast("t.Any", SimpleNamespace(name="erp01"))
    assert migration._start_and_once_more(guest, t.cast("t.Any", None)) == {"outcome": "moved"}
    assert tried == [("balloon", waits_for_its_turn), ("never", False)]
    assert given == ["back"]
    assert "ran short of memory while it was smaller" in migration.notes[0]
    assert "17.0 MiB to swap" in migration.notes[0]
