# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module has from the frame it runs in."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible import runner
from ansible_collections.virtops.live_migration.plugins.modules import (
    guest_agent_services,
    migration_abort,
    migration_bandwidth,
    migration_compression_cache,
    migration_dirty_rate_info,
    migration_downtime,
    migration_forecast_info,
    migration_job_info,
    migration_postcopy,
    migration_recover,
    migration_rescue,
    migration_suspend,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import ERP01, Call, FakeLibvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

MODULES: list[tuple[t.Any, dict[str, t.Any]]] = [
    (guest_agent_services, {"state": "restored"}),
    (migration_abort, {}),
    (migration_bandwidth, {"bandwidth_mib_per_s": 0}),
    (migration_compression_cache, {"size_bytes": 4096}),
    (migration_dirty_rate_info, {}),
    (migration_downtime, {"max_downtime_ms": 300}),
    (migration_forecast_info, {}),
    (migration_job_info, {}),
    (migration_postcopy, {}),
    (migration_recover, {"destination_uri": "qemu+tcp://kvm02/system"}),
    (migration_rescue, {}),
    (migration_suspend, {"max_pause_s": 1}),
]
ON_ONE_GUEST = [one for one in MODULES if one[0] is not migration_job_info]


def name_of(one: t.Any) -> str:
    return str(one[0].__name__).rpartition(".")[2]


each = pytest.mark.parametrize(("module", "options"), MODULES, ids=[name_of(one) for one in MODULES])
each_on_one_guest = pytest.mark.parametrize(
    ("module", "options"), ON_ONE_GUEST, ids=[name_of(one) for one in ON_ONE_GUEST]
)


@each
def test_guest_not_found(libvirt: FakeLibvirt, run: ModuleRunner, module: t.Any, options: dict[str, t.Any]) -> None:
    missing = Call("lookupByName", "erp01").raises(42, "Domain not found: no domain with matching name 'erp01'")
    libvirt.expect(Call("open", "qemu:///system"), missing)
    result = run.fails(module, name="erp01", **options)
    assert (result["reason"], result["state"]) == ("GUEST_NOT_FOUND", "Nothing was changed.")
    assert result["msg"].startswith("There is no guest 'erp01' on this host.")
    assert result["evidence"]["libvirt_code"] == 42


@each
def test_look_up_that_fails_for_another_reason(
    libvirt: FakeLibvirt, run: ModuleRunner, module: t.Any, options: dict[str, t.Any]
) -> None:
    invalid = Call("lookupByUUIDString", "x").raises(8, "invalid argument: uuidstr must be a valid UUID")
    libvirt.expect(Call("open", "qemu:///system"), invalid)
    result = run.fails(module, uuid="x", **options)
    assert (result["reason"], result["state"]) == ("INVALID_ARGUMENT", "Nothing was changed.")
    assert "There is no guest" not in result["msg"]


@each
def test_no_connection(libvirt: FakeLibvirt, run: ModuleRunner, module: t.Any, options: dict[str, t.Any]) -> None:
    refused = Call("open", "qemu+ssh://kvm01/system").raises(38, "unable to connect to server: Connection refused")
    libvirt.expect(refused)
    result = run.fails(module, uri="qemu+ssh://kvm01/system", name="erp01", **options)
    assert (result["reason"], result["state"]) == ("CONNECTION_FAILED", "Nothing was changed.")
    assert "qemu+ssh://kvm01/system" in result["msg"]


@each
def test_a_secret_of_a_uri_is_told_to_nobody(
    libvirt: FakeLibvirt, run: ModuleRunner, module: t.Any, options: dict[str, t.Any]
) -> None:
    uri = "qemu+tls://root@kvm01/system?pkipath=/etc/pki&token=s3same-shut"
    libvirt.expect(Call("open", uri).raises(38, f"unable to connect to server at {uri}"))
    result = run.fails(module, uri=uri, uri_allow=["pkipath", "token"], name="erp01", **options)
    assert result["reason"] == "CONNECTION_FAILED"
    assert "pkipath=/etc/pki" in result["msg"]
    assert "s3same" not in json.dumps(result)


@each_on_one_guest
@pytest.mark.parametrize("given", [{}, {"name": "erp01", "uuid": ERP01}], ids=["none", "both"])
def test_one_guest_is_named_once(
    libvirt: FakeLibvirt, run: ModuleRunner, module: t.Any, options: dict[str, t.Any], given: dict[str, str]
) -> None:
    assert "name" in run.fails(module, **given, **options)["msg"]


@pytest.fixture
def no_binding(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, t.Any]]:
    """The binding is missing; what was done about it."""
    done: list[tuple[str, t.Any]] = []
    monkeypatch.setattr(runner, "LIBVIRT_IMPORT_ERROR", "Traceback: No module named 'libvirt'")
    monkeypatch.setattr(runner, "libvirt", None)
    monkeypatch.setattr(runner, "has_respawned", lambda: False)
    monkeypatch.setattr(runner, "probe_interpreters_for_module", lambda *asked: done.append(("probe", asked)))
    monkeypatch.setattr(runner, "respawn_module", lambda interpreter: done.append(("respawn", interpreter)))
    return done


@each
def test_missing_binding_names_the_package(
    no_binding: list[tuple[str, t.Any]], run: ModuleRunner, module: t.Any, options: dict[str, t.Any]
) -> None:
    result = run.fails(module, name="erp01", **options)
    assert result["reason"] == "LIBVIRT_BINDING_MISSING"
    assert "python3-libvirt" in result["msg"]
    assert "libvirt-python" in result["msg"]
    assert [what for what, _how in no_binding] == ["probe"]


@each
def test_missing_binding_respawns_where_it_is(
    no_binding: list[tuple[str, t.Any]],
    run: ModuleRunner,
    module: t.Any,
    options: dict[str, t.Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def respawn(interpreter: str) -> None:
        no_binding.append(("respawn", interpreter))
        print("{}")  # the module that took over ends this one with its own result
        raise SystemExit(0)

    monkeypatch.setattr(runner, "probe_interpreters_for_module", lambda *_asked: "/usr/bin/python3")
    monkeypatch.setattr(runner, "respawn_module", respawn)
    assert run(module, name="erp01", **options) == {}
    assert no_binding == [("respawn", "/usr/bin/python3")]


def test_missing_binding_respawns_once(
    no_binding: list[tuple[str, t.Any]], run: ModuleRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "has_respawned", lambda: True)
    assert run.fails(migration_abort, name="erp01")["reason"] == "LIBVIRT_BINDING_MISSING"
    assert no_binding == []


def test_interpreters_are_probed_for_the_binding(no_binding: list[tuple[str, t.Any]], run: ModuleRunner) -> None:
    run.fails(migration_abort, name="erp01")
    ((_probe, (interpreters, module)),) = no_binding
    assert (module, "/usr/bin/python3" in interpreters) == ("libvirt", True)
