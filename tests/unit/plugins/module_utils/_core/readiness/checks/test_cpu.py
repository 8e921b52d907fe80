# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    CpuProfile,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    CpuFeature,
    GuestCpu,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
    CpuOpinion,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.cpu import cpu_to_ask
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    BY_ID,
    PASSTHROUGH,
    PROFILE,
    UNASKED,
    Row,
    find,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    GUEST,
    Setup,
    host,
)

EMULATED = {"domain.cpu": GuestCpu("maximum"), "domain.type": "qemu"}
MAXIMUM = replace(PROFILE, virt_type="qemu")
LESS = replace(MAXIMUM, features=["avx", "sse2"])

ROWS: list[Row] = [
    ("cpu_compatible", FAIL, {"cpu": CpuOpinion(False, "missing: avx"), "domain.cpu": PASSTHROUGH}, "missing: avx"),
    (
        "cpu_compatible",
        WARN,
        {"cpu": CpuOpinion(False, "missing: la57."), **EMULATED},
        "its libvirt says: missing: la57. It arrives",
    ),
    (
        "cpu_compatible",
        WARN,
        {**UNASKED, **EMULATED, "source.cpu.profiles": [MAXIMUM], "destination.cpu.profiles": [LESS]},
        "the destination lacks avx2 and vmx. It arrives",
    ),
    (
        "cpu_compatible",
        FAIL,
        {"cpu": CpuOpinion(False, "missing: avx512f"), "domain.type": "qemu"},
        "missing: avx512f",
    ),
    ("cpu_compatible", FAIL, {"cpu": CpuOpinion(False, "missing: avx512f")}, "avx512f"),
    ("cpu_compatible", FAIL, {"domain.cpu.migratable": False}, "migratable='off'"),
    ("cpu_compatible", PASS, UNASKED, "can give it the model Skylake-Server"),
    ("cpu_compatible", PASS, {"cpu": CpuOpinion(None, "not supported")}, "can give it the model"),
    ("cpu_compatible", PASS, {**UNASKED, "domain.cpu": GuestCpu()}, "default processor"),
    ("cpu_compatible", FAIL, {**UNASKED, "domain.cpu.model": "Icelake-Server"}, "cannot give a guest the model"),
    ("cpu_compatible", FAIL, {**UNASKED, "domain.cpu.model": "SapphireRapids"}, "does not know the model"),
    (
        "cpu_compatible",
        FAIL,
        {**UNASKED, "domain.cpu.features": [CpuFeature("hle"), CpuFeature("x", "disable")]},
        "lacks hle",
    ),
    ("cpu_compatible", PASS, {**UNASKED, "domain.cpu": PASSTHROUGH}, "has the same one"),
    (
        "cpu_compatible",
        FAIL,
        {**UNASKED, "domain.cpu": PASSTHROUGH, "destination.cpu.profiles": [replace(PROFILE, features=["sse2"])]},
        "lacks avx, avx2 and vmx",
    ),
    (
        "cpu_compatible",
        WARN,
        {**UNASKED, "domain.cpu": PASSTHROUGH, "destination.cpu.microcode": "2"},
        "not the same one",
    ),
    (
        "cpu_compatible",
        WARN,
        {**UNASKED, "domain.cpu": PASSTHROUGH, "source.cpu.profiles": [replace(PROFILE, features=["sse2"])]},
        "not the same one",
    ),
    (
        "cpu_compatible",
        SKIP,
        {**UNASKED, "domain.cpu": PASSTHROUGH, "destination.cpu.profiles": [CpuProfile("kvm")]},
        "not known",
    ),
    ("cpu_compatible", SKIP, {**UNASKED, "destination.cpu.profiles": []}, "not known"),
    (
        "cpu_compatible",
        SKIP,
        {
            **UNASKED,
            "domain.cpu.features": [CpuFeature("avx")],
            "destination.cpu.profiles": [replace(PROFILE, features_complete=False)],
        },
        "not known",
    ),
    ("cpu_compatible", PASS, {**UNASKED, "domain.cpu": PASSTHROUGH, "domain.state": "shut off"}, "started on"),
    ("tsc", FAIL, {"domain.cpu.features": [CpuFeature("invtsc")]}, "without a frequency"),
    ("tsc", FAIL, {"domain.cpu.tsc_frequency_hz": 2_500_000_000}, "cannot scale it"),
    ("tsc", PASS, {"domain.cpu.tsc_frequency_hz": 2_600_000_001}, "frequency"),
    ("tsc", PASS, {"domain.cpu.tsc_frequency_hz": 2_500_000_000, "destination.cpu.tsc_scaling": True}, "frequency"),
    ("tsc", SKIP, {"domain.cpu.tsc_frequency_hz": 1, "destination.cpu.tsc_frequency_hz": None}, "not known"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)


def test_libvirt_is_not_believed_about_a_processor_that_names_nothing() -> None:
    """Seen on the lab: a definition with host-passthrough or maximum fits every host, by its libvirt."""
    worse = {"destination.cpu.profiles": [replace(PROFILE, features=["sse2"])], "domain.cpu": PASSTHROUGH}
    finding = find(BY_ID["cpu_compatible"], Setup().but({**worse, "cpu": CpuOpinion(True, "more than is needed")}))
    assert (finding.status, finding.evidence["missing"]) == (FAIL, ["avx", "avx2", "vmx"])
    asked = cpu_to_ask(Setup().but(worse).domain, host(1))
    assert asked
    assert asked == host(1).cpu.profiles[0].xml
    assert cpu_to_ask(replace(GUEST, cpu=GuestCpu("custom", xml="<cpu/>")), host(1)) == "<cpu/>"
    assert cpu_to_ask(replace(GUEST, cpu=PASSTHROUGH), Setup().but({"source.cpu.profiles": []}).source) is None
