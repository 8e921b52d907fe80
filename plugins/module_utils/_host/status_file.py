# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt notes about a running job in its own files and nowhere in its API.

A daemon writes the live state of each domain to a status file, with the flags that its job was started with. Whether
post-copy was enabled at the start decides what can still be done, and asking QEMU would taint the domain. The file is
an internal of libvirt: where it cannot be read or looks different, the answer is "not known".
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from .._core.job.migrate_flag_bits import (
    MIGRATE_AUTO_CONVERGE,
    MIGRATE_COMPRESSED,
    MIGRATE_PARALLEL,
    MIGRATE_POSTCOPY,
)

STATUS_DIRECTORY = Path("/run/libvirt/qemu")


@dataclass(frozen=True)
class StartFlags:
    """A job's VIR_MIGRATE_* flags, and the part of them that limits what can be done later."""

    all: int

    @property
    def postcopy(self) -> bool:
        return bool(self.all & MIGRATE_POSTCOPY)

    @property
    def auto_converge(self) -> bool:
        return bool(self.all & MIGRATE_AUTO_CONVERGE)

    @property
    def parallel_compression(self) -> bool:
        """By zlib or zstd on several connections, beside which libvirt takes no xbzrle."""
        return bool(self.all & MIGRATE_COMPRESSED and self.all & MIGRATE_PARALLEL)


class _Outgoing(t.NamedTuple):
    """A domain that is migrating away, as its status file has it."""

    uuid: str
    flags: str


def start_flags(name: str, uuid: str, directory: Path = STATUS_DIRECTORY) -> t.Optional[StartFlags]:
    """The flags of a guest's outgoing migration, or None when not known.

    The UUID must be that of the file: another daemon of this machine may have a guest of the same name.
    """
    # libvirt has no guest with a slash in its name; the path would lead to another directory.
    found = None if "/" in name else _outgoing(f"{directory}/{name}.xml")
    if found is None or found.uuid != uuid:
        return None
    try:
        return StartFlags(int(found.flags, 16))
    except ValueError:
        return None


def _of_guest(name: str, uuid: str, directory: t.Union[str, Path]) -> t.Optional[ElementTree.Element]:
    """The status file of that guest, and of no other one of this name."""
    root = None if "/" in name else _root(f"{directory}/{name}.xml")
    return None if root is None or root.findtext("domain/uuid", "") != uuid else root


def qemu_pid(name: str, uuid: str, directory: Path = STATUS_DIRECTORY) -> t.Optional[int]:
    """The process of a guest that runs on this machine, or None when not known."""
    root = _of_guest(name, uuid, directory)
    if root is None:
        return None
    pid = root.get("pid", "")
    return int(pid) if pid.isdigit() else None


class VcpuThreads(t.NamedTuple):
    """``pid``: of a guest's process; ``by_number``: the threads of its virtual processors, by libvirt's numbers."""

    pid: int
    by_number: t.Mapping[int, int]


def vcpu_threads(name: str, uuid: str, directory: t.Union[str, Path] = STATUS_DIRECTORY) -> t.Optional[VcpuThreads]:
    """Of a guest that runs on this machine; None when not known. Asking its QEMU would taint the domain."""
    root = _of_guest(name, uuid, directory)
    if root is None:
        return None
    words = [(one.get("id", ""), one.get("pid", "")) for one in root.iterfind("vcpus/vcpu")]
    pid = root.get("pid", "")
    if not all(word.isdigit() for word in (pid, *(word for pair in words for word in pair))):
        return None
    return VcpuThreads(int(pid), {int(number): int(thread) for number, thread in words})


class IncomingHalf(t.NamedTuple):
    """A guest that is migrating to this machine: the path of its QEMU's monitor, and whether its post-copy broke."""

    monitor: str
    postcopy_broke: bool


def incoming_half(name: str, uuid: str, directory: t.Union[str, Path] = STATUS_DIRECTORY) -> t.Optional[IncomingHalf]:
    """Without asking the daemon, which may be stopped; None where the guest does not arrive here, or is not known."""
    root = _of_guest(name, uuid, directory)
    job = root.find("job") if root is not None else None
    monitor = root.find("monitor[@type='unix']") if root is not None else None
    if root is None or job is None or monitor is None or job.get("async") != "migration in":
        return None
    return IncomingHalf(monitor.get("path", ""), job.get("phase") == "postcopy_failed")


def other_outgoing(uuid: str, directory: Path = STATUS_DIRECTORY) -> int:
    """How many guests other than this one are migrating away from this machine, without asking any of them."""
    leaving = [_outgoing(path) for path in directory.glob("*.xml")]
    return sum(1 for found in leaving if found is not None and found.uuid != uuid)


def _root(path: t.Union[str, Path]) -> t.Optional[ElementTree.Element]:
    try:
        return ElementTree.parse(path).getroot()
    except (OSError, ValueError, ElementTree.ParseError):
        return None


def _outgoing(path: t.Union[str, Path]) -> t.Optional[_Outgoing]:
    root = _root(path)
    job = root.find("job") if root is not None else None
    if root is None or job is None or job.get("async") != "migration out":
        return None
    return _Outgoing(root.findtext("domain/uuid", ""), job.get("flags", ""))


def running_job(name: str, uuid: str, directory: Path = STATUS_DIRECTORY) -> t.Optional[str]:
    """What keeps a running guest busy, in libvirt's words (``migration out``, ``backup``, ...); empty when nothing
    does, and None when not known.

    The file is large and asked for every guest of a host, so that it is searched and not parsed. libvirt puts the job
    before the definition, and leaves it out where there is none.
    """
    if "/" in name:
        return None
    try:
        with open(f"{directory}/{name}.xml", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except (OSError, ValueError):
        return None
    status, definition, rest = text.partition("\n  <domain ")
    whole = definition and rest.rstrip().endswith("</domstatus>")
    if not whole or f"<uuid>{uuid}</uuid>" not in rest:
        return None
    jobs = _JOB.findall(status)
    if not jobs:
        return None if "<job" in status else ""
    return "" if jobs[0] == "none" else str(jobs[0])


_JOB = re.compile(r"^  <job type='[^']*' async='([^']*)'", re.MULTILINE)
