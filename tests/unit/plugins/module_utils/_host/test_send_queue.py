# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host import send_queue


@pytest.mark.parametrize(
    ("buffers", "unsent", "most"),
    [
        ("4096\t16384\t4194304\n", "4294967295\n", 4194304),
        ("4096\t16384\t4194304\n", "131072\n", 131072),
        ("4096\t16384\t65536\n", "131072\n", 65536),
        ("4096\t16384\t4194304\n", None, 4194304),
        (None, "131072\n", 131072),
        (None, None, None),
        ("", "", None),
        ("4096 16384", "-1", None),
    ],
)
def test_the_lesser_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffers: t.Optional[str], unsent: t.Optional[str], most: object
) -> None:
    for name, text in (("_BUFFERS", buffers), ("_UNSENT", unsent)):
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        monkeypatch.setattr(send_queue, name, str(path))
    assert send_queue.read_send_queue() == most


def test_of_this_machine() -> None:
    assert (send_queue.read_send_queue() or 0) > 0
