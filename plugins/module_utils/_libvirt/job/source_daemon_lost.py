# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that can no longer be looked at: the daemon was restarted, or does not answer."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ..._core.errors import MigrationError
from ..connection import Connection, libvirt, tells_of_loss
from ..errors import translate
from ..guest import find_guest
from .current import outgoing_job

Facts = t.Mapping[str, t.Any]

ENDED_BY_A_RESTART = "ENDED_BY_RESTART"
_BACK_S = 30.0  # within which a daemon that is restarted answers again; a choice
_POLL_S = 1.0


@contextlib.contextmanager
def looking_after(
    name: str,
    facts: t.Callable[[], Facts] = dict,
    *,
    passing: t.Container[str] = (),
    source: t.Optional[tuple[Connection, str]] = None,
) -> t.Iterator[None]:
    """While a migration is looked after: an error of a look says that the migration may go on, and what to do.

    ``source``: the connection to the host that it leaves, and the guest's UUID, to find out whether it goes on;
    ``facts``: other return values at that moment; ``passing``: reasons of errors that say more than this would.
    """
    try:
        yield
    except (libvirt.libvirtError, MigrationError) as exc:
        if isinstance(exc, MigrationError) and exc.reason in passing:
            raise
        ended = source is not None and ended_by_a_restart(*source, exc)
        raise contact_lost(exc, name, facts(), ended=ended) from exc


def ended_by_a_restart(source: Connection, uuid: str, exc: Exception) -> bool:
    """Whether the daemon of the source has gone, is back, and has no migration of the guest any more, which runs there.

    ``exc``: of the look that has failed. A daemon that only does not answer is not waited for. The connection is open
    again where it is back.
    """
    if not _daemon_gone(source, exc):
        return False
    give_up_s = time.monotonic() + _BACK_S
    while True:
        try:
            source.reopen()
            guest = find_guest(source, None, uuid)
            return guest.state().running and outgoing_job(guest) is None
        except (libvirt.libvirtError, MigrationError) as exc:
            gone = not isinstance(exc, MigrationError) or exc.reason == "CONNECTION_FAILED"
            if not gone or time.monotonic() >= give_up_s:
                return False
        time.sleep(_POLL_S)


def _daemon_gone(source: Connection, exc: Exception) -> bool:
    """The error may be of a look at the destination, so that the source is asked where its connection is open."""
    if not source.alive:
        return True
    if not tells_of_loss(exc):
        return False
    try:
        source.raw.getLibVersion()
    except libvirt.libvirtError as failed:
        return source.lost(failed)
    return False


def contact_lost(exc: Exception, name: str, facts: Facts, *, ended: bool = False) -> MigrationError:
    """The error where a job could not be looked at any more, for ``exc``: it may go on. ``facts``: return values.

    ``ended``: the migration is known to have ended with the daemon.
    """
    if isinstance(exc, MigrationError):
        error = exc
    else:
        error = translate(exc, f"The migration of {name!r} could not be watched any more.")
    if ended:
        return MigrationError(
            ENDED_BY_A_RESTART,
            f"The migration of {name!r} was cancelled, as libvirt on the source was started anew. {error.problem}",
            state="The guest runs on the source as before, and its migration has ended.",
            remedy="Start the migration again. policy_overrides.max_restarts lets the module migration do so by itself."
            " Restart no daemon while guests leave its host: a restart keeps a post-copy, and cancels a pre-copy."
            " Updates of packages restart it, too.",
            evidence=error.evidence,
            facts=facts,
        )
    return MigrationError(
        error.reason,
        error.problem,
        state="The migration may go on: QEMU and the daemons run it, not this module. Where libvirt itself was"
        " restarted, a pre-copy is cancelled and the guest goes on where it was; a post-copy goes on, and one that is"
        " broken stays in two halves until this is run again.",
        remedy="Run this again when libvirt answers: it takes over what it finds. Until then start, stop and destroy"
        " nothing.",
        evidence=error.evidence,
        facts=facts,
    )
