# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Readiness: can the destination give the guest its processor and machine."""

from __future__ import annotations

import typing as t

from .check import FAIL, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned
from .domain_document import Domain
from .host_capacity import CpuProfile, Emulator
from .host_document import HostDocument

_THEME = "processor and machine"
_TSC_TOLERANCE = 250e-6
_SAME_HARDWARE = (
    "Give the guest a processor that all hosts have: cpu mode 'custom' with a model of the oldest one, from"
    " 'virsh hypervisor-cpu-baseline'. It takes effect when the guest is started anew."
)


def _cpu(case: Case) -> Finding:
    """libvirt's own answer where it was asked; else what the two documents allow to conclude."""
    guest, opinion = case.domain, case.cpu
    if guest.cpu.migratable is False:
        return failed(
            "The guest's processor keeps features that cannot be migrated (migratable='off').",
            "Set migratable='on' in its definition and start it anew.",
        )
    if opinion is not None and opinion.fits is not None:
        if opinion.fits:
            return passed(f"The destination's libvirt says that it fits ({opinion.text}).", asked="libvirt")
        return failed(
            f"The destination's libvirt says that the guest's processor does not fit: {opinion.text.rstrip('.')}.",
            _SAME_HARDWARE,
            asked="libvirt",
        )
    profile = case.destination.cpu.profile(guest.type)
    if profile is None:
        return skipped("What processors the destination can give is not known.", "Give destination_uri to ask libvirt.")
    if guest.cpu.mode in ("host-passthrough", "maximum"):
        return _of_the_host(case, profile)
    return _by_model(guest, profile)


def _of_the_host(case: Case, profile: CpuProfile) -> Finding:
    """A guest that sees the processor as it is can go where nothing of it is missing."""
    own = case.source.cpu.profile(case.domain.type)
    if own is None or not own.features_complete or not profile.features_complete:
        return skipped("The features of the processors are not known.", "Give destination_uri to ask libvirt.")
    missing = sorted(set(own.features) - set(profile.features))
    mode = case.domain.cpu.mode
    if missing:
        return failed(
            f"The guest sees the processor of its host ({mode}), and the destination lacks {listed(missing)}.",
            _SAME_HARDWARE,
            missing=missing,
        )
    more = sorted(set(profile.features) - set(own.features))
    here, there = case.source.cpu, case.destination.cpu
    same = (here.model, here.microcode) == (there.model, there.microcode)
    if more or not same:
        return warned(
            f"The guest sees the processor of its host ({mode}), and that of the destination is not the same one.",
            _SAME_HARDWARE,
            source_model=here.model,
            destination_model=there.model,
            more=more,
        )
    return passed(f"The guest sees the processor of its host ({mode}), and the destination has the same one.")


def _by_model(guest: Domain, profile: CpuProfile) -> Finding:
    wanted = {one.name for one in guest.cpu.features if one.policy in ("require", "force")}
    missing = sorted(wanted - set(profile.features)) if profile.features_complete else []
    model = guest.cpu.model
    if model and profile.known_models and model not in profile.known_models:
        return failed(
            f"The destination's libvirt or QEMU does not know the model {model}.",
            "Update them, or give the guest an older model.",
            model=model,
        )
    if model and profile.usable_models and model not in (*profile.usable_models, profile.model):
        return failed(
            f"The destination cannot give a guest the model {model}.", _SAME_HARDWARE, model=model, missing=missing
        )
    if missing:
        return failed(f"The destination lacks {listed(missing)}.", _SAME_HARDWARE, missing=missing)
    if not model:
        return passed("The guest has the default processor of its emulator.")
    if wanted and not profile.features_complete:
        return skipped("The features of the destination's processor are not known.", "Give destination_uri.")
    return passed(f"The destination can give it the model {model} and its features.", model=model)


def _machine(case: Case) -> Finding:
    guest = case.domain
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
    wanted, emulator = case.domain.emulator, _emulator(case.destination, case.domain.arch)
    if not wanted or emulator is None or not emulator.path:
        return skipped("Where the emulator is on the destination is not known.")
    if wanted != emulator.path:
        return warned(
            f"The guest is run by {wanted}, and the destination's is {emulator.path}.",
            "Look whether the destination has that path too, or migrate with a changed definition (--xml).",
            source_path=wanted,
            destination_path=emulator.path,
        )
    return passed(f"The destination has its emulator, {wanted}.")


def _count(case: Case) -> Finding:
    wanted, there = case.domain.vcpus_current, case.destination.cpu.threads
    if not there:
        return skipped("How many processors the destination has is not known.")
    if wanted > there:
        return warned(
            f"The guest has {wanted} processors, and the destination {there}.",
            "Choose a larger host, or take processors from the guest.",
            wanted=wanted,
            there=there,
        )
    if case.domain.pinned:
        return warned(
            "Its processors are bound to processors of the host by number, which other guests may use there.",
            "Look what runs on them on the destination, or migrate with other numbers (--xml).",
        )
    return passed(f"The guest has {wanted} processors, and the destination {there}.")


def _tsc(case: Case) -> Finding:
    guest, there = case.domain.cpu, case.destination.cpu
    invariant = any(one.name == "invtsc" and one.policy in ("require", "force") for one in guest.features)
    wanted = guest.tsc_frequency_hz
    if wanted is None:
        if invariant:
            return failed(
                "The guest has an invariant time stamp counter without a frequency, which libvirt does not migrate.",
                "Add <timer name='tsc' frequency='...'/> to its clock, or leave invtsc out, and start it anew.",
            )
        return passed("The guest asks for no frequency of the time stamp counter.")
    if there.tsc_frequency_hz is None:
        return skipped("The frequency of the destination's time stamp counter is not known.")
    difference = abs(wanted - there.tsc_frequency_hz) / wanted
    if difference > _TSC_TOLERANCE and not there.tsc_scaling:
        return failed(
            f"The guest needs a time stamp counter of {wanted} Hz; the destination has {there.tsc_frequency_hz} Hz and"
            " cannot scale it.",
            "Choose a host with the same frequency, or leave the frequency out and start the guest anew.",
            wanted_hz=wanted,
            there_hz=there.tsc_frequency_hz,
        )
    return passed("The destination can give it the frequency of its time stamp counter.")


CHECKS = (
    Check(
        "cpu_compatible", _THEME, "Can the destination give the guest the processor that it sees?",
        "libvirt refuses; or the guest crashes when it uses what is missing.", (WARN, FAIL), of_guest=_cpu,
    ),
    Check(
        "machine_type", _THEME, "Does the destination's QEMU know the machine type and the kind of guest?",
        "libvirt refuses: emulator does not support the machine type.", (FAIL,), of_guest=_machine, needs_running=False,
    ),
    Check(
        "emulator_path", _THEME, "Is the emulator at the same place on the destination?",
        "libvirt refuses: the binary does not exist.", (WARN,), of_guest=_emulator_path, needs_running=False,
    ),
    Check(
        "cpu_count", _THEME, "Has the destination enough processors for the guest?",
        "The guest is slow there.", (WARN,), of_guest=_count,
    ),
    Check(
        "tsc", _THEME, "Can the guest keep its time stamp counter?",
        "libvirt refuses: TSC frequency outside of the tolerance.", (FAIL,), of_guest=_tsc,
    ),
)  # fmt: skip
