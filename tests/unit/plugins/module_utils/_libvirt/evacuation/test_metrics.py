# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.metrics import cordoned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"cordoned": true}', True),
        ('{"cordoned": false}', False),
        ("{}", False),
        ("[]", False),
        ("", False),
        ("\x1b", False),
        ("[" * 5000, False),
        ('{"cordoned": ' + "9" * 5000 + "}", False),
    ],
)
def test_the_note_that_a_host_takes_no_guests(tmp_path: Path, text: str, expected: bool) -> None:
    fact = tmp_path / "virtops_live_migration.fact"
    fact.write_text(text)
    assert cordoned(fact) is expected


def test_a_note_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fact")
    assert not cordoned(tmp_path / "fact")
    assert not cordoned(tmp_path / "none")
