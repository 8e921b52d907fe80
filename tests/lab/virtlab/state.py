"""Where a lab's state lives, and what is written there before anything is made."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import LabError

BASE_DIR = Path("/var/tmp/virtops-lab")
CACHE_DIR = Path("/var/cache/virtops-lab")
MAX_LABS = 100


@dataclass
class Host:
    """One host of a lab: all that is needed to reach it or to remove it."""

    name: str
    number: int
    netns: str
    mgmt_address: str
    migration_address: str
    uuid: str
    version: str = "machine"  # its system: "machine" is this machine's own; otherwise one of systems.NAMES
    init_pid: int | None = None
    init_ticks: int | None = None


@dataclass
class LabState:
    name: str
    index: int
    link_mbit: int
    switch_netns: str
    root_leg: str
    boot_id: str
    complete: bool = False
    cgroups: bool = False  # whether each host has control groups, with processor time to give out
    hosts: list[Host] = field(default_factory=list)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def check_name(name: str) -> str:
    # Names become parts of interface names, of namespaces and of socket paths (at most 108 bytes).
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,15}", name):
        raise LabError(f"a lab's name is a-z, 0-9 and -, at most 16 characters, a letter first; got {name!r}")
    return name


def lab_dir(name: str) -> Path:
    return BASE_DIR / name


def write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + f".{os.getpid()}.new")
    temporary.write_text(text)
    temporary.replace(path)


def save(state: LabState) -> None:
    write_atomically(lab_dir(state.name) / "state.json", json.dumps(asdict(state), indent=1))


def load(name: str) -> LabState | None:
    """The lab's state; None when there is none, or when only a torn beginning of one is left."""
    try:
        data = json.loads((lab_dir(name) / "state.json").read_text())
    except (OSError, ValueError):
        return None
    data["hosts"] = [Host(**fields_of(Host, host)) for host in data["hosts"]]
    return LabState(**fields_of(LabState, data))


def fields_of(kind: type[Any], data: dict[str, Any]) -> dict[str, Any]:
    """Of a lab that another version of this program has made: without what this one does not know."""
    return {key: value for key, value in data.items() if key in kind.__dataclass_fields__}


def lab_names() -> list[str]:
    if not BASE_DIR.is_dir():
        return []
    return sorted(entry.name for entry in BASE_DIR.iterdir() if entry.is_dir())


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One `up` or `down` of a lab at a time; the lock dies with its holder."""
    path = BASE_DIR / f"{name}.lock"
    while True:
        BASE_DIR.mkdir(parents=True, exist_ok=True)
        with path.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # The file may have been removed while this waited; then it guards nothing.
            if not path.exists() or path.stat().st_ino != os.fstat(handle.fileno()).st_ino:
                continue
            try:
                yield
            finally:
                path.unlink()
            return


def claim(name: str, host_count: int, link_mbit: int, on: Mapping[str, str], *, cgroups: bool = False) -> LabState:
    """Choose the lab's addresses and names, and write them down before anything is made."""
    with locked("registry"):
        taken = {other.index for each in lab_names() if (other := load(each)) is not None}
        index = next((number for number in range(MAX_LABS) if number not in taken), None)
        if index is None:
            raise LabError("too many labs; end some with `lab down`")
        state = LabState(name, index, link_mbit, f"virtops-{name}-switch", f"vlab{index}", boot_id(), cgroups=cgroups)
        for number in range(1, host_count + 1):
            host_name = f"kvm{number:02d}"
            state.hosts.append(
                Host(
                    name=host_name,
                    number=number,
                    netns=f"virtops-{name}-{host_name}",
                    mgmt_address=f"10.231.{2 * index}.{10 + number}",
                    migration_address=f"10.231.{2 * index + 1}.{10 + number}",
                    uuid=f"4c0ffee0-{index:04x}-4000-8000-{number:012x}",
                    version=on.get(host_name, "machine"),
                )
            )
        lab_dir(name).mkdir(parents=True, mode=0o711)
        save(state)
        return state


def root_address(state: LabState) -> str:
    return f"10.231.{2 * state.index}.1"


def host_dir(state: LabState, host: Host) -> Path:
    return lab_dir(state.name) / "hosts" / host.name
