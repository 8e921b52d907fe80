# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: can the destination give the guest its processor."""

from __future__ import annotations

import typing as t

from ...host.capacity import CpuProfile
from ...host.document import HostDocument
from ...host.guest import GuestDocument
from .check_types import FAIL, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned

THEME = "processor and machine"
_MODES_OF_THE_HOST = ("host-passthrough", "maximum")
_TSC_TOLERANCE = 250e-6  # 250 ppm: KVM's tsc_tolerance_ppm, which libvirt takes too
_SAME_HARDWARE = (
    "Give the guest a processor that all hosts have: cpu mode 'custom' with a model of the oldest one, from"
    " 'virsh hypervisor-cpu-baseline'. It takes effect when the guest is started anew."
)


def _cpu(case: Case) -> Finding:
    """libvirt's own answer where it was asked; else what the two documents allow to conclude."""
    guest, opinion = case.guest, case.cpu
    if guest.cpu.migratable is False:
        return failed(
            "The guest's processor keeps features that cannot be migrated (migratable='off').",
            "Set migratable='on' in its definition and start it anew.",
        )
    if not guest.active and guest.cpu.mode != "custom":
        return passed("It is given a processor by the host that it is started on.")
    of_the_host = guest.cpu.mode in _MODES_OF_THE_HOST
    if opinion is not None and opinion.fits and not of_the_host:
        return passed(f"The destination's libvirt says that it fits ({opinion.text}).", asked="libvirt")
    if opinion is not None and opinion.fits is False and of_the_host and guest.type == "qemu":
        return _arrives_all_the_same(f"it does not fit, as its libvirt says: {opinion.text.rstrip('.')}", "libvirt")
    if opinion is not None and opinion.fits is False:
        return failed(
            f"The destination's libvirt says that the guest's processor does not fit: {opinion.text.rstrip('.')}.",
            _SAME_HARDWARE,
            asked="libvirt",
        )
    profile = case.destination.cpu.profile(guest.type)
    if profile is None:
        return skipped("What processors the destination can give is not known.", "Give destination_uri to ask libvirt.")
    if of_the_host:
        return _of_the_host(case, profile)
    return _by_model(guest, profile)


def cpu_to_ask(guest: GuestDocument, source: HostDocument) -> t.Optional[str]:
    """What to ask a destination's libvirt; None when there is nothing to ask with.

    The definition of a guest that sees its host's processor names no feature, and libvirt would say that it fits
    everywhere. Asked is with what the source can give, then.
    """
    if guest.cpu.mode == "custom":
        return guest.cpu.xml or None
    if not guest.active or guest.cpu.mode not in _MODES_OF_THE_HOST:
        return None
    own = source.cpu.profile(guest.type)
    return own.xml or None if own is not None else None


def _of_the_host(case: Case, profile: CpuProfile) -> Finding:
    """A guest that sees the processor as it is can go where nothing of it is missing."""
    own = case.source.cpu.profile(case.guest.type)
    if own is None or not own.features_complete or not profile.features_complete:
        return skipped("The features of the processors are not known.", "Give destination_uri to ask libvirt.")
    missing = sorted(set(own.features) - set(profile.features))
    mode = case.guest.cpu.mode
    if missing and case.guest.type == "qemu":
        return _arrives_all_the_same(f"the destination lacks {listed(missing)}", "documents", missing)
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


def _arrives_all_the_same(why: str, asked: str, missing: t.Sequence[str] = ()) -> Finding:
    """Of an emulated guest. Seen with QEMU 7.2 and 10.0: libvirt lets it go, QEMU takes it, and it runs on."""
    return warned(
        f"The guest sees all that the emulator of its host can emulate (maximum), and {why}. It arrives, and what it"
        " uses of that fails.",
        _SAME_HARDWARE,
        asked=asked,
        missing=list(missing),
    )


def _by_model(guest: GuestDocument, profile: CpuProfile) -> Finding:
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


def _tsc(case: Case) -> Finding:
    guest, there = case.guest.cpu, case.destination.cpu
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
        "cpu_compatible", THEME, "Can the destination give the guest the processor that it sees?",
        "libvirt refuses; or the guest crashes when it uses what is missing.", (WARN, FAIL), of_guest=_cpu,
        needs_running=False,
    ),
    Check(
        "tsc", THEME, "Can the guest keep its time stamp counter?",
        "libvirt refuses: TSC frequency outside of the tolerance.", (FAIL,), of_guest=_tsc,
    ),
)  # fmt: skip
