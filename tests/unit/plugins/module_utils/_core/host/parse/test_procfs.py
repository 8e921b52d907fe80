# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import Listener
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import (
    Mount,
    MountTable,
    Socket,
    listeners,
    parse_counters,
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
    [
        ("/srv/nfs/a.img", "/srv/nfs"),
        ("/srv/nfs2/a.img", "/srv"),
        ("/srv/nfs", "/srv/nfs"),
        ("/srv/nfs/", "/srv/nfs"),
        ("/var/a", "/"),
        ("/", "/"),
    ],
)
def test_the_file_system_of_a_path(path: str, point: str) -> None:
    found = MountTable(parse_mounts(MOUNTS)).of(path)
    assert found
    assert found.mount_point == point


def test_a_path_that_no_file_system_holds() -> None:
    table = MountTable([Mount("/srv", "/dev/vdc", "ext4", False)])
    assert [table.of(path) for path in ("", "srv", "/", "/srvx/a", "relative/srv")] == [None] * 5


def test_a_look_up_does_not_go_through_all_mounts() -> None:
    """A host with 5,000 disks has about as many mounts: each with each would be 25 million comparisons."""

    class Counted(str):
        __slots__ = ()
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

        def rstrip(self, *characters: t.Any) -> Counted:
            return Counted(str.rstrip(self, *characters))

    mounts = [Mount(Counted(f"/srv/{number:04d}"), "filer:/a", "nfs4", False) for number in range(5000)]
    table = MountTable(mounts)
    Counted.compared = 0
    found = [table.of(f"/srv/{number:04d}/disk.img") for number in range(5000)]
    assert found == mounts
    assert 5000 <= Counted.compared <= 4 * 5000


@pytest.mark.parametrize(
    "line",
    [
        "broken line",
        "74 72 0:21 / /proc rw,relatime proc proc rw",  # no separator
        "74 72 0:21 / /proc rw - proc",
        "74 72 0:21 / proc rw - proc proc rw",
        "74 72 0:21",
        "\x00",
    ],
)
def test_a_mount_that_is_not_understood_is_not_passed_over(line: str) -> None:
    """Without it, what is on it would be taken for a part of the file system around it."""
    with pytest.raises(MigrationError) as caught:
        parse_mounts(f"72 71 254:0 / / rw - ext4 /dev/vda rw\n{line}\n")
    assert caught.value.reason == "ODD_TEXT"


def test_mounts_with_what_other_programs_take_for_the_end_of_a_line() -> None:
    (found,) = parse_mounts("72 71 254:0 / /srv/a\x0b\u2028\x85b rw -  /dev/vda rw\n")
    assert found.mount_point == "/srv/a\x0b\u2028\x85b"


def test_a_mount_without_a_source() -> None:
    (found,) = parse_mounts("72 71 0:30 / /srv rw - tmpfs  rw\n")
    assert (found.fs_type, found.source) == ("tmpfs", "")


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "0: 0B00E70A:407D 00000000:0000",  # cut off
        "0: 0B00E70A:XYZ1 00000000:0000 0A",
        "0: 0B00E70A:407D0 00000000:0000 0A",
        "0: 0B00E7:407D 00000000:0000 0A",
        "0: 0B00E70A0B00E70A:407D 00000000:0000 0A",
        "0: 0B00E70A:407D 00000000:0000 LISTEN",
        "0: 0B00E70A:407D 00000000:0000 0A a b c d e inode",
        "0: 0B00E70A:407D 00000000:0000 0A a b c d e -7",
        "0: 0B00E70A:407D 00000000:0000 0A a b c d e " + "9" * 5000,
        "0: :407D 00000000:0000 0A",
        "0: 0B00E70A: 00000000:0000 0A",
    ],
)
def test_a_socket_that_is_not_understood_is_not_passed_over(line: str) -> None:
    """A port would look free."""
    with pytest.raises(MigrationError) as caught:
        parse_sockets(TCP + line + "\n", "little")
    assert caught.value.reason == "ODD_TEXT"
    assert len(str(caught.value)) < 500


def test_numbers_that_are_none() -> None:
    odd = "A: \u0663 kB\nB: \u00b2 kB\nC: -1 kB\nD: 1.5 kB\nE: 1 MB\nF: 1 kB x\nG: " + "9" * 5000 + " kB\n"
    assert parse_meminfo(odd + "H: 2 kB\n") == {"H": 2048}


def test_counters_of_interfaces() -> None:
    text = (
        "Inter-|   Receive\n face |bytes\n"
        "    lo: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n"
        "eth0:1:300 1 0 0 0 0 0 0 18446744073709551615 1 0\n"
        "odd1: x 1 0 0 0 0 0 0 200\nodd2: 100 1\nodd3\nodd4: -1 1 0 0 0 0 0 0 5\n"
    )
    assert parse_counters(text) == {"lo": (100, 200), "eth0:1": (300, 18446744073709551615)}
