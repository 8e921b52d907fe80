# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the kernel's /proc and /sys that a host document needs.

Lines end with a line feed alone: names in them may hold whatever else Python takes for the end of a line. Raises
ODD_TEXT where a line that is passed over would make something look absent that is there.
"""

from __future__ import annotations

import ipaddress
import re
import sys
import typing as t

from ...errors import MigrationError
from ...units import KIB
from ...unreadable_text import odd, whole
from ..document import Listener

_LISTEN = "0A"
_ESTABLISHED = "01"
_NODE = re.compile(r"^Node [0-9]{1,9} ")
_LOCAL = re.compile(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})")
_STATE = re.compile(r"[0-9A-F]{2}")
_ESCAPE = re.compile(r"\\([0-7]{3})")

# File systems that several hosts can have mounted at once. Which ones libvirt takes for shared: shared_storage.py.
_SHARED = (
    "nfs nfs4 gfs gfs2 ocfs2 smb3 smb2 cifs smbfs ceph afs fuse.glusterfs glusterfs gpfs fuse.quobyte fuse.ceph acfs"
    " beegfs lustre virtiofs"
)
SHARED_FS_TYPES = frozenset(_SHARED.split())
# What no guest's disk is on, and asking which would only cost time.
_NEVER = (
    "proc sysfs cgroup cgroup2 devpts devtmpfs securityfs debugfs tracefs configfs pstore bpf efivarfs mqueue autofs"
    " binfmt_misc fusectl nsfs rpc_pipefs squashfs ramfs selinuxfs fuse.lxcfs fuse.portal fuse.gvfsd-fuse"
)
_NO_STORAGE = frozenset(_NEVER.split())


class Socket(t.NamedTuple):
    """One line of /proc/net/tcp or tcp6; ``inode`` leads to the processes that hold it."""

    address: str
    port: int
    listening: bool
    established: bool
    inode: int = 0


class Thread(t.NamedTuple):
    """A line of ``/proc/PID/task/TID/stat``; ``ticks``: of processor time, its own and the kernel's for it."""

    name: str
    ticks: int


def thread_of(line: str) -> t.Optional[Thread]:
    """None for what is no such line. A name may hold blanks and brackets: it ends with the last one."""
    before, bracket, after = line.rpartition(")")
    _number, opened, name = before.partition("(")
    words = after.split()
    times = [whole(one) for one in words[11:13]]  # fields 14 and 15, of which three are before the words
    if not bracket or not opened or len(times) < 2 or times[0] is None or times[1] is None:
        return None
    return Thread(name, times[0] + times[1])


class Mount(t.NamedTuple):
    """A line of ``/proc/self/mountinfo``; ``root``: the directory of the file system that is mounted there."""

    mount_point: str
    source: str
    fs_type: str
    read_only: bool
    root: str = "/"  # the directory of the file system that is mounted there

    @property
    def shared(self) -> bool:
        return self.fs_type in SHARED_FS_TYPES

    @property
    def storage(self) -> bool:
        return self.fs_type not in _NO_STORAGE


def parse_meminfo(text: str) -> dict[str, int]:
    """/proc/meminfo, or that of a NUMA node, in bytes (counts of hugepages as they are); what is odd is left out."""
    found = {}
    for line in text.split("\n"):
        words = _NODE.sub("", line).split()
        value = whole(words[1]) if len(words) in (2, 3) and words[0].endswith(":") else None
        if value is not None and words[2:] in ([], ["kB"]):
            found[words[0][:-1]] = value * (KIB if words[2:] else 1)
    return found


def parse_sockets(text: str, byteorder: str = sys.byteorder) -> list[Socket]:
    """TCP sockets; addresses are as text, v4 addresses within v6 as v4. Raises ODD_TEXT."""
    found = []
    for line in text.split("\n")[1:]:
        words = line.split()
        if not words:
            continue
        local = _LOCAL.fullmatch(words[1]) if len(words) >= 4 else None
        inode = whole(words[9]) if len(words) > 9 else 0
        if local is None or inode is None or not _STATE.fullmatch(words[3]):
            raise odd("/proc/net/tcp", line)
        address, state = _address(local[1], byteorder), words[3]
        found.append(Socket(address, int(local[2], 16), state == _LISTEN, state == _ESTABLISHED, inode))
    return found


def _address(hexadecimal: str, byteorder: str) -> str:
    """The kernel prints 32-bit words in the order of the machine."""
    words = [bytes.fromhex(hexadecimal[at : at + 8]) for at in range(0, len(hexadecimal), 8)]
    raw = b"".join(word[::-1] if byteorder == "little" else word for word in words)
    if len(raw) == 16 and raw[:12] == bytes(10) + b"\xff\xff":
        raw = raw[12:]
    if len(raw) == 4:
        return ".".join(map(str, raw))
    return str(ipaddress.IPv6Address(raw))


def parse_counters(text: str) -> dict[str, tuple[int, int]]:
    """/proc/net/dev: bytes received and sent by each interface; those whose line is odd are left out."""
    found = {}
    for line in text.split("\n")[2:]:
        name, _colon, rest = line.rpartition(":")
        words = rest.split()
        numbers = [whole(word) for word in words[0:9:8]]
        if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
            found[name.strip()] = (numbers[0], numbers[1])
    return found


def listeners(sockets: t.Iterable[Socket], ports: t.Mapping[int, str]) -> list[Listener]:
    """Those that listen on these ports, each with the transport that the port stands for."""
    found = {(ports[one.port], one.address, one.port) for one in sockets if one.listening and one.port in ports}
    return [Listener(*one) for one in sorted(found)]


def parse_mounts(text: str) -> list[Mount]:
    """/proc/self/mountinfo; of mounts over one another the last one counts. Raises ODD_TEXT."""
    found: dict[str, Mount] = {}
    for line in text.split("\n"):
        if not line:
            continue
        head, separator, tail = line.partition(" - ")
        # One blank between fields, of which the source may be empty.
        words, more = head.split(" "), tail.split(" ")
        if not separator or len(words) < 6 or len(more) < 3 or not words[4].startswith("/"):
            raise odd("/proc/self/mountinfo", line)
        point = _unescape(words[4])
        found.pop(point, None)
        found[point] = Mount(point, _unescape(more[1]), more[0], "ro" in words[5].split(","), _unescape(words[3]))
    return list(found.values())


class MountTable:
    """Which file system a path is on, without going through all mounts for each path."""

    def __init__(self, mounts: t.Iterable[Mount]) -> None:
        self._at = {one.mount_point.rstrip("/"): one for one in mounts}
        self._lengths = sorted({len(point) for point in self._at}, reverse=True)

    def of(self, path: str) -> t.Optional[Mount]:
        """The innermost one that holds it."""
        for length in self._lengths:
            if path[length : length + 1] in ("/", "") and path[:length] in self._at:
                return self._at[path[:length]]
        return None


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)


_ENDS = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})")
_HELD = ("Rss:", "Swap:", "Private_Hugetlb:", "Shared_Hugetlb:")


def touched_bytes(smaps: t.Iterable[str], memory_bytes: int) -> t.Optional[int]:
    """From the lines of ``/proc/PID/smaps``; None when no mappings of that size are there, or it is not understood.

    The largest writable mappings that hold no code are the guest's memory: one, or one for each NUMA node.
    """
    try:
        found = sorted(_mappings(smaps), reverse=True)
    except MigrationError:
        return None
    size = held = 0
    for mapped, resident in found:
        if size >= 0.99 * memory_bytes:
            break
        size, held = size + mapped, held + resident
    # Many small mappings that add up to it are something else.
    if size < 0.99 * memory_bytes or not found or found[0][0] < memory_bytes / 64:
        return None
    return min(held, memory_bytes) or None


def _mappings(lines: t.Iterable[str]) -> t.Iterator[tuple[int, int]]:
    """Size and held bytes of each mapping that could be a guest's memory. Raises ODD_TEXT."""
    size = held = 0
    for line in lines:
        words = line.split(None, 2)
        if len(words) >= 2 and words[0] in _HELD:
            kib = whole(words[1])
            if kib is None:
                raise odd("A mapping of QEMU", line)
            held += kib * KIB
        elif len(words) >= 2 and "-" in words[0] and len(words[1]) == 4:
            if size:
                yield size, held
            ends = _ENDS.fullmatch(words[0])
            length = int(ends[2], 16) - int(ends[1], 16) if ends else -1
            if length < 0:
                raise odd("A mapping of QEMU", line)
            size, held = (length if words[1].startswith("rw-") else 0), 0
    if size:
        yield size, held
