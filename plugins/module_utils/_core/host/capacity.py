# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has to run guests with, as a host document has it: processors, memory, emulators."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..units import MIB

# What a guest takes of its host beside its own memory: QEMU's code, its devices' buffers, page tables. A choice.
QEMU_OVERHEAD_BYTES = 256 * MIB


@dataclass(frozen=True)
class CpuProfile:
    """What guests of one type can be given: ``features`` is complete, those that the model implies included."""

    virt_type: str  # kvm | qemu
    model: str = ""
    vendor: str = ""
    features: list[str] = field(default_factory=list)
    features_complete: bool = False
    usable_models: list[str] = field(default_factory=list)
    known_models: list[str] = field(default_factory=list)
    xml: str = ""  # of the model, with what it lacks of it too


@dataclass(frozen=True)
class Cpu:
    """The host's own processor, and what it can give to guests of each type (``profiles``)."""

    arch: str = ""
    model: str = ""
    vendor: str = ""
    microcode: str = ""
    threads: int = 0  # logical processors that are on
    sockets: int = 0
    cores_per_socket: int = 0
    threads_per_core: int = 0
    features: list[str] = field(default_factory=list)
    tsc_frequency_hz: t.Optional[int] = None
    tsc_scaling: t.Optional[bool] = None
    xml: str = ""
    profiles: list[CpuProfile] = field(default_factory=list)

    def profile(self, virt_type: str) -> t.Optional[CpuProfile]:
        return next((one for one in self.profiles if one.virt_type == virt_type), None)


@dataclass(frozen=True)
class HugePages:
    """A pool of hugepages of one size on one NUMA node."""

    node: int
    size_bytes: int
    total: t.Optional[int] = None
    free: int = 0


@dataclass(frozen=True)
class NumaNode:
    """``cpus``: numbers of its logical processors."""

    node: int
    total_bytes: t.Optional[int] = None
    free_bytes: t.Optional[int] = None
    cpus: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Memory:
    """``available_bytes`` is what new processes can get without swapping (free and droppable caches).

    Memory that is reserved for hugepages is in neither. ``free_bytes`` is what nothing uses at all.
    """

    total_bytes: t.Optional[int] = None
    free_bytes: t.Optional[int] = None
    available_bytes: t.Optional[int] = None
    swap_free_bytes: t.Optional[int] = None
    default_hugepage_size_bytes: t.Optional[int] = None
    nodes: list[NumaNode] = field(default_factory=list)
    hugepages: t.Optional[list[HugePages]] = None

    def hugepages_free(self, size_bytes: int, nodes: t.Sequence[int] = ()) -> int:
        """How many of that size are free, on these nodes or on all."""
        return sum(
            pool.free
            for pool in self.hugepages or []
            if pool.size_bytes == size_bytes and (not nodes or pool.node in nodes)
        )


@dataclass(frozen=True)
class Emulator:
    """A QEMU of the host for one architecture, with the machine types that it has."""

    arch: str
    path: str = ""
    machines: list[str] = field(default_factory=list)  # aliases included
    virt_types: list[str] = field(default_factory=list)
