# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: can the destination's QEMU be the machine that the guest runs on."""

from __future__ import annotations

import typing as t

from ...host.capacity import Emulator
from ...host.document import HostDocument
from .check_types import FAIL, WARN, Case, Check, Finding, counted, failed, listed, passed, skipped, warned
from .cpu import THEME


def _machine(case: Case) -> Finding:
    guest = case.guest
    emulator = _emulator(case.destination, guest.arch)
    if emulator is None:
        return failed(
            f"The destination has no emulator for {guest.arch}.",
            "Install QEMU for this architecture there.",
            arch=guest.arch,
        )
    if guest.type not in emulator.virt_types:
        return failed(
            f"The destination cannot run guests of type {guest.type}.",
            "Load the kernel module kvm there, and look whether virtualisation is on in its firmware.",
            virt_types=emulator.virt_types,
        )
    if guest.machine and guest.machine not in emulator.machines:
        return failed(
            f"The destination's QEMU {case.destination.versions.qemu} does not know the machine type {guest.machine}.",
            "Update QEMU there, or give the guest an older machine type and start it anew.",
            machine=guest.machine,
        )
    return passed(f"The destination knows the machine type {guest.machine}.")


def _emulator(host: HostDocument, arch: str) -> t.Optional[Emulator]:
    return next((one for one in host.emulators if one.arch == arch), None)


def _emulator_path(case: Case) -> Finding:
    wanted, emulator = case.arriving.emulator, _emulator(case.destination, case.guest.arch)
    if not wanted or emulator is None or not emulator.path:
        return skipped("Where the emulator is on the destination is not known.")
    if wanted != emulator.path:
        return warned(
            f"The guest is run by {wanted}, and the destination's is {emulator.path}.",
            "Look whether the destination has that path too, or name its own one in destination_changes.paths.",
            source_path=wanted,
            destination_path=emulator.path,
        )
    return passed(f"The destination has its emulator, {wanted}.")


def _count(case: Case) -> Finding:
    wanted, there = case.guest.vcpus_current, case.destination.cpu.threads
    if not there:
        return skipped("How many processors the destination has is not known.")
    if wanted > there:
        return warned(
            f"The guest has {counted(wanted, 'processor')}, and the destination {there}.",
            "Choose a larger host, or take processors from the guest.",
            wanted=wanted,
            there=there,
        )
    missing = sorted(set(case.guest.pinned_cpus) - _processors(case.destination))
    if missing:
        return failed(
            f"Its threads are bound to processors that the destination does not have: {listed(map(str, missing))}.",
            "Bind them to others ('virsh vcpupin', 'emulatorpin', 'iothreadpin'), migrate with other numbers"
            " (destination_xml), or choose another host.",
            missing=missing,
        )
    if case.guest.pinned:
        return warned(
            "Its processors are bound to processors of the host by number, which other guests may use there.",
            "Look what runs on them on the destination, or migrate with other numbers (destination_xml).",
        )
    return passed(f"The guest has {counted(wanted, 'processor')}, and the destination {there}.")


def _processors(host: HostDocument) -> set[int]:
    """Their numbers: as libvirt lists them node by node, or counted from 0."""
    named = {number for node in host.memory.nodes for number in node.cpus}
    return named or set(range(host.cpu.threads))


CHECKS = (
    Check(
        "machine_type", THEME, "Does the destination's QEMU know the machine type and the kind of guest?",
        "libvirt refuses: emulator does not support the machine type.", (FAIL,), of_guest=_machine, needs_running=False,
    ),
    Check(
        "emulator_path", THEME, "Is the emulator at the same place on the destination?",
        "libvirt refuses: the binary does not exist.", (WARN,), of_guest=_emulator_path, needs_running=False,
    ),
    Check(
        "cpu_count", THEME, "Has the destination enough processors for the guest, and those that it is bound to?",
        "The guest is slow there, or libvirt cannot bind its threads and refuses.", (WARN, FAIL), of_guest=_count,
    ),
)  # fmt: skip
