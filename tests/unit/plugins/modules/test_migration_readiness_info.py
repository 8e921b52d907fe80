# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of the module over a scripted libvirt and given documents; the ways are tried on the lab."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible import route_to_destination
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import Route
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.all_checks import CHECKS
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import STATUSES
from ansible_collections.virtops.live_migration.plugins.modules import migration_readiness_info as module
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Call, FakeLibvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import GUEST, MIB, Setup
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

URI = "qemu+ssh://root@kvm01/system"
ASKED = (None, "x86_64", "pc-q35-9.0", "kvm")
THERE = "qemu+tcp://10.231.0.12/system"


def documents(**changes: t.Any) -> dict[str, t.Any]:
    setup = Setup().but(
        {"source.domains": [GUEST], **{key.replace("__", "."): value for key, value in changes.items()}}
    )
    return {"source": setup.source.document(), "destination": setup.destination.document()}


def status(result: dict[str, t.Any], check: str) -> str:
    return next(one["status"] for one in result["domains"][0]["checks"] if one["id"] == check)


def test_from_two_documents(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(Call("open", URI))
    result = run(module, uri=URI, **documents())
    assert not result["changed"]
    (found,) = result["domains"]
    assert (found["name"], found["destination"], found["ready"]) == ("erp01", "kvm02", True)
    assert len(found["checks"]) == len(CHECKS)
    # From another machine than the source nothing is tried.
    assert {status(result, one) for one in ("destination_reachable", "daemon_login", "migration_route")} == {"skip"}
    assert status(result, "forecast") == "skip"


def test_every_guest_and_every_destination(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(Call("open", URI))
    both = documents(source__domains=[GUEST, Setup().but({"domain.name": "crm01", "domain.uuid": "u2"}).domain])
    other = documents(destination__name="kvm03", destination__uuid="3")["destination"]
    result = run(
        module, uri=URI, source=both["source"], destinations=[both["destination"], other], statuses=["fail", "warn"]
    )
    assert [(one["name"], one["destination"]) for one in result["domains"]] == [
        ("erp01", "kvm02"),
        ("erp01", "kvm03"),
        ("crm01", "kvm02"),
        ("crm01", "kvm03"),
    ]
    assert [one["checks"] for one in result["domains"]] == [[], [], [], []]
    assert sum(result["domains"][0]["counts"].values()) == len(CHECKS)


def test_the_destination_is_asked_for_its_processor(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(
        Call("open", URI),
        Call("open", THERE),
        Call("compareHypervisorCPU", *ASKED, "<cpu/>", 1).raises(91, "missing required features: avx512f"),
    )
    result = run(module, uri=URI, destination_uri=THERE, **documents(source__domains=[with_cpu()]))
    assert status(result, "cpu_compatible") == "fail"
    assert status(result, "daemon_login") == "skip"  # the login was not the source's


def test_a_login_that_fails(libvirt: FakeLibvirt, run: ModuleRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the source itself: nothing listens at the address, which this machine tells at once."""
    monkeypatch.setattr(route_to_destination, "read_route", lambda address: Route(address, "eth1"))
    monkeypatch.setattr(route_to_destination, "connect", lambda _address, _port, _limit_s: ("accepted", 0.5))
    monkeypatch.setattr(route_to_destination, "addresses_of", lambda _name: ["10.231.0.12"])
    libvirt.expect(
        Call("open", "qemu:///system"),
        Call("open", THERE).raises(45, "authentication failed: no mechanism available", 7),
    )
    result = run(module, destination_uri=THERE, **documents())
    login = next(one for one in result["domains"][0]["checks"] if one["id"] == "daemon_login")
    assert login["status"] == "fail"
    assert "no mechanism available" in login["summary"]
    assert login["remedy"]
    assert status(result, "destination_reachable") == status(result, "migration_route") == "pass"


def with_cpu() -> t.Any:
    return Setup().but({"domain.cpu.xml": "<cpu/>", "domain.cpu.mode": "custom"}).domain


def test_what_was_measured_and_what_is_allowed(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(Call("open", URI))
    measured = {
        "name": "erp01",
        "mode": "page-sampling",
        "dirty_bytes_per_s": 400 * MIB,
        "dirty_rate_is_lower_bound": False,
        "working_set_bytes": 200 * MIB,
        "working_set_is_lower_bound": False,
    }
    policy = {"max_downtime_ms": 500, "postcopy": "never", "max_throttle_percent": 0}
    result = run(module, uri=URI, dirty_rates=[measured], bandwidth_mib_per_s=45, contract=policy, **documents())
    assert status(result, "dirty_rate") == status(result, "working_set") == "warn"
    assert status(result, "forecast") == "fail"
    assert status(result, "postcopy_possible") == "skip"


def test_rules(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(Call("open", URI))
    rule = {
        "id": "large_host",
        "expr": "destination.cpu.threads >= `128`",
        "message": "Too small.",
        "remedy": "Larger.",
    }
    (found,) = run(module, uri=URI, rules=[rule], **documents())["domains"]
    assert not found["ready"]
    assert found["summary"] == "erp01 cannot go to kvm02: Too small."


@pytest.mark.parametrize(
    ("arguments", "reason", "says"),
    [
        ({"rules": [{"id": "r", "expr": "[", "message": "m"}]}, "BAD_RULE", "'r'"),
        ({"bandwidth_mib_per_s": 0}, "OUT_OF_RANGE", "bandwidth_mib_per_s is 0"),
        ({"bandwidth_mib_per_s": "nan"}, "OUT_OF_RANGE", "bandwidth_mib_per_s is nan"),
        ({"destination": {"name": "kvm02"}}, "BAD_DOCUMENT", "destination.uuid"),
        ({"source": {"name": "a", "uuid": "b", "domains": {}}}, "BAD_DOCUMENT", "source.domains"),
        ({"dirty_rates": [{"name": "erp01"}]}, "BAD_DOCUMENT", "dirty_rates[0].working_set_bytes"),
        ({"contract": {"max_downtime_ms": 0}}, "BAD_CONTRACT", "max_downtime_ms"),
        ({"name": "nobody"}, "GUEST_NOT_FOUND", "'nobody'"),
        ({"uuid": "0-0"}, "GUEST_NOT_FOUND", "'0-0'"),
    ],
)
def test_what_is_refused(
    libvirt: FakeLibvirt, run: ModuleRunner, arguments: dict[str, t.Any], reason: str, says: str
) -> None:
    if "nan" not in arguments.values():  # no number at all is refused before libvirt is asked
        libvirt.expect(Call("open", URI))
    result = run.fails(module, uri=URI, **{**documents(), **arguments})
    assert result["reason"] == reason
    assert says in result["msg"]
    assert result["remedy"]


def test_one_uri_is_not_that_of_two_hosts(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(Call("open", URI))
    both = documents()
    result = run.fails(
        module, uri=URI, source=both["source"], destinations=[both["destination"]] * 2, destination_uri=THERE
    )
    assert "there are 2" in result["msg"]


def test_statuses_are_documented() -> None:
    options = yaml.safe_load(module.DOCUMENTATION)["options"]
    assert tuple(options["statuses"]["choices"]) == STATUSES
