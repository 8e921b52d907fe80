# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that can no longer be looked at: the daemon was restarted, or does not answer."""

from __future__ import annotations

import contextlib
import typing as t

from ..._core.errors import MigrationError
from ..connection import libvirt
from ..errors import translate

Facts = t.Mapping[str, t.Any]


@contextlib.contextmanager
def looking_after(
    name: str, facts: t.Callable[[], Facts] = dict, *, passing: t.Container[str] = ()
) -> t.Iterator[None]:
    """While a migration is looked after: an error of a look says that the migration may go on, and what to do.

    ``facts``: other return values at that moment; ``passing``: reasons of errors that say more than this would.
    """
    try:
        yield
    except (libvirt.libvirtError, MigrationError) as exc:
        if isinstance(exc, MigrationError) and exc.reason in passing:
            raise
        raise cut_off(exc, name, facts()) from exc


def cut_off(exc: Exception, name: str, facts: Facts) -> MigrationError:
    """The error that is raised then."""
    if isinstance(exc, MigrationError):
        error = exc
    else:
        error = translate(exc, f"The migration of {name!r} could not be watched any more.")
    return MigrationError(
        error.reason,
        error.problem,
        state="The migration may go on: QEMU and the daemons run it, not this module. Where libvirt itself was"
        " restarted, a pre-copy is cancelled and the guest goes on where it was; a post-copy goes on.",
        remedy="Run this again when libvirt answers: it takes over what it finds. Until then start, stop and destroy"
        " nothing.",
        evidence=error.evidence,
        facts=facts,
    )
