# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
    RouteDevice,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._host import qemu_process
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest, find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.dirty_rate import measure
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.facts import (
    MeasuredFacts,
    MeasurementOptions,
    measure_facts,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins import fake_libvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    PAUSED_BY_USER,
    Call,
    FakeLibvirt,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import GIB, MIB, MIGRATING, NO_JOB

THERE = "qemu+tcp://kvm02/system"
INFO = Call("info").returns([1, 4 * 1024 * 1024, 4 * 1024 * 1024, 2, 0])
RESIDENT = Call("memoryStats").returns({"rss": 1024 * 1024})
VERSIONS = [Call(name).returns(9_000_000) for name in ("getLibVersion", "getVersion") * 2]
PLAIN = Call("XMLDesc", 0).returns("<domain type='kvm'><devices/></domain>")


class Ends(t.NamedTuple):
    source: Connection
    destination: Connection
    guest: Guest


@pytest.fixture
def ends(libvirt: FakeLibvirt) -> t.Iterator[Ends]:
    found = Call("lookupByName", "erp01").returns(fake_libvirt.Guest())
    libvirt.expect(Call("open", "qemu:///system"), found, Call("open", THERE))
    with Connection("qemu:///system") as source:
        guest = find_guest(source, "erp01", None)
        with Connection(THERE) as destination:
            yield Ends(source, destination, guest)


def surveyed(ends: Ends, **changes: t.Any) -> MeasuredFacts:
    path = {key: changes.pop(key) for key in ("migrate_uri", "link_mib_per_s", "bandwidth_mib_per_s") if key in changes}
    options: dict[str, t.Any] = {
        "compression": "none",
        "parallel_connections": None,
        "measure": False,
        "way_to": lambda _hosts: RouteDevice(),
    }
    return measure_facts(
        ends.source,
        ends.destination,
        ends.guest,
        DestinationPath(THERE, **{"link_mib_per_s": 100.0, **path}),
        MeasurementOptions(**{**options, **changes}),
    )


def window(seconds: int, mib_per_s: int) -> list[Call]:
    """One measured window, with what is looked at before."""
    result = {"dirtyrate.calc_status": 2, "dirtyrate.calc_period": seconds, "dirtyrate.megabytes_per_second": mib_per_s}
    return [
        Call("getLibVersion").returns(9_000_000),
        Call("jobStats").returns(NO_JOB),
        STATS.returns([(None, {})]),
        Call("startDirtyRateCalc", seconds, 0),
        Call("domainListGetStats", Any(), 1 << 9, 1 << 29).returns([(None, result)]),
        INFO,
    ]


class Any:
    """Fits every argument."""

    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


STATS = Call("domainListGetStats", Any(), 1 << 9, 1 << 29)


def test_not_measured(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(INFO, RESIDENT, *VERSIONS, PLAIN)
    found = surveyed(ends)
    assert (found.facts.touched_bytes, found.facts.bandwidth_bytes_per_s) == (GIB, 100 * MIB)
    assert found.facts.measured is None
    assert found.facts.postcopy_possible is True
    assert found.facts.parallel_connections == 8
    assert found.document()["not_measured"] == "measuring was switched off"


def test_measured_over_a_window_as_long_as_the_first_pass(
    libvirt: FakeLibvirt, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pauses of the measurement are bound when the function is made.
    monkeypatch.setattr(measure, "__kwdefaults__", {"clock": lambda: 0.0, "sleep": lambda _seconds: None})
    windows = [*window(1, 100), *window(11, 20)]
    libvirt.expect(INFO, RESIDENT, PLAIN, *windows, INFO, *VERSIONS, PLAIN)
    found = surveyed(ends, measure=True)
    assert found.facts.measured is not None
    assert found.facts.measured.working_set_bytes == pytest.approx(220 * MIB, rel=0.1)
    assert found.document()["not_measured"] is None


def test_what_cannot_be_measured_is_told(libvirt: FakeLibvirt, ends: Ends) -> None:
    old = Call("getLibVersion").returns(7_000_000)
    libvirt.expect(INFO, RESIDENT, PLAIN, old, *VERSIONS, PLAIN)
    found = surveyed(ends, measure=True)
    assert found.facts.measured is None
    assert "needs libvirt 7.2.0" in found.not_measured


def test_a_job_that_begins_meanwhile(libvirt: FakeLibvirt, ends: Ends) -> None:
    version = Call("getLibVersion").returns(9_000_000)
    libvirt.expect(INFO, RESIDENT, PLAIN, version, Call("jobStats").returns(MIGRATING))
    with pytest.raises(MigrationError) as raised:
        surveyed(ends, measure=True)
    assert raised.value.reason == "JOB_RUNNING"


def test_a_guest_that_stands_still(libvirt: FakeLibvirt, ends: Ends) -> None:
    """It cannot go by post-copy, and writes nothing."""
    libvirt.states["erp01"] = PAUSED_BY_USER
    libvirt.expect(INFO, RESIDENT, *VERSIONS, PLAIN)
    found = surveyed(ends, measure=True)
    assert found.facts.postcopy_possible is False
    assert found.not_measured == "the guest stands still"


def test_the_way_is_looked_up(libvirt: FakeLibvirt, ends: Ends) -> None:
    asked: list[list[str]] = []

    def way_to(hosts: t.Iterable[str]) -> RouteDevice:
        asked.append(list(hosts))
        return RouteDevice("br1", 25_000)

    libvirt.expect(*[INFO, RESIDENT, *VERSIONS, PLAIN] * 2)
    assert surveyed(ends, link_mib_per_s=None, way_to=way_to).facts.bandwidth_bytes_per_s == 2_937_500_000
    found = surveyed(ends, link_mib_per_s=None, migrate_uri="tcp://10.0.0.12", way_to=way_to)
    assert "below br1" in found.bandwidth.known_from
    # Where its name leads nowhere, the host of the URI by which its daemon is reached.
    assert asked == [["kvm02", "kvm02"], ["10.0.0.12", "kvm02"]]


def test_a_way_that_tells_no_speed(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(INFO, RESIDENT, *VERSIONS, PLAIN)
    found = surveyed(ends, link_mib_per_s=None, measure=True, way_to=lambda _hosts: RouteDevice("veth0"))
    assert (found.facts.bandwidth_bytes_per_s, found.bandwidth.bytes_per_s) == (0, None)
    assert "without a bandwidth" in found.not_measured


def test_the_memory_that_the_kernel_counts(
    libvirt: FakeLibvirt, ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = f"<domstatus pid='4242'><job async='none'/><domain><uuid>{ERP01}</uuid></domain></domstatus>"
    (tmp_path / "erp01.xml").write_text(status)
    (tmp_path / "4242").mkdir()
    smaps = "7f0000000000-7f0100000000 rw-p 00000000 00:00 0\nRss:  614400 kB\nSwap:   0 kB\n"
    (tmp_path / "4242" / "smaps").write_text(smaps)
    monkeypatch.setattr(qemu_process, "PROCESSES", str(tmp_path))
    libvirt.expect(INFO, *VERSIONS, PLAIN)
    found = surveyed(ends)
    assert (found.facts.touched_bytes, found.touched_from) == (600 * MIB, "the mapping of its memory")


def test_nothing_known_of_its_memory(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(INFO, Call("memoryStats").raises(3, "not supported"), *VERSIONS, PLAIN)
    found = surveyed(ends)
    assert (found.facts.touched_bytes, found.touched_from) == (4 * GIB, "the size of its memory")


@pytest.mark.parametrize(("free_mib", "cache_mib"), [(100_000, 2048), (4_000, 1000), (200, 0)])
def test_memory_for_a_cache(libvirt: FakeLibvirt, ends: Ends, free_mib: int, cache_mib: int) -> None:
    memory = Call("getMemoryStats", -1).returns({"free": free_mib * 1024, "buffers": 0, "cached": 0, "total": 1})
    libvirt.expect(INFO, RESIDENT, memory, INFO, *VERSIONS, PLAIN)
    assert surveyed(ends, compression="auto").facts.xbzrle_cache_bytes == cache_mib * MIB


@pytest.mark.parametrize("changes", [{"parallel_connections": 0}, {"bandwidth_mib_per_s": 50}])
def test_no_connections_beside_a_limit_or_when_not_wanted(
    libvirt: FakeLibvirt, ends: Ends, changes: dict[str, int]
) -> None:
    libvirt.expect(INFO, RESIDENT, PLAIN)
    assert surveyed(ends, **changes).facts.parallel_connections == 0


def test_hosts_that_are_too_old_for_connections(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(INFO, RESIDENT, Call("getLibVersion").returns(5_000_000), PLAIN)
    assert surveyed(ends).facts.parallel_connections == 0


def test_wished_connections_exclude_postcopy(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(INFO, RESIDENT, PLAIN)
    assert surveyed(ends, parallel_connections=4).facts.postcopy_possible is False
