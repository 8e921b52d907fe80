# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import HugePages, NumaNode
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.capabilities import (
    expanded,
    host_model_xml,
    parse_capabilities,
    parse_domain_capabilities,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured


def test_capabilities_of_a_lab_host() -> None:
    found = parse_capabilities(captured("capabilities.xml"))
    assert found.uuid == "4c0ffee0-0000-4000-8000-000000000001"
    assert (found.cpu.arch, found.cpu.model, found.cpu.vendor) == ("x86_64", "kvm64", "AMD")
    assert (found.cpu.threads, found.cpu.sockets, found.cpu.cores_per_socket, found.cpu.threads_per_core) == (
        2,
        1,
        2,
        1,
    )
    assert (found.cpu.tsc_frequency_hz, found.cpu.tsc_scaling, found.cpu.microcode) == (2596130000, False, "16777317")
    assert {"avx", "sse4.2"} <= set(found.cpu.features)
    assert found.cpu.xml.startswith("<cpu>")
    assert found.nodes == [NumaNode(0, total_bytes=5204172 << 10, cpus=[0, 1])]
    assert found.hugepages == [HugePages(0, 2 << 20, total=0), HugePages(0, 1 << 30, total=0)]
    assert [(one.arch, one.virt_types) for one in found.emulators] == [
        ("i686", ["kvm", "qemu"]),
        ("x86_64", ["kvm", "qemu"]),
    ]
    assert found.emulators[1].machines == ["pc", "pc-i440fx-7.2", "pc-q35-6.2", "pc-q35-7.2", "q35"]
    assert found.security_drivers == ["none", "dac"]
    assert found.uri_transports == ["tcp", "rdma"]


def test_what_guests_can_be_given() -> None:
    text = captured("domain_capabilities_qemu.xml")
    profile = parse_domain_capabilities(text)
    assert (profile.virt_type, profile.model, profile.vendor) == ("qemu", "EPYC", "AMD")
    assert "Westmere" in profile.usable_models
    assert "Skylake-Server" not in profile.usable_models
    assert "Skylake-Server" in profile.known_models
    assert not profile.features_complete
    asked = host_model_xml(text)
    assert asked
    assert asked.startswith('<cpu mode="custom" match="exact"><model fallback="forbid">EPYC</model>')


def test_all_features_of_a_model() -> None:
    profile = parse_domain_capabilities(captured("domain_capabilities_qemu.xml"))
    answer = "<cpu><model>EPYC</model><feature policy='require' name='sse2'/><feature policy='disable' name='x'/></cpu>"
    full = expanded(profile, answer)
    assert (full.features, full.features_complete) == (["sse2"], True)
    assert full.usable_models == profile.usable_models


def test_a_host_without_a_host_model() -> None:
    cpu = "<cpu><mode name='host-model' supported='no'/></cpu>"
    text = f"<domainCapabilities><domain>kvm</domain>{cpu}</domainCapabilities>"
    assert parse_domain_capabilities(text).model == ""
    assert host_model_xml(text) is None
