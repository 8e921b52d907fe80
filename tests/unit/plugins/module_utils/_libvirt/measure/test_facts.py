# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
    RouteDevice,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import WorkingSet
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import Choices
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._host import qemu_process
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest, find_guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.dirty_rate import BegunMeasurement
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
    begun = changes.pop("begun", None)
    chosen = {"compression": "none", **{key: changes.pop(key) for key in Choices._fields if key in changes}}
    options: dict[str, t.Any] = {
        "choices": Choices(**chosen),
        "measure": False,
        "route_to": lambda _hosts: RouteDevice(),
    }
    return measure_facts(
        ends.source,
        ends.destination,
        ends.guest,
        DestinationPath(THERE, **{"link_mib_per_s": 100.0, **path}),
        MeasurementOptions(**{**options, **changes}),
        begun,
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
    libvirt.expect(PLAIN, INFO, RESIDENT, *VERSIONS)
    found = surveyed(ends)
    assert (found.facts.touched_bytes, found.facts.bandwidth_bytes_per_s) == (GIB, 100 * MIB)
    assert found.facts.measured is None
    assert found.facts.postcopy_possible is True
    assert found.facts.parallel_connections == 8
    assert found.document()["not_measured"] == "measuring was switched off"


def test_measured_over_a_window_as_long_as_the_first_pass(libvirt: FakeLibvirt, ends: Ends) -> None:
    windows = [*window(1, 100), *window(11, 20)]
    begins, ends_ = windows[:4], windows[4:]
    libvirt.expect(PLAIN, INFO, *begins, RESIDENT, *VERSIONS, *ends_)
    found = surveyed(ends, measure=True)
    assert found.facts.measured is not None
    assert found.facts.measured.working_set_bytes == pytest.approx(220 * MIB, rel=0.1)
    assert found.document()["not_measured"] is None


NEVER, MAY = Policy(postcopy="never", max_downtime_ms=500), Policy(postcopy="if_needed")


def test_a_quiet_guest_is_known_after_a_second(libvirt: FakeLibvirt, ends: Ends) -> None:
    """The rest is looked up while QEMU measures, and nothing twice."""
    measuring = window(1, 2)
    libvirt.expect(PLAIN, INFO, *measuring[:4], RESIDENT, *VERSIONS, *measuring[4:])
    began_s = libvirt.clock.monotonic()
    found = surveyed(ends, measure=True, no_more_than_for=NEVER)
    assert libvirt.clock.monotonic() - began_s == pytest.approx(1.0)
    assert found.facts.measured == WorkingSet(2 * MIB, True, 2 * MIB, True)
    assert found.not_measured == ""


def test_one_that_ends_in_any_case_is_not_measured_for_longer(libvirt: FakeLibvirt, ends: Ends) -> None:
    """It writes a lot, but pre-copy with a throttle ends even where it writes to all of its memory; or post-copy."""
    for policy, short_mib in ((NEVER, 40), (replace(MAY, postcopy="prefer"), 150)):
        measuring = window(1, short_mib)
        libvirt.expect(PLAIN, INFO, *measuring[:4], RESIDENT, *VERSIONS, *measuring[4:])
        found = surveyed(ends, measure=True, no_more_than_for=policy)
        assert found.facts.measured == WorkingSet(short_mib * MIB, True, short_mib * MIB, True)
        assert found.facts.hardly_measured


@pytest.mark.parametrize("policy", [replace(NEVER, max_throttle_percent=0), None])
def test_a_busy_one_is_measured_for_longer(libvirt: FakeLibvirt, ends: Ends, policy: t.Optional[Policy]) -> None:
    """And so is a quiet one where the whole forecast is wanted."""
    short = window(1, 2 if policy is None else 150)
    libvirt.expect(PLAIN, INFO, *short[:4], RESIDENT, *VERSIONS, *short[4:], *window(11, 20))
    found = surveyed(ends, measure=True, no_more_than_for=policy)
    assert found.facts.measured is not None
    assert found.facts.measured.working_set_bytes >= 220 * MIB
    assert not found.facts.hardly_measured


def test_a_guest_that_may_go_by_postcopy_is_not_measured(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(PLAIN, INFO, RESIDENT, *VERSIONS)
    found = surveyed(ends, measure=True, no_more_than_for=MAY)
    assert found.facts.measured is None
    assert "the first pass tells" in found.not_measured


def test_beside_a_wait_it_is_measured_all_the_same(libvirt: FakeLibvirt, ends: Ends) -> None:
    short = window(1, 60)
    libvirt.expect(PLAIN, INFO, *short[:4], RESIDENT, *VERSIONS, *short[4:], *window(11, 20))
    found = surveyed(ends, measure=True, no_more_than_for=MAY, over=lambda: False)
    assert found.facts.measured is not None
    assert found.facts.measured.working_set_bytes >= 220 * MIB


def test_no_further_window_begins_when_the_wait_is_over(libvirt: FakeLibvirt, ends: Ends) -> None:
    short = window(1, 60)
    libvirt.expect(PLAIN, INFO, *short[:4], RESIDENT, *VERSIONS, *short[4:])
    found = surveyed(ends, measure=True, no_more_than_for=MAY, over=lambda: True)
    assert found.facts.measured is not None
    assert found.facts.measured.working_set_is_lower_bound


def test_one_that_is_too_large_to_be_fetched_in_its_time_is_measured(libvirt: FakeLibvirt, ends: Ends) -> None:
    """4 GiB at 100 MiB/s take 41 s, and it may depend on both hosts for 40: then something else may be needed."""
    measuring = window(1, 2)
    libvirt.expect(PLAIN, INFO, *measuring[:4], RESIDENT, *VERSIONS, *measuring[4:])
    policy = Policy(postcopy="if_needed", max_postcopy_s=40)
    assert surveyed(ends, measure=True, no_more_than_for=policy).facts.measured is not None


@pytest.mark.parametrize("connections", [None, 4])
def test_one_that_cannot_although_it_may_is_measured(
    libvirt: FakeLibvirt, ends: Ends, connections: t.Optional[int]
) -> None:
    """For its device of the host, or for connections that were asked for."""
    device = "<interface type='hostdev'/>" if connections is None else ""
    definition = Call("XMLDesc", 0).returns(f"<domain type='kvm'><devices>{device}</devices></domain>")
    measuring = window(1, 2)
    versions = VERSIONS if connections is None else []
    libvirt.expect(definition, INFO, *measuring[:4], RESIDENT, *versions, *measuring[4:])
    found = surveyed(ends, measure=True, no_more_than_for=MAY, parallel_connections=connections)
    assert found.facts.measured is not None


def test_what_runs_already_is_not_begun_again(libvirt: FakeLibvirt, ends: Ends) -> None:
    """It has run for two seconds while the destination was connected to, so that it is over."""
    measuring = window(1, 2)
    libvirt.expect(*measuring[:4], PLAIN, INFO, RESIDENT, *VERSIONS, *measuring[4:])
    begun = BegunMeasurement(ends.source, ends.guest, "page-sampling")
    libvirt.clock.sleep(2.0)
    began_s = libvirt.clock.monotonic()
    found = surveyed(ends, measure=True, no_more_than_for=NEVER, begun=begun)
    assert libvirt.clock.monotonic() == began_s
    assert found.facts.measured == WorkingSet(2 * MIB, True, 2 * MIB, True)


def test_what_cannot_be_measured_is_told(libvirt: FakeLibvirt, ends: Ends) -> None:
    old = Call("getLibVersion").returns(7_000_000)
    libvirt.expect(PLAIN, INFO, old, RESIDENT, *VERSIONS)
    found = surveyed(ends, measure=True)
    assert found.facts.measured is None
    assert "needs libvirt 7.2.0" in found.not_measured


def test_a_job_that_begins_meanwhile(libvirt: FakeLibvirt, ends: Ends) -> None:
    version = Call("getLibVersion").returns(9_000_000)
    libvirt.expect(PLAIN, INFO, version, Call("jobStats").returns(MIGRATING))
    with pytest.raises(MigrationError) as raised:
        surveyed(ends, measure=True)
    assert raised.value.reason == "JOB_RUNNING"


def test_a_guest_that_stands_still(libvirt: FakeLibvirt, ends: Ends) -> None:
    """It cannot go by post-copy, and writes nothing."""
    libvirt.states["erp01"] = PAUSED_BY_USER
    libvirt.expect(PLAIN, INFO, RESIDENT, *VERSIONS)
    found = surveyed(ends, measure=True)
    assert found.facts.postcopy_possible is False
    assert found.not_measured == "the guest stands still"


def test_the_way_is_looked_up(libvirt: FakeLibvirt, ends: Ends) -> None:
    asked: list[list[str]] = []

    def route_to(hosts: t.Iterable[str]) -> RouteDevice:
        asked.append(list(hosts))
        return RouteDevice("br1", 25_000)

    libvirt.expect(*[PLAIN, INFO, RESIDENT, *VERSIONS] * 2)
    assert surveyed(ends, link_mib_per_s=None, route_to=route_to).facts.bandwidth_bytes_per_s == 2_937_500_000
    found = surveyed(ends, link_mib_per_s=None, migrate_uri="tcp://10.0.0.12", route_to=route_to)
    assert "below br1" in found.bandwidth.known_from
    # Where its name leads nowhere, the host of the URI by which its daemon is reached.
    assert asked == [["kvm02", "kvm02"], ["10.0.0.12", "kvm02"]]


def test_a_way_that_tells_no_speed(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(PLAIN, INFO, RESIDENT, *VERSIONS)
    found = surveyed(ends, link_mib_per_s=None, measure=True, route_to=lambda _hosts: RouteDevice("veth0"))
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
    libvirt.expect(PLAIN, INFO, *VERSIONS)
    found = surveyed(ends)
    assert (found.facts.touched_bytes, found.touched_from) == (600 * MIB, "the mapping of its memory")


def test_nothing_known_of_its_memory(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(PLAIN, INFO, Call("memoryStats").raises(3, "not supported"), *VERSIONS)
    found = surveyed(ends)
    assert (found.facts.touched_bytes, found.touched_from) == (4 * GIB, "the size of its memory")


@pytest.mark.parametrize(("free_mib", "cache_mib"), [(100_000, 2048), (4_000, 1000), (200, 0)])
def test_memory_for_a_cache(libvirt: FakeLibvirt, ends: Ends, free_mib: int, cache_mib: int) -> None:
    memory = Call("getMemoryStats", -1).returns({"free": free_mib * 1024, "buffers": 0, "cached": 0, "total": 1})
    libvirt.expect(PLAIN, INFO, RESIDENT, memory, *VERSIONS)
    assert surveyed(ends, compression="auto").facts.xbzrle_cache_bytes == cache_mib * MIB


@pytest.mark.parametrize("changes", [{"parallel_connections": 0}, {"bandwidth_mib_per_s": 50}])
def test_no_connections_beside_a_limit_or_when_not_wanted(
    libvirt: FakeLibvirt, ends: Ends, changes: dict[str, int]
) -> None:
    libvirt.expect(PLAIN, INFO, RESIDENT)
    assert surveyed(ends, **changes).facts.parallel_connections == 0


def test_hosts_that_are_too_old_for_connections(libvirt: FakeLibvirt, ends: Ends) -> None:
    old = [Call(name).returns(value) for name, value in (("getLibVersion", 5_001_000), ("getVersion", 4_000_000))]
    libvirt.expect(PLAIN, INFO, RESIDENT, *old, *VERSIONS[2:])
    assert surveyed(ends).facts.parallel_connections == 0


def test_wished_connections_exclude_postcopy(libvirt: FakeLibvirt, ends: Ends) -> None:
    libvirt.expect(PLAIN, INFO, RESIDENT)
    assert surveyed(ends, parallel_connections=4).facts.postcopy_possible is False


def versions(here: tuple[int, int], there: tuple[int, int]) -> list[Call]:
    """libvirt's and QEMU's."""
    names = ("getLibVersion", "getVersion") * 2
    return [Call(name).returns(value) for name, value in zip(names, (*here, *there))]


NEW, MIDDLE, OLD = (12_008_000, 10_001_000), (11_003_000, 10_000_003), (9_003_000, 10_001_000)


@pytest.mark.parametrize(
    ("here", "there", "zstd"),
    [(NEW, NEW, True), (NEW, MIDDLE, True), (MIDDLE, OLD, False), (OLD, NEW, False)],
)
def test_zstd_takes_both_hosts_and_excludes_post_copy(
    libvirt: FakeLibvirt, ends: Ends, here: tuple[int, int], there: tuple[int, int], zstd: bool
) -> None:
    libvirt.expect(PLAIN, INFO, *versions(here, there), RESIDENT)
    facts = surveyed(ends, compression="zstd", compression_level=3).facts
    assert (facts.zstd_possible, facts.postcopy_possible) == (zstd, False)
    assert (facts.xbzrle_cache_bytes, facts.idle_processors) == (0, None)


def busy_processors(idle_ms: int) -> Call:
    return Call("getCPUStats", -1).returns({"idle": idle_ms * 10**6, "iowait": 0, "user": 1, "kernel": 2})


def test_idle_processors_are_counted_where_zstd_may_be_chosen(libvirt: FakeLibvirt, ends: Ends) -> None:
    """Over half a second at least, on both hosts: 2 s of idle processors in 0.5 s are four."""
    memory = Call("getMemoryStats", -1).returns({"free": 0, "total": 1})
    before, after = [busy_processors(1000), busy_processors(7000)], [busy_processors(3000), busy_processors(7500)]
    libvirt.expect(PLAIN, INFO, *versions(NEW, MIDDLE), *before, RESIDENT, memory, *after)
    found = surveyed(ends, compression="auto_zstd")
    assert found.facts.idle_processors == pytest.approx((4, 1))
    assert found.document()["idle_processors"] == [4, 1]
    assert (found.facts.zstd_possible, found.facts.postcopy_possible) == (True, True)


def test_a_host_that_does_not_tell_its_processors(libvirt: FakeLibvirt, ends: Ends) -> None:
    memory = Call("getMemoryStats", -1).returns({"free": 0, "total": 1})
    silent = Call("getCPUStats", -1).raises(3, "this function is not supported")
    libvirt.expect(PLAIN, INFO, *versions(NEW, NEW), busy_processors(1), silent, RESIDENT, memory, busy_processors(9))
    assert surveyed(ends, compression="auto_zstd").facts.idle_processors is None


@pytest.mark.parametrize("there", [OLD, NEW])
def test_nothing_is_counted_where_zstd_will_not_be(libvirt: FakeLibvirt, ends: Ends, there: tuple[int, int]) -> None:
    """An older host, or a limit, which QEMU does not keep on several connections."""
    memory = Call("getMemoryStats", -1).returns({"free": 0, "total": 1})
    limited = {"bandwidth_mib_per_s": 50} if there is NEW else {}
    asked = [] if limited else versions(NEW, there)
    libvirt.expect(PLAIN, INFO, *asked, RESIDENT, memory)
    facts = surveyed(ends, compression="auto_zstd", **limited).facts
    assert (facts.zstd_possible, facts.idle_processors) == (False, None)
