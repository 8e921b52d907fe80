# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: the secrets of libvirt that the guest's disks and TPM need where it goes."""

from __future__ import annotations

from .check_types import FAIL, Case, Check, Finding, failed, listed, passed, skipped


def _secrets(case: Case) -> Finding:
    """A migration carries the names of secrets and no values: the destination's libvirt has to have its own."""
    needed, there = case.guest.secrets, case.destination.secrets
    if not needed:
        return passed("Neither its disks nor its TPM need a secret of libvirt's.")
    if there is None:
        return skipped(
            "Which secrets the destination's libvirt has is not known.",
            f"Look there with 'virsh secret-list' for {listed(needed)}.",
        )
    missing = sorted(set(needed) - set(there))
    if missing:
        return failed(
            f"The destination's libvirt does not have the secrets {listed(missing)}, which its disks or its TPM need.",
            "Define the same secrets there, with the same UUID and usage ('virsh secret-define'), and give them the"
            " same value ('virsh secret-set-value').",
            missing=missing,
        )
    return passed(
        "The destination's libvirt has the secrets that its disks and TPM need. Their values nobody can compare.",
        secrets=needed,
    )


CHECKS = (
    Check(
        "secrets", "storage", "Does the destination's libvirt have the secrets that the guest's disks and TPM need?",
        "The destination cannot open the disk: Secret not found.", (FAIL,), of_guest=_secrets, needs_running=False,
    ),
)  # fmt: skip
