# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import RouteDevice
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import Window
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure import (
    forecast_facts as measured_facts,
)
from ansible_collections.virtops.live_migration.plugins.modules import migration_forecast_info as module
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import COMPLETED, GIB, MIB, MIGRATING, NO_JOB
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

FOUND = [Call("open", "qemu:///system"), Call("lookupByName", "erp01").returns(Guest())]
NOTHING = "<domain type='kvm'><devices/></domain>"
DEVICE = "<domain type='kvm'><devices><hostdev/></devices></domain>"
INFO = Call("info").returns([1, GIB // 1024, GIB // 1024, 2, 0])
BUSY = {"working_set_bytes": 600 * MIB, "dirty_bytes_per_s": 5000 * MIB}


def gathered(definition: str = NOTHING, rss_mib: t.Optional[int] = 1000, free_bytes: int = 0) -> list[Call]:
    resident = {} if rss_mib is None else {"actual": 1, "rss": rss_mib * 1024}
    return [
        INFO,
        Call("memoryStats").returns(resident),
        Call("getMemoryStats", -1).returns({"free": free_bytes // 1024}),
        Call("XMLDesc", 0).returns(definition),
    ]


# What a cache could have is not asked where none is wanted.
NOT_COMPRESSED = [call for number, call in enumerate(gathered()) if number != 2]

Measured = t.Callable[..., None]


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch, libvirt: FakeLibvirt) -> Measured:
    """What QEMU will find in the windows of each measurement; how it measures is tested elsewhere."""

    def script(*rounds: tuple[int, int]) -> None:
        left = list(rounds)

        def measure_windows(_connection: t.Any, _guest: t.Any, windows_s: list[int], _mode: str) -> list[Window]:
            libvirt.clock.sleep(sum(windows_s))
            return [Window(seconds, mib * MIB) for seconds, mib in zip(windows_s, left.pop(0))]

        monkeypatch.setattr(measured_facts, "measure_windows", measure_windows)
        libvirt.expect(*[INFO] * len(rounds))

    return script


def test_with_a_given_rate_nothing_is_measured(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, *gathered())
    result = run(module, name="erp01", link_mib_per_s=100, dirty_rate={**BUSY, "windows": []})
    assert (result["changed"], result["name"], result["uuid"]) == (False, "erp01", ERP01)
    forecast = result["forecast"]
    assert (forecast["way"], forecast["will_finish"], forecast["recommended_policy"]) == ("none", False, "post_copy")
    assert forecast["needs"]["postcopy"] is True
    assert forecast["needs"]["max_downtime_ms"] == pytest.approx(6300, rel=0.1)
    assert forecast["least_bandwidth_mib_per_s"] > 1000
    assert "calm" not in result
    assert result["facts"] == {
        "touched_bytes": 1000 * MIB,
        "bandwidth_bytes_per_s": 100 * MIB,
        "bandwidth_source": "link_mib_per_s",
        "dirty_rate": {
            "working_set_bytes": 600 * MIB,
            "working_set_is_lower_bound": False,
            "dirty_bytes_per_s": 5000 * MIB,
            "dirty_rate_is_lower_bound": False,
        },
        "host_devices": 0,
        "vcpus_busy_percent": [],
    }


def test_what_may_be_done_counts(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, *gathered(), *FOUND, *gathered(DEVICE))
    arguments = {"name": "erp01", "link_mib_per_s": 100, "dirty_rate": BUSY, "policy": "post_copy"}
    forecast = run(module, **arguments)["forecast"]
    assert (forecast["way"], forecast["virsh_options"]) == ("postcopy", ["--postcopy", "--bandwidth", "100"])
    # A device of the host cannot be fetched page by page.
    forecast = run(module, **arguments)["forecast"]
    assert forecast["flags"]["postcopy"] is False
    assert forecast["way"] != "postcopy"


def test_compression_only_where_it_may(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    arguments = {"name": "erp01", "link_mib_per_s": 100, "dirty_rate": {**BUSY, "dirty_bytes_per_s": 80 * MIB}}
    libvirt.expect(*FOUND, *gathered(free_bytes=8 * GIB))
    found = run(module, **arguments)["forecast"]
    assert found["flags"]["xbzrle_cache_bytes"] == GIB // 2
    assert {"--compressed", "xbzrle", str(GIB // 2)} <= set(found["virsh_options"])
    libvirt.expect(*FOUND, *NOT_COMPRESSED)
    assert run(module, **arguments, compression="none")["forecast"]["flags"]["xbzrle_cache_bytes"] == 0


def test_measured_over_the_length_of_the_first_pass(
    libvirt: FakeLibvirt, run: ModuleRunner, measures: Measured
) -> None:
    libvirt.expect(*FOUND, *gathered(rss_mib=None))
    measures((200, 600))
    began_s = libvirt.clock.now
    result = run(module, name="erp01", link_mib_per_s=100)
    assert libvirt.clock.now - began_s == 1 + 11  # 1 GiB at 100 MiB/s
    assert result["facts"]["touched_bytes"] == GIB
    assert 600 * MIB < result["facts"]["dirty_rate"]["working_set_bytes"] < 800 * MIB


def test_the_smaller_of_link_and_limit(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    for link, limit, counts, source in (
        (100, 40, 40, "bandwidth_mib_per_s"),
        (100, 400, 100, "link_mib_per_s"),
        (0.5, 0, 0.5, "link_mib_per_s"),
    ):
        libvirt.expect(*FOUND, *gathered())
        facts = run(module, name="erp01", link_mib_per_s=link, bandwidth_mib_per_s=limit, dirty_rate=BUSY)["facts"]
        assert (facts["bandwidth_bytes_per_s"], facts["bandwidth_source"]) == (counts * MIB, source)


def test_the_last_migration_tells_the_bandwidth(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats", 3).returns(COMPLETED), *gathered())
    facts = run(module, name="erp01", dirty_rate=BUSY)["facts"]
    assert (facts["bandwidth_bytes_per_s"], facts["bandwidth_source"]) == (100 * MIB, "last_migration")


def test_the_speed_of_the_device_on_the_way(
    libvirt: FakeLibvirt, run: ModuleRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(module, "route_to", lambda hosts: asked.append(list(hosts)) or RouteDevice("bond0.50", 10_000))
    for destination in ("qemu+ssh://root@kvm02/system", "10.231.1.12"):
        libvirt.expect(*FOUND, *gathered())
        facts = run(module, name="erp01", destination=destination, dirty_rate=BUSY)["facts"]
        assert facts["bandwidth_bytes_per_s"] == 1_175_000_000
        assert facts["bandwidth_source"] == "the speed of the device below bond0.50, 10000 Mbit/s"
    assert asked == [["kvm02"], ["10.231.1.12"]]
    # A device that tells no speed: what the last migration had.
    monkeypatch.setattr(module, "route_to", lambda _hosts: RouteDevice("veth0"))
    libvirt.expect(*FOUND, Call("jobStats", 3).returns(COMPLETED), *gathered())
    assert run(module, name="erp01", destination="kvm02", dirty_rate=BUSY)["facts"]["bandwidth_source"] == (
        "last_migration"
    )


def test_an_unknown_bandwidth_is_asked_for(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats", 3).returns(NO_JOB))
    result = run.fails(module, name="erp01")
    assert result["reason"] == "BANDWIDTH_UNKNOWN"
    assert "link_mib_per_s" in result["remedy"]


def test_the_first_quiet_moment(libvirt: FakeLibvirt, run: ModuleRunner, measures: Measured) -> None:
    libvirt.expect(*FOUND, *gathered())
    measures((500, 600), (0, 0))
    result = run(module, name="erp01", link_mib_per_s=100, calm_wait_s=60, policy_overrides={"max_throttle_percent": 0})
    calm = result["calm"]
    assert calm["quiet"] is True
    # The measurement takes 11 s, and the guest is left alone for 5.
    assert calm["after_s"] == calm["quietest_after_s"] == 16
    assert calm["summary"] == "Quiet enough to be moved by plain pre-copy after 16 s."
    assert [(one["way"], one["quiet"]) for one in calm["samples"]] == [("none", False), ("precopy", True)]
    assert result["forecast"]["way"] == "precopy"
    assert result["facts"]["dirty_rate"]["working_set_bytes"] == 0


def test_no_quiet_moment(libvirt: FakeLibvirt, run: ModuleRunner, measures: Measured) -> None:
    libvirt.expect(*FOUND, *gathered())
    measures((500, 600), (700, 800), (600, 700))
    result = run(module, name="erp01", link_mib_per_s=100, calm_wait_s=35)
    calm = result["calm"]
    assert (calm["quiet"], calm["after_s"], calm["quietest_after_s"]) == (False, 32, 0)
    assert "Not quiet enough within 32 s" in calm["summary"]
    assert result["facts"]["dirty_rate"]["working_set_bytes"] == calm["samples"][2]["working_set_bytes"]


def test_not_while_it_migrates(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, *gathered(), Call("getLibVersion").returns(9_000_000), Call("jobStats").returns(MIGRATING))
    assert run.fails(module, name="erp01", link_mib_per_s=100)["reason"] == "JOB_RUNNING"


def test_not_of_a_guest_that_is_off(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(*FOUND)
    assert run.fails(module, name="erp01", link_mib_per_s=100)["reason"] == "GUEST_NOT_RUNNING"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"link_mib_per_s": 1, "dirty_rate": {"working_set_bytes": 1}}, "BAD_DIRTY_RATE"),
        ({"link_mib_per_s": 1, "policy_overrides": {"max_downtime_ms": 0}}, "BAD_CONTRACT"),
    ],
)
def test_values_that_make_no_sense(
    libvirt: FakeLibvirt, run: ModuleRunner, arguments: dict[str, t.Any], reason: str
) -> None:
    libvirt.expect(*FOUND)
    assert run.fails(module, name="erp01", **arguments)["reason"] == reason


@pytest.mark.parametrize(
    "arguments",
    [{"link_mib_per_s": 0}, {"link_mib_per_s": -1}, {"link_mib_per_s": 1, "bandwidth_mib_per_s": -1}],
)
def test_numbers_out_of_range_are_refused_before_libvirt_is_asked(
    libvirt: FakeLibvirt, run: ModuleRunner, arguments: dict[str, t.Any]
) -> None:
    assert run.fails(module, name="erp01", **arguments)["reason"] == "OUT_OF_RANGE"


def test_given_and_searched_for_exclude_each_other(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    assert "mutually exclusive" in run.fails(module, name="erp01", dirty_rate=BUSY, calm_wait_s=1)["msg"]
