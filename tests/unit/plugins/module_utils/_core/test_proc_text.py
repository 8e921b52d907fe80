# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host_document import Listener
from ansible_collections.virtops.live_migration.plugins.module_utils._core.proc_text import (
    Mount,
    Socket,
    listeners,
    mount_of,
    parse_meminfo,
    parse_mounts,
    parse_sockets,
)

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00E70A:407D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77352
   1: 0B00E70A:0016 0100E70A:8A2E 01 00000000:00000000 00:00000000 00000000     0        0 78271
   2: 00000000:C000 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
"""
TCP6 = """  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:C001 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: B80D0120000000000000000011000000:0016 B80D0120000000000000000012000000:CB4F 01 00000000:00000000
   2: 0000000000000000FFFF00000B00E70A:C002 0000000000000000FFFF00000C00E70A:1234 06 00000000:00000000
"""
MOUNTS = r"""
72 71 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
74 72 0:21 / /proc rw,relatime - proc proc rw
111 72 0:50 / /srv/nfs rw,relatime shared:1 - nfs4 filer:/export rw,vers=4.2
112 72 0:51 / /srv/with\040space ro,relatime - cifs //filer/share ro
113 72 0:52 / /srv rw,relatime - xfs /dev/vdb rw
114 72 0:53 / /srv rw,relatime - ext4 /dev/vdc rw
broken line
"""


def test_sockets_of_v4() -> None:
    assert parse_sockets(TCP, "little") == [
        Socket("10.231.0.11", 16509, True, False, 77352),
        Socket("10.231.0.11", 22, False, True, 78271),
        Socket("0.0.0.0", 49152, True, False, 1),
    ]


def test_sockets_of_v6() -> None:
    assert parse_sockets(TCP6, "little") == [
        Socket("::", 49153, True, False),
        Socket("2001:db8::11", 22, False, True),
        Socket("10.231.0.11", 49154, False, False),
    ]


def test_sockets_of_a_mainframe() -> None:
    line = "head\n 0: 0AE7000B:407D 00000000:0000 0A\n"
    assert parse_sockets(line, "big") == [Socket("10.231.0.11", 16509, True, False)]


def test_listeners_are_named_by_their_port() -> None:
    assert listeners(parse_sockets(TCP, "little"), {16509: "tcp", 22: "ssh"}) == [Listener("tcp", "10.231.0.11", 16509)]


def test_meminfo_of_a_host_and_of_a_node() -> None:
    host = parse_meminfo("MemTotal:       24684084 kB\nHugePages_Free:        3\nNothing\nOdd: x kB\n")
    assert host == {"MemTotal": 24684084 * 1024, "HugePages_Free": 3}
    assert parse_meminfo("Node 0 MemFree:   10 kB\nNode 0 HugePages_Free:  2\n") == {
        "MemFree": 10240,
        "HugePages_Free": 2,
    }


def test_mounts() -> None:
    found = {one.mount_point: one for one in parse_mounts(MOUNTS)}
    assert found["/srv/nfs"] == Mount("/srv/nfs", "filer:/export", "nfs4", False)
    assert found["/srv/nfs"].shared
    assert found["/srv/with space"].read_only
    assert found["/srv"].source == "/dev/vdc"
    assert not found["/srv"].shared
    assert not found["/proc"].storage


@pytest.mark.parametrize(
    ("path", "point"),
    [("/srv/nfs/a.img", "/srv/nfs"), ("/srv/nfs2/a.img", "/srv"), ("/srv/nfs", "/srv/nfs"), ("/var/a", "/")],
)
def test_the_file_system_of_a_path(path: str, point: str) -> None:
    found = mount_of(path, parse_mounts(MOUNTS))
    assert found
    assert found.mount_point == point
