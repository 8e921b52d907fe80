# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host import storage
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.source_disks import source_disks

MOUNTS = """22 1 0:20 / / rw - ext4 /dev/vda1 rw
30 22 0:40 / /srv/nfs rw - nfs4 filer:/export rw
31 22 0:41 / /srv/odd rw - fuse.odd odd rw
"""
# As exportfs writes it; a blank in a name is an octal number.
ETAB = "/srv/out\\040put\t10.0.0.0/8(rw,sync)\n"
PATHS = {"a": "/srv/nfs/a.img", "b": "/srv/b.img", "c": "/srv/out put/c.img", "d": "/srv/odd/d.img"}
DISK = "<disk type='{}' device='disk'><source {}/><target dev='{}'/>{}</disk>"


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"/proc/self/mountinfo": MOUNTS, "/var/lib/nfs/etab": ETAB}
    monkeypatch.setattr(storage, "read", texts.get)


def found(*disks: str, local: bool = True) -> dict[str, bool | None]:
    xml = f"<domain><devices>{''.join(disks)}</devices></domain>"
    return {one.target: one.own for one in source_disks(xml, ["b"], local=local)}


def test_where_disks_are() -> None:
    disks = [DISK.format("file", f"file='{path}'", target, "") for target, path in PATHS.items()]
    disks += [
        DISK.format("block", "dev='/dev/vg/e'", "e", ""),
        DISK.format("network", "protocol='rbd' name='p/f'", "f", ""),
        DISK.format("volume", "pool='p' volume='g'", "g", ""),
        "<disk type='file' device='cdrom'><target dev='h'/></disk>",
    ]
    # Of one that this host exports, and of devices, only the destination knows; an unknown file system may be shared.
    assert found(*disks) == {"a": False, "b": True, "c": None, "d": False, "e": None, "f": False, "g": None}
    # From elsewhere the host's file systems cannot be looked at.
    assert found(*disks[:2], local=False) == {"a": None, "b": None}


def test_what_is_written_and_what_moves() -> None:
    xml = "".join(
        DISK.format("file", f"file='/srv/{one}'", one, more) for one, more in (("b", ""), ("c", "<readonly/>"))
    )
    one, other = source_disks(f"<domain><devices>{xml}</devices></domain>", ["b"], local=True)
    assert (one.writable, one.moved, other.writable, other.moved) == (True, True, False, False)
