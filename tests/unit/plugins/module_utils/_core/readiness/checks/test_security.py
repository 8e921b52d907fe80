# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    SecurityLabel,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.check_types import (
    FAIL,
    PASS,
    SKIP,
    WARN,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.findings import (
    NAMED,
    TLS,
    Row,
    certificates,
    ids,
    see,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.pairs import (
    NOW_S,
    tls_file,
)

ROWS: list[Row] = [
    ("tls", SKIP, {}, "not meant to use TLS"),
    ("tls", PASS, TLS, "there and valid"),
    ("tls", FAIL, {"destination.daemon.qemu_settings": {"migrate_tls_force": 1}}, "over TLS only"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(present=False)}, "is missing"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(readable=False)}, "cannot be read"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(problem="its certificate is damaged")}, "is damaged"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(not_after_epoch_s=NOW_S - 1)}, "has expired"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(not_before_epoch_s=NOW_S + 60)}, "not valid yet"),
    (
        "tls",
        FAIL,
        {**TLS, "destination.tls.files": certificates(names=["kvm09"])},
        "is for kvm09, not for 10.231.1.12 and kvm02",
    ),
    ("tls", WARN, {**TLS, "destination.tls.files": certificates(not_after_epoch_s=NOW_S + 3600)}, "within 30 days"),
    ("tls", FAIL, {**TLS, "destination.tls.files": certificates(names=[])}, "is for nobody"),
    ("tls", FAIL, {**TLS, **NAMED, "destination.tls.files": certificates(names=["*.b.example.org"])}, "is for"),
    ("tls", PASS, {**TLS, **NAMED, "destination.tls.files": certificates(names=["*.Example.org"])}, "valid"),
    (
        "tls",
        PASS,
        {
            **TLS,
            "destination.migration.address": "2001:DB8:0:0::11",
            "destination.tls.files": certificates(names=["2001:db8::11"]),
        },
        "valid",
    ),
    (
        "tls",
        PASS,
        {
            **TLS,
            "destination.daemon.qemu_settings": {"migration_host": "kvm02-migration"},
            "destination.tls.files": certificates(names=["kvm02-migration"]),
        },
        "valid",
    ),
    ("tls", PASS, {**TLS, "source.tls.files": [tls_file("ca", ""), tls_file("client", "", present=False)]}, "valid"),
    ("tls", SKIP, {**TLS, "destination.tls.files": None}, "not known"),
    ("confinement", FAIL, {"domain.security_labels": [SecurityLabel("apparmor", "static")]}, "fixed label of apparmor"),
    ("confinement", WARN, {"destination.security.drivers": ["none", "dac"]}, "would not be"),
    ("confinement", SKIP, {"destination.security.drivers": []}, "not known"),
    ("clocks", WARN, {"destination.clock.offset_ms": 5000.0}, "4.9 s apart"),
    ("clocks", FAIL, {"destination.clock.offset_ms": -3_600_000.0}, "1 h 0 min apart"),
    ("clocks", WARN, {"destination.clock.synchronised": False}, "Nothing keeps the clock of kvm02 right"),
    ("clocks", PASS, {"destination.clock.offset_ms": None}, "are kept right"),
    ("clocks", SKIP, {"destination.clock": None}, "not read"),
]


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_each_cause(row: Row) -> None:
    see(row)
