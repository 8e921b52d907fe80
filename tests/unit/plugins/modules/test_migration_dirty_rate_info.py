# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import Window
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest
from ansible_collections.virtops.live_migration.plugins.modules import migration_dirty_rate_info as module

MIB = 1 << 20


class Domain:
    def info(self) -> list[int]:
        return [1, 524288, 524288, 2, 0]


def work(windows_s: list[int]) -> dict[str, t.Any]:
    ansible_module = types.SimpleNamespace(params={"windows_s": windows_s, "mode": "page-sampling"})
    return module.work(t.cast(t.Any, ansible_module), t.cast(t.Any, None), Guest(Domain(), "erp01", "1f3c"))


def test_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(_connection: t.Any, _guest: t.Any, windows_s: list[int], _mode: str) -> list[Window]:
        return [Window(seconds, 256 * MIB, 7) for seconds in windows_s]

    monkeypatch.setattr(module, "measure_windows", fake)
    assert work([4, 1]) == {
        "changed": False,
        "dirty_rate": {
            "name": "erp01",
            "uuid": "1f3c",
            "mode": "page-sampling",
            "windows": [
                {"window_s": 1, "mib_per_s": 256, "unique_bytes": 256 * MIB, "tolerance_bytes": 7},
                {"window_s": 4, "mib_per_s": 64, "unique_bytes": 256 * MIB, "tolerance_bytes": 7},
            ],
            "dirty_bytes_per_s": 256 * MIB,
            "dirty_rate_is_lower_bound": True,
            "working_set_bytes": 256 * MIB,
            "working_set_is_lower_bound": False,
            "memory_bytes": 512 * MIB,
        },
    }


@pytest.mark.parametrize("windows_s", [[], [1], [1, 1], [0, 4], [1, 61], [1, 2, 3], [-1, 4]])
def test_windows_that_are_refused(windows_s: list[int]) -> None:
    with pytest.raises(MigrationError, match="two different numbers from 1 to 60") as caught:
        work(windows_s)
    assert caught.value.reason == "BAD_WINDOWS"
