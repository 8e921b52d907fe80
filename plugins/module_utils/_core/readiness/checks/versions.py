# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: versions, and bugs that they are known to have."""

from __future__ import annotations

from ...host.features import version_of
from .check_types import WARN, Check, Finding, Pair, listed, passed, skipped, warned

_THEME = "versions"


def _direction(pair: Pair) -> Finding:
    """To newer versions is what is tested by those who make them; back is at the user's own risk."""
    here, there = pair.source.versions, pair.destination.versions
    older = [
        f"{name} {mine} to {theirs}"
        for name, mine, theirs in (("libvirt", here.libvirt, there.libvirt), ("QEMU", here.qemu, there.qemu))
        if mine and theirs and version_of(theirs)[:2] < version_of(mine)[:2]
    ]
    if not (here.qemu and there.qemu and here.libvirt and there.libvirt):
        return skipped("The versions are not known.")
    evidence = {
        "source": {"libvirt": here.libvirt, "qemu": here.qemu},
        "destination": {"libvirt": there.libvirt, "qemu": there.qemu},
    }
    if older:
        return warned(
            f"The destination is older: {listed(older)}. What the newer one gave the guest the older one may not know.",
            "Migrate from old to new, or keep to a machine type of the older one and try it with a test guest.",
            **evidence,
        )
    return passed("The destination is as new as the source, or newer.", **evidence)


def _bugs(pair: Pair) -> Finding:
    found = [(host.name, bug) for host in (pair.source, pair.destination) for bug in host.known_bugs]
    if found:
        summaries = list(dict.fromkeys(bug.summary for _host, bug in found))
        remedies = list(dict.fromkeys(bug.remedy for _host, bug in found if bug.remedy))
        return warned(
            f"These versions have known bugs: {'; '.join(summaries)}.",
            " ".join(remedies),
            bugs=[f"{host}: {bug.id}" for host, bug in found],
        )
    return passed("No bug of these versions is known here.")


CHECKS = (
    Check(
        "versions", _THEME, "Is the destination as new as the source?",
        "Going back to older versions is not tested by anybody.", (WARN,), of_hosts=_direction,
    ),
    Check(
        "known_bugs", _THEME, "Are these versions of libvirt and QEMU free of known bugs of migration?",
        "What the bug does.", (WARN,), of_hosts=_bugs,
    ),
)  # fmt: skip
