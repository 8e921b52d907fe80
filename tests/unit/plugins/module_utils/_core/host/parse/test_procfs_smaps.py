# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import touched_bytes

MIB = 1 << 20

# /proc/PID/smaps of a QEMU 7.2 with a guest of 256 MiB, shortened to what matters.
SMAPS = """\
556f3c400000-556f3cb00000 r-xp 00400000 00:30 1234                       /usr/bin/qemu-system-x86_64
Size:               7168 kB
Rss:                5120 kB
7f2a40000000-7f2a7ffff000 rwxp 00000000 00:00 0
Size:            1048572 kB
Rss:               40960 kB
Swap:                  0 kB
7f2a80000000-7f2a90002000 rw-p 00000000 00:00 0
Size:             262152 kB
KernelPageSize:        4 kB
Rss:              143360 kB
Pss:              143360 kB
Swap:               1024 kB
SwapPss:            1024 kB
VmFlags: rd wr mr mw me dc ac sd mg
7f2a90002000-7f2a94002000 ---p 00000000 00:00 0
Size:              65536 kB
Rss:                   0 kB
7f2a94002000-7f2a95002000 rw-p 00000000 00:00 0
Size:              16384 kB
Rss:               16384 kB
""".splitlines()


def test_the_mapping_of_the_memory_and_what_is_swapped_of_it() -> None:
    assert touched_bytes(SMAPS, 256 * MIB) == (140 + 1) * MIB


def test_two_numa_nodes() -> None:
    lines = [
        "7f0000000000-7f0040000000 rw-s 00000000 00:0f 99                         /dev/hugepages/libvirt/node0",
        "Rss:                   0 kB",
        "Shared_Hugetlb:    524288 kB",
        "7f0100000000-7f0140000000 rw-s 00000000 00:0f 98                         /dev/hugepages/libvirt/node1",
        "Private_Hugetlb:   262144 kB",
        "7f0200000000-7f0202000000 rw-p 00000000 00:00 0",
        "Rss:               32768 kB",
    ]
    assert touched_bytes(lines, 2048 * MIB) == 768 * MIB


def test_never_more_than_there_is() -> None:
    assert touched_bytes(SMAPS, 100 * MIB) == 100 * MIB


def test_another_process() -> None:
    assert touched_bytes(SMAPS, 4096 * MIB) is None
    assert touched_bytes([], 256 * MIB) is None
    small = [line for number in range(300) for line in (f"7f{number:010x}-7f{number + 1048576:010x} rw-p 0 0:0 0", "")]
    assert touched_bytes(small, 256 * MIB) is None
