# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of a guest's migration that can be changed while it runs: read, set, and read back."""

from __future__ import annotations

import typing as t

from ..._core.errors import MigrationError
from ..._core.job.sample import Limits
from ..connection import libvirt
from ..guest import Guest
from ..timeout import within

MAX_BANDWIDTH_MIB_PER_S = 8_796_093_022_207  # how libvirt spells "no limit" for pre-copy: INT64_MAX bytes
_MAX_SPEED_POSTCOPY = 1  # VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY


def max_downtime_ms(guest: Guest) -> int:
    """The limit in force, in milliseconds."""
    value = within(guest.raw.migrateGetMaxDowntime, f"reading the downtime limit of {guest.name!r}")
    return int(_not_none(value, f"the downtime limit of {guest.name!r}"))


def compression_cache_bytes(guest: Guest) -> int:
    """The size in force of the cache of xbzrle."""
    value = within(guest.raw.migrateGetCompressionCache, f"reading the compression cache of {guest.name!r}")
    return int(_not_none(value, f"the compression cache size of {guest.name!r}"))


def set_max_downtime(guest: Guest, value_ms: int) -> None:
    """Also of a running job. Raises MONITOR_HUNG."""
    within(lambda: guest.raw.migrateSetMaxDowntime(value_ms), f"setting the downtime limit of {guest.name!r}")


def set_compression_cache(guest: Guest, size_bytes: int) -> None:
    """Also of a running job. Raises MONITOR_HUNG."""
    within(lambda: guest.raw.migrateSetCompressionCache(size_bytes), f"setting the compression cache of {guest.name!r}")


def bandwidth_mib_per_s(guest: Guest, *, postcopy: bool = False) -> int:
    """The bandwidth limit in force, of pre-copy or of post-copy; 0 is none."""
    flags = _MAX_SPEED_POSTCOPY if postcopy else 0
    value = within(lambda: guest.raw.migrateGetMaxSpeed(flags), f"reading the bandwidth limit of {guest.name!r}")
    return 0 if int(value) >= MAX_BANDWIDTH_MIB_PER_S else int(value)


def set_bandwidth(guest: Guest, mib_per_s: int, *, postcopy: bool = False) -> None:
    """Set a limit; 0 lifts it. For pre-copy libvirt's own word for that is used, so that it reads back as none."""
    value = mib_per_s if mib_per_s or postcopy else MAX_BANDWIDTH_MIB_PER_S
    flags = _MAX_SPEED_POSTCOPY if postcopy else 0
    within(lambda: guest.raw.migrateSetMaxSpeed(value, flags), f"setting the bandwidth limit of {guest.name!r}")


def limits_of(guest: Guest) -> Limits:
    """The limits in force; those that this libvirt cannot tell stay None. Only for a guest that is not arriving."""

    def known(read: t.Callable[[], int]) -> t.Optional[int]:
        try:
            return read()
        except (libvirt.libvirtError, MigrationError) as exc:
            if isinstance(exc, MigrationError) and exc.reason == "MONITOR_HUNG":
                raise
            return None

    return Limits(
        known(lambda: max_downtime_ms(guest)),
        known(lambda: bandwidth_mib_per_s(guest)),
        known(lambda: bandwidth_mib_per_s(guest, postcopy=True)),
    )


def _not_none(value: t.Any, what: str) -> t.Any:
    """The binding returns None for an error of these getters and raises nothing."""
    if value is None:
        raise MigrationError(
            "NOT_READABLE",
            f"libvirt did not tell {what}.",
            state="Nothing was changed.",
            remedy="The guest must run, and run here; look with 'virsh domstate --reason'.",
        )
    return value
