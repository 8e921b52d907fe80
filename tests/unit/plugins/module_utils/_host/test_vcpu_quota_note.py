# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host import vcpu_quota_note
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu_quota_note import is_noted, note_path

ERP = "6420e6ce-0f4d-4a27-83da-5e8587498451"


def test_there_or_not(tmp_path: Path) -> None:
    assert is_noted(ERP, tmp_path / "none") is False
    assert is_noted(ERP, tmp_path) is False
    note_path(ERP, tmp_path).write_text("{}")
    assert is_noted(ERP, tmp_path) is True
    assert is_noted("../" + ERP, tmp_path) is False


def test_who_may_not_look_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(vcpu_quota_note.os, "lstat", refuse)
    assert is_noted(ERP, tmp_path) is None
