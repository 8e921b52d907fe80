# SPDX-License-Identifier: GPL-3.0-or-later

"""Over a remote connection, so that everything comes from the scripted libvirt; the rest is seen on the lab."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core import dataclass_json as document
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    HostDocument,
    host_from,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import cordon_secret
from ansible_collections.virtops.live_migration.plugins.modules import migration_host_info as module
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ERP01,
    ERP02,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
    libvirtError,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

URI = "qemu+ssh://root@kvm01/system"
XML = "<domain type='kvm'><name>{}</name><uuid>{}</uuid><memory unit='MiB'>512</memory></domain>"
NETWORK = "<network><name>default</name><uuid>n</uuid><forward/><bridge name='virbr0'/></network>"
POOL = "<pool type='dir'><name>images</name><uuid>p</uuid><target><path>/srv</path></target></pool>"


class Secret:
    def __init__(self, uuid: str, usage: str) -> None:
        self._uuid, self._usage = uuid, usage

    def UUIDString(self) -> str:  # noqa: N802 - the binding's name
        return self._uuid

    def usageID(self) -> str:  # noqa: N802 - the binding's name
        return self._usage


class Object:
    """A network or pool."""

    def __init__(self, xml: str) -> None:
        self._xml = xml

    def XMLDesc(self, _flags: int) -> str:  # noqa: N802 - the binding's name
        return self._xml

    def isActive(self) -> int:  # noqa: N802 - the binding's name
        return 1

    def autostart(self) -> int:
        return 0


def expect_host(libvirt: FakeLibvirt) -> None:
    libvirt.expect(
        Call("open", URI),
        Call("getCapabilities").returns(captured("capabilities.xml")),
        Call("getLibVersion").returns(9000000),
        Call("getVersion").returns(7002022),
    )


def expect_guest(libvirt: FakeLibvirt, name: str, uuid: str) -> None:
    libvirt.expect(
        Call("XMLDesc", 0, guest=name).returns(XML.format(name, uuid)),
        Call("isPersistent", guest=name).returns(1),
        Call("autostart", guest=name).returns(1),
        Call("snapshotNum", 0, guest=name).returns(2),
        Call("listAllCheckpoints", 0, guest=name).raises(3, "this function is not supported by the connection driver"),
    )


def expect_rest(libvirt: FakeLibvirt, *more_networks: Object) -> None:
    cpu = "<cpu mode='custom'><model>EPYC</model><feature policy='require' name='sse2'/></cpu>"
    asked = (None, "x86_64", None)
    libvirt.expect(
        Call("getDomainCapabilities", *asked, "kvm", 0).raises(8, "invalid argument: KVM is not supported"),
        Call("getDomainCapabilities", *asked, "qemu", 0).returns(captured("domain_capabilities_qemu.xml")),
        Call("baselineHypervisorCPU", *asked, "qemu", [AnyModel()], 1).returns(cpu),
        Call("getMemoryStats", -1, 0).returns({"total": 4096, "free": 1024, "buffers": 8, "cached": 16}),
        Call("getCellsFreeMemory", 0, 1).returns([1048576]),
        Call("listAllNetworks", 0).returns([Object(NETWORK), *more_networks]),
        Call("listAllStoragePools", 0).returns([Object(POOL)]),
        Call("listNWFilters").returns(["no-mac-spoofing", "clean-traffic"]),
        Call("listAllSecrets", 0).returns([Secret("5B9FF4E8-0000-4000-8000-000000000001", "client.libvirt")]),
        Call("secretLookupByUUIDString", cordon_secret.UUID).raises(66, "Secret not found"),
    )


class AnyModel:
    """Equal to whatever processor is asked about."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and "<model" in other

    __hash__ = None  # type: ignore[assignment]


VNC = "<graphics type='vnc' port='5900' autoport='yes'>{}</graphics>"
WITH_CONSOLE = XML.replace("</domain>", f"<devices>{VNC}</devices></domain>")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (Call("XMLDesc", 8, guest="erp01").returns(WITH_CONSOLE.format("erp01", ERP01, "")), False),
        (
            Call("XMLDesc", 8, guest="erp01").returns(WITH_CONSOLE.format("erp01", ERP01, "<listen type='none'/>")),
            False,
        ),
        (
            Call("XMLDesc", 8, guest="erp01").returns(
                WITH_CONSOLE.format("erp01", ERP01, "<listen type='address' address='192.0.2.11'/>")
            ),
            True,
        ),
        (Call("XMLDesc", 8, guest="erp01").raises(29, "operation XMLDesc forbidden for read only access"), None),
    ],
)
def test_the_definition_that_is_sent_is_asked_for_where_it_counts(
    libvirt: FakeLibvirt, run: ModuleRunner, sent: Call, expected: bool | None
) -> None:
    expect_host(libvirt)
    libvirt.expect(Call("listAllDomains", 0).returns([Guest()]))
    live = WITH_CONSOLE.format("erp01", ERP01, "<listen type='address' address='192.0.2.11'/>")
    libvirt.expect(
        Call("XMLDesc", 0, guest="erp01").returns(live),
        Call("isPersistent", guest="erp01").returns(0),
        Call("snapshotNum", 0, guest="erp01").returns(0),
        Call("listAllCheckpoints", 0, guest="erp01").returns([]),
        sent,
    )
    expect_rest(libvirt)
    (guest,) = host_from(run(module, uri=URI)["host"]).domains
    assert [(one.listen, one.sent) for one in guest.graphics] == [("192.0.2.11", expected)]


@pytest.mark.parametrize(
    ("answer", "usable_bytes"),
    [
        (Call("memoryStats").returns({"actual": 9, "available": 8, "usable": 5, "unused": 4, "last_update": 1}), None),
        (Call("memoryStats").raises(38, "cannot reach the monitor"), None),
        (Call("memoryStats").hangs(), None),
        (Call("memoryStats"), 5 * 1024),
    ],
)
def test_what_guests_tell_of_their_memory(
    libvirt: FakeLibvirt, run: ModuleRunner, answer: Call, usable_bytes: int | None
) -> None:
    """Of those that tell it regularly; what was told long ago is not true any more."""
    told = {"actual": 9, "available": 8, "usable": 5, "unused": 4, "last_update": int(libvirt.clock.time())}
    if usable_bytes:
        answer.returns(told)
    balloon = "<memballoon model='virtio' freePageReporting='on'><stats period='5'/></memballoon>"
    live = XML.format("erp01", ERP01).replace("</domain>", f"<devices>{balloon}</devices></domain>")
    expect_host(libvirt)
    libvirt.expect(Call("listAllDomains", 0).returns([Guest()]))
    libvirt.expect(
        Call("XMLDesc", 0, guest="erp01").returns(live),
        Call("isPersistent", guest="erp01").returns(0),
        Call("snapshotNum", 0, guest="erp01").returns(0),
        Call("listAllCheckpoints", 0, guest="erp01").returns([]),
        answer,
    )
    expect_rest(libvirt)
    (guest,) = run(module, uri=URI)["host"]["domains"]
    assert (guest["balloon"]["model"], guest["balloon"]["period_s"]) == ("virtio", 5)
    assert guest["balloon"]["free_page_reporting"] is True
    assert guest["balloon"]["usable_bytes"] == usable_bytes


def test_a_host_from_afar(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp02"] = SHUT_DOWN
    expect_host(libvirt)
    libvirt.expect(Call("listAllDomains", 0).returns([Guest("erp02", ERP02), Guest()]))
    expect_guest(libvirt, "erp01", ERP01)
    expect_guest(libvirt, "erp02", ERP02)
    expect_rest(libvirt)
    result = run(module, uri=URI)
    assert not result["changed"]
    host = host_from(result["host"])
    assert (host.name, host.uuid, host.local) == ("kvm01", "4c0ffee0-0000-4000-8000-000000000001", False)
    assert (host.versions.libvirt, host.versions.qemu) == ("9.0.0", "7.2.22")
    assert "postcopy_recovery" in host.features
    assert [(one.name, one.state) for one in host.domains] == [("erp01", "running"), ("erp02", "shut off")]
    # What runs on a guest is in a file of its host.
    assert [one.job for one in host.domains] == [None, ""]
    assert (host.domains[0].snapshots, host.domains[0].checkpoints, host.domains[0].autostart) == (2, None, True)
    assert [(one.virt_type, one.features, one.features_complete) for one in host.cpu.profiles] == [
        ("qemu", ["sse2"], True)
    ]
    assert (host.memory.total_bytes, host.memory.available_bytes) == (4096 * 1024, 1048 * 1024)
    assert host.memory.nodes[0].free_bytes == 1048576
    assert (host.networks[0].bridge, host.networks[0].active) == ("virbr0", True)
    assert host.storage.pools[0].path == "/srv"
    assert host.security.qemu_user == "+0"
    assert (host.interfaces, host.clock, host.migration.ports_used) == (None, None, None)
    assert len(host.problems) == 1
    assert "processors of kvm guests" in host.problems[0]
    assert "KVM is not supported" in host.problems[0]


class Gone(Object):
    """One that has been taken away since it was listed, or that cannot be read."""

    def __init__(self, code: int) -> None:
        self._code = code

    def XMLDesc(self, _flags: int) -> str:  # noqa: N802 - the binding's name
        raise libvirtError(self._code, "no luck")


@pytest.mark.parametrize(
    ("second", "names", "problems"),
    [(43, ["default"], []), (38, None, ["networks: no luck"]), (42, None, ["networks: no luck"])],
)
def test_only_what_has_gone_is_left_out(
    libvirt: FakeLibvirt, run: ModuleRunner, second: int, names: list[str] | None, problems: list[str]
) -> None:
    """Networks that libvirt did not tell are not known; they are not away."""
    expect_host(libvirt)
    expect_rest(libvirt, Gone(second))
    found = run(module, uri=URI, domains=False)["host"]
    assert (None if found["networks"] is None else [one["name"] for one in found["networks"]]) == names
    assert [one for one in found["problems"] if one.startswith("networks")] == problems


def test_a_guest_that_cannot_be_read_does_not_hide_the_others(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    expect_host(libvirt)
    guests = [Guest(f"erp0{number}", f"1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c0{number}") for number in range(1, 7)]
    libvirt.expect(Call("listAllDomains", 0).returns(list(guests)))
    libvirt.expect(Call("XMLDesc", 0, guest="erp01").raises(42, "Domain not found"))
    for guest in guests[1:4]:
        libvirt.expect(Call("XMLDesc", 0, guest=guest.name).hangs())
    expect_rest(libvirt)
    host = host_from(run(module, uri=URI)["host"])
    assert host.domains == []
    assert len(host.problems) == 7
    assert "erp01: Domain not found" in host.problems[1:2]
    assert "did not answer for 5 s" in host.problems[2]
    assert host.problems[-1] == "erp06: not asked, since 3 guests before it gave no answer."


def test_without_guests(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    expect_host(libvirt)
    expect_rest(libvirt)
    assert run(module, uri=URI, domains=False)["host"]["domains"] == []


def test_a_window_that_is_no_time(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    for value in (-1, "nan", "inf"):
        assert run.fails(module, uri=URI, load_window_s=value)["reason"] == "OUT_OF_RANGE"


# --- documentation


def documented(contains: t.Mapping[str, t.Any], cls: t.Any, where: str) -> None:
    """Each field of the document, and no other, is in RETURN, with its type."""
    hints = document._hints(cls)
    assert set(contains) == set(hints), where
    for name, (hint, _required) in hints.items():
        field, place = contains[name], f"{where}.{name}"
        inner = t.get_args(hint)[0] if t.get_origin(hint) is t.Union else hint
        listed = t.get_origin(inner) is list
        element = t.get_args(inner)[0] if listed else inner
        kind = "dict" if dataclasses.is_dataclass(element) or t.get_origin(element) is dict else element.__name__
        assert (field["type"], field.get("elements")) == (("list", kind) if listed else (kind, None)), place
        assert field["description"], place
        if dataclasses.is_dataclass(element):
            documented(field["contains"], element, place)


def test_every_field_is_documented() -> None:
    documented(yaml.safe_load(module.RETURN)["host"]["contains"], HostDocument, "host")


def test_the_samples_make_a_document() -> None:
    """They are of one host, so that they fit the types that they are said to have."""

    def sample(contains: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        found = {}
        for name, field in contains.items():
            if "contains" in field:
                inner = sample(field["contains"])
                if inner:
                    found[name] = [inner] if field["type"] == "list" else inner
            elif "sample" in field:
                found[name] = field["sample"]
        return found

    host = host_from(sample(yaml.safe_load(module.RETURN)["host"]["contains"]))
    assert host.domains[0].disks[0].target == "vda"


@pytest.mark.parametrize("error", [libvirtError(38, "Failed to connect socket")])
def test_no_daemon(libvirt: FakeLibvirt, run: ModuleRunner, error: libvirtError) -> None:
    libvirt.expect(Call("open", URI).raises(error.code, error.message, 7))
    assert run.fails(module, uri=URI)["reason"] == "CONNECTION_FAILED"
