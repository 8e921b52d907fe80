# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host import whole_file
from ansible_collections.virtops.live_migration.plugins.module_utils._host.whole_file import write_whole


@pytest.mark.parametrize(("mode", "expected"), [(None, 0o600), (0o644, 0o644)])
@pytest.mark.parametrize("durable", [True, False])
def test_it_takes_the_place_of_what_was_there(tmp_path: Path, mode: int | None, expected: int, durable: bool) -> None:
    path = tmp_path / "note"
    path.write_text("before")
    write_whole(path, "after\n", mode=mode, durable=durable)
    assert path.read_bytes() == b"after\n"
    assert stat.S_IMODE(path.stat().st_mode) == expected
    assert os.listdir(tmp_path) == ["note"]


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_before: str, _after: Path) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "note"
    path.write_text("before")
    monkeypatch.setattr(whole_file.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "after")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["note"]
