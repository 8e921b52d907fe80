# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.copied_disks import (
    SourceDisk,
    choose_disks,
)

OWN = SourceDisk("vda", True, True)
SHARED = SourceDisk("vdb", True, False, words="/srv/b on nfs4")
UNKNOWN = SourceDisk("vdc", True, None, words="/dev/vg/c")
CDROM = SourceDisk("sda", False, True)


def test_what_is_the_sources_own_is_copied_and_what_is_shared_is_not() -> None:
    assert choose_disks([OWN, SHARED, CDROM], None) == ["vda"]
    assert choose_disks([SHARED], None) == []
    assert choose_disks([], None) == []
    # What is only read is not copied, wherever it is.
    assert choose_disks([OWN, UNKNOWN._replace(writable=False)], None) == ["vda"]


def test_the_users_word_decides_where_nothing_else_is_known() -> None:
    assert choose_disks([OWN, UNKNOWN, SHARED], ["vdc", "vda", "vdc"]) == ["vdc", "vda"]
    assert choose_disks([OWN, UNKNOWN], []) == []
    # To other storage of the destination.
    assert choose_disks([SHARED._replace(moved=True)], ["vdb"]) == ["vdb"]
    assert choose_disks([SHARED._replace(moved=True)], None) == []


@pytest.mark.parametrize(
    ("disks", "named", "reason", "told"),
    [
        ([OWN, SHARED], ["vda", "vdb"], "COPY_ONTO_ITSELF", "vdb (/srv/b on nfs4)"),
        ([OWN, UNKNOWN], None, "DISK_NOT_KNOWN", "vdc (/dev/vg/c)"),
        ([UNKNOWN._replace(moved=True)], None, "DISK_NOT_KNOWN", "vdc"),
        ([OWN], ["vda", "hda"], "DISK_NOT_FOUND", "no disk hda; it has vda"),
    ],
)
def test_what_is_refused(disks: list[SourceDisk], named: list[str] | None, reason: str, told: str) -> None:
    with pytest.raises(MigrationError) as caught:
        choose_disks(disks, named)
    assert caught.value.reason == reason
    assert told in caught.value.problem
