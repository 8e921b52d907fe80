# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: memory that is sent for nothing, as the guest does not use it, and memory that it has not got back."""

from __future__ import annotations

from ...balloon.note import SHRUNK_NAMESPACE, read_note
from ...balloon.reclaim import obstacle
from ...balloon.steps import ALIKE_BYTES
from ...host.features import feature, version_of
from ...units import KIB, MIB, human_bytes, human_ms
from .check_types import WARN, Case, Check, Finding, passed, skipped, warned
from .convergence import bandwidth

_THEME = "memory"
_LEAST_SHARE, _LEAST_BYTES, _LEAST_S = 0.25, 64 * MIB, 2.0  # less is not worth a warning


def _free_memory(case: Case) -> Finding:
    guest, touched, rate = case.guest, case.guest.resident_bytes, bandwidth(case)
    balloon = guest.balloon
    if touched is None:
        return skipped("How much memory the host has given the guest is not known.")
    if balloon.available_bytes is None or balloon.usable_bytes is None:
        return skipped(
            "The guest tells no figures of its memory.",
            f"With a balloon driver in it: 'virsh dommemstat {guest.uuid} --period 5 --live', and look again.",
        )
    used = max(0, balloon.available_bytes - balloon.usable_bytes)
    idle = max(0, touched - used)
    free = min(idle, balloon.unused_bytes or 0)
    seconds = idle / rate if rate else None
    evidence = {
        "touched_bytes": touched,
        "idle_bytes": idle,
        "free_bytes": free,
        "costs_s": None if seconds is None else round(seconds, 1),
        "free_page_reporting": balloon.free_page_reporting,
    }
    costs = "" if seconds is None else f", which takes {human_ms(seconds * 1000)} on this link"
    words = (
        f"Of the {human_bytes(touched)} that will be sent, about {human_bytes(idle)} are free or a cache of the"
        f" guest's{costs}."
    )
    if case.options.policy.shrink == "balloon" and obstacle(guest) is None:
        return passed(f"{words} The policy has them taken before, as far as that pays.", **evidence)
    little = idle < max(_LEAST_BYTES, _LEAST_SHARE * touched)
    if little or (seconds is not None and seconds < _LEAST_S):
        return passed(words, **evidence)
    return warned(words, _ways_out(case), **evidence)


_NOW = "Have it taken by the balloon before (shrink: balloon in policy_overrides)"
_NEXT_TIME = (
    "give it <memballoon model='virtio' freePageReporting='on'/> for its next start (libvirt from 6.9 on, a kernel from"
    " 5.7 on in the guest), so that the host gets back what it frees, though not its caches"
)


def _ways_out(case: Case) -> str:
    """The balloon now, and free page reporting from the next start on."""
    why_not, libvirt = obstacle(case.guest), version_of(case.source.versions.libvirt)
    if why_not is not None and why_not.reason != "NO_BALLOON":
        return f"There is none, as {why_not.why}."
    can_report = not libvirt or libvirt >= feature("free_page_reporting").libvirt
    may_report = not case.guest.balloon.free_page_reporting and can_report
    ways = [] if why_not is not None else [_NOW]
    ways += [_NEXT_TIME] if may_report else []
    found = ", or ".join(ways) or "give it a virtio balloon for its next start"
    return f"{found[0].upper()}{found[1:]}."


def _has_its_memory(case: Case) -> Finding:
    guest = case.guest
    note = read_note(guest.metadata.get(SHRUNK_NAMESPACE), guest.uuid)
    if note is None:
        return passed("It was not made smaller for a migration.")
    has, had = guest.memory.current_bytes, note.former_bytes
    if has >= had - ALIKE_BYTES:
        return passed("It has got back all that it had before a migration.")
    if guest.job:
        return skipped("It was made smaller for a migration, and a job runs.")
    ended = "that has ended" if guest.job == "" else "of which is not known whether it has ended"
    return warned(
        f"It was made smaller for a migration {ended}: it has {human_bytes(has)} of the {human_bytes(had)} that it had"
        " before.",
        "Run migration or evacuation for it again, which gives it back; or"
        f" 'virsh setmem {guest.uuid} {had // KIB} --live' on its host.",
        has_bytes=has,
        former_bytes=had,
    )


CHECKS = (
    Check(
        "sends_free_memory", _THEME, "Is nearly all that will be sent in use by the guest?",
        "Free memory and caches are sent like any other, and take as long.", (WARN,), of_guest=_free_memory,
    ),
    Check(
        "left_small", _THEME, "Has the guest all of the memory that it had before a migration made it smaller?",
        "It runs with less memory than it was meant to have, and may swap or end programs.", (WARN,),
        of_guest=_has_its_memory,
    ),
)  # fmt: skip
