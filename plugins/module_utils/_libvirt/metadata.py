# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of a guest's own metadata, read and written. They travel with the guest, and whoever may edit it may too."""

from __future__ import annotations

import functools
import typing as t

from .._core.errors import MigrationError
from .._core.guest_metadata import GUEST_NAMESPACE
from .._core.guest_policy import limits_of_metadata, require_within
from .._core.libvirt_errors.codes import Err
from .connection import libvirt
from .guest import Guest
from .timeout import within

ELEMENT = 2  # VIR_DOMAIN_METADATA_ELEMENT
LIVE, CONFIG = 1, 2  # VIR_DOMAIN_AFFECT_*: as the guest runs, and as it is defined
# OPERATION_INVALID: of a guest that does not run, or is not defined, where the flag asks for just that.
NOT_THERE = (Err.NO_DOMAIN_METADATA, Err.OPERATION_INVALID)


def element_of(
    guest: Guest,
    namespace: str,
    flags: t.Sequence[int] = (LIVE, CONFIG),
    not_there: t.Container[int] = NOT_THERE,
) -> t.Optional[str]:
    """The XML of the element that the guest has under this namespace, or None where libvirt says that it has none.

    ``flags``: where to look, one after the other: as the guest runs, then as it is defined. ``not_there``: the codes
    (virErrorNumber) by which libvirt says that there is none; all other errors are raised, and so is MONITOR_HUNG.
    """
    for flag in flags:
        try:
            read = functools.partial(guest.raw.metadata, ELEMENT, namespace, flag)
            return str(within(read, f"reading the metadata of {guest.name!r}"))
        except libvirt.libvirtError as exc:
            if exc.get_error_code() not in not_there:
                raise
    return None


def write_element(guest: Guest, element: t.Optional[str], prefix: str, namespace: str, flags: int, doing: str) -> None:
    """Put an XML element in the place of the one that the guest has under this namespace; None takes that one away.

    ``prefix``: of the namespace in the definition; ``flags``: LIVE, CONFIG or both; ``doing``: for an error. Raises
    MONITOR_HUNG and libvirt's own errors.
    """
    within(lambda: guest.raw.setMetadata(ELEMENT, element, prefix, namespace, flags), doing)


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
