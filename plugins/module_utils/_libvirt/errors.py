# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's errors in the operator's terms."""

from __future__ import annotations

import typing as t

from .._core.errors import MigrationError
from .._core.libvirt_errors.all_meanings import meaning_of


def translate(exc: t.Any, failure_sentence: str, *, guest_state: str = "", state: str = "") -> MigrationError:
    """The error of a ``libvirtError``; ``failure_sentence`` says what could not be done.

    ``state`` is for a caller who knows better than the table where that leaves things.
    """
    code, domain = int(exc.get_error_code() or 0), int(exc.get_error_domain() or 0)
    message = str(exc.get_error_message() or exc)
    row = meaning_of(code, message)
    left = state or row.state
    return MigrationError(
        row.reason,
        f"{failure_sentence} libvirt says: {message.rstrip('.')}.",
        state=f"{left} The guest is {guest_state} here." if guest_state else left,
        remedy=row.remedy,
        evidence={"libvirt_code": code, "libvirt_domain": domain, "libvirt_message": message},
    )
