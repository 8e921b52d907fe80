# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of a guest's own metadata, which travel with it."""

from __future__ import annotations

import functools
import typing as t

from .._core.errors import MigrationError
from .._core.guest_metadata import GUEST_NAMESPACE
from .._core.guest_policy import limits_of_metadata, require_within
from .connection import libvirt
from .guest import Guest
from .timeout import within

ELEMENT = 2  # VIR_DOMAIN_METADATA_ELEMENT
LIVE, CONFIG = 1, 2
# VIR_ERR_NO_DOMAIN_METADATA; VIR_ERR_OPERATION_INVALID where a guest does not run, or is not defined.
NOT_THERE = (80, 55)


def element_of(
    guest: Guest,
    namespace: str,
    flags: t.Sequence[int] = (LIVE, CONFIG),
    not_there: t.Container[int] = NOT_THERE,
) -> t.Optional[str]:
    """For a guest that runs, as it runs. None where libvirt says that there is none; what could not be read raises.

    ``flags``: where to look, one after the other; ``not_there``: codes by which libvirt says that there is none.
    """
    for flag in flags:
        try:
            read = functools.partial(guest.raw.metadata, ELEMENT, namespace, flag)
            return str(within(read, f"reading the metadata of {guest.name!r}"))
        except libvirt.libvirtError as exc:
            if exc.get_error_code() not in not_there:
                raise
    return None


def own_limits(guest: Guest) -> tuple[dict[str, t.Any], list[str]]:
    """The fields of a policy that the guest makes stricter for itself, and what of its word does not count, and why.

    What could not be read is an error: a guest that must not go by post-copy might have said so.
    """
    limits, problems = limits_of_metadata(element_of(guest, GUEST_NAMESPACE))
    return limits, [f"In the metadata of {guest.name!r} {problem}; it does not count." for problem in problems]


def heed_own_limit(guest: Guest, name: str, wanted: t.Any) -> list[str]:
    """Raises GUEST_FORBIDS where the guest's own limit is stricter; what of its word does not count, and why."""
    limits, notes = own_limits(guest)
    require_within(guest.name, limits, name, wanted)
    return notes


def limits_to_tell(guest: Guest) -> tuple[dict[str, t.Any], list[str]]:
    """As :func:`own_limits`, for whoever only tells of them: what could not be read is a note."""
    try:
        return own_limits(guest)
    except (MigrationError, libvirt.libvirtError) as exc:
        return {}, [f"What {guest.name!r} allows in its metadata could not be read: {exc}"]
