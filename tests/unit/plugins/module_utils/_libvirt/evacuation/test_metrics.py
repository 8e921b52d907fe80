# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import cordon_secret
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.evacuation.metrics import cordoned
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Call, FakeLibvirt

OPEN = Call("open", "qemu:///system")


def asked() -> Call:
    return Call("secretLookupByUUIDString", cordon_secret.UUID)


@pytest.mark.parametrize(
    ("fact", "answer", "expected"),
    [
        (None, asked().raises(66, "Secret not found"), False),
        (None, asked().returns(object()), True),
        (None, asked().raises(3, "this function is not supported by the connection driver"), False),
        (None, asked().raises(1, "internal error"), False),
        ('{"cordoned": false}', asked().returns(object()), True),
        ('{"cordoned": true}', None, True),
        ("{", None, True),
    ],
)
def test_either_note_counts(
    libvirt: FakeLibvirt, tmp_path: Path, fact: t.Optional[str], answer: t.Optional[Call], expected: bool
) -> None:
    if fact is not None:
        (tmp_path / "virtops_live_migration.fact").write_text(fact)
    libvirt.expect(OPEN, *([answer] if answer else []))
    with Connection("qemu:///system") as connection:
        assert cordoned(connection, str(tmp_path)) is expected


def test_a_fact_that_is_no_file_is_not_waited_for(libvirt: FakeLibvirt, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "virtops_live_migration.fact")
    libvirt.expect(OPEN)
    with Connection("qemu:///system") as connection:
        assert cordoned(connection, str(tmp_path))
