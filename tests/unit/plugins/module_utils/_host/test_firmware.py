# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host import firmware


def test_firmware_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OVMF_CODE.fd", "edk2.qcow2", "README"):
        (tmp_path / name).touch()
    monkeypatch.setattr(firmware, "_FIRMWARE", (str(tmp_path), str(tmp_path / "none")))
    assert firmware.firmware_files() == [f"{tmp_path}/OVMF_CODE.fd", f"{tmp_path}/edk2.qcow2"]
