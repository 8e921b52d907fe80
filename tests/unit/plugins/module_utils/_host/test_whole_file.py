# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
import tempfile
import typing as t
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


def test_a_link_in_the_place_of_the_new_file_leads_the_mode_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns the directory, as the user of node_exporter does, may do so while root writes."""
    secret, place = tmp_path / "key", tmp_path / "metrics"
    secret.write_text("secret")
    secret.chmod(0o600)
    place.mkdir()
    make = tempfile.mkstemp

    def exchanged(**options: t.Any) -> tuple[int, str]:
        descriptor, name = make(**options)
        os.unlink(name)
        os.symlink(secret, name)
        return descriptor, name

    monkeypatch.setattr(whole_file.tempfile, "mkstemp", exchanged)
    write_whole(place / "host.prom", "one 1\n", mode=0o644)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert secret.read_text() == "secret"
