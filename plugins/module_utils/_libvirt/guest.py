# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as libvirt shows it: who it is and what state it is in."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._core.host.guest import GuestDocument
from .._core.host.parse.domain_xml import parse_domain
from .._core.job.domain_state import DomainState
from .._core.libvirt_errors.codes import Err
from .._core.units import KIB
from .connection import Connection, libvirt
from .errors import translate
from .timeout import CALL_LIMIT_S, within


class MemorySize(t.NamedTuple):
    """``maximum_bytes``: all that the guest may ever have, which QEMU maps and samples; ``current_bytes``: what it has
    now, the balloon taken off."""

    maximum_bytes: int
    current_bytes: int


@dataclass(frozen=True)
class Guest:
    """A guest of one host; ``raw`` is the binding's ``virDomain``."""

    raw: t.Any
    name: str
    uuid: str

    def state(self) -> DomainState:
        """Its state and reason by libvirt, which needs no lock of the domain for that, so that it always answers."""
        state, reason = self.raw.state()
        return DomainState(int(state), int(reason))

    def known_state(self) -> t.Optional[DomainState]:
        """Its state, or None when this host does not have the guest any more; a daemon that is gone is an error."""
        try:
            return self.state()
        except libvirt.libvirtError as exc:
            if exc.get_error_code() == Err.NO_DOMAIN:
                return None
            raise

    def documents(self) -> list[dict[str, t.Any]]:
        """One document with name, UUID, state and its reason; none when the guest has left this host for good
        meanwhile, which only libvirt itself can say."""
        state = self.known_state()
        if state is None:
            return []
        return [{"name": self.name, "uuid": self.uuid, "state": state.name, "state_reason": state.reason_name}]

    def document(self) -> GuestDocument:
        """What its live definition tells, with the devices that it has now. Raises BAD_DEFINITION."""
        return parse_domain(str(within(lambda: self.raw.XMLDesc(0), f"reading the definition of {self.name!r}")))

    def memory(self, limit_s: float = CALL_LIMIT_S) -> MemorySize:
        """Its sizes, as libvirt knows them. Raises MONITOR_HUNG after ``limit_s``, and libvirt's own errors."""
        info = within(self.raw.info, f"reading the memory size of {self.name!r}", limit_s)
        return MemorySize(int(info[1]) * KIB, int(info[2]) * KIB)

    def state_text(self) -> str:
        """The state as part of a sentence."""
        try:
            state = self.known_state()
        except libvirt.libvirtError:
            return "in a state that is not known, as libvirt does not answer"
        return state.state_text if state else "no longer defined"


def guest_of(raw: t.Any) -> Guest:
    """Of a ``virDomain``."""
    return Guest(raw, raw.name(), raw.UUIDString())


def find_guest(connection: Connection, name: t.Optional[str], uuid: t.Optional[str]) -> Guest:
    """The guest of that name or UUID; GUEST_NOT_FOUND when this host has none."""
    try:
        return _look_up(connection, name, uuid)
    except libvirt.libvirtError as exc:
        missing = exc.get_error_code() == Err.NO_DOMAIN
        problem = "There is no guest {!r} on this host." if missing else "The guest {!r} could not be looked up."
        raise translate(exc, problem.format(uuid or name), state="Nothing was changed.") from exc


def seek_guest(connection: Connection, name: t.Optional[str], uuid: t.Optional[str]) -> t.Optional[Guest]:
    """The guest of that name or UUID, or None when this host has none. Raises libvirt's errors, and MONITOR_HUNG."""
    try:
        return within(lambda: _look_up(connection, name, uuid), f"looking for {uuid or name!r}")
    except libvirt.libvirtError as exc:
        if exc.get_error_code() == Err.NO_DOMAIN:
            return None
        raise


def _look_up(connection: Connection, name: t.Optional[str], uuid: t.Optional[str]) -> Guest:
    if uuid:
        return guest_of(connection.raw.lookupByUUIDString(uuid))
    return guest_of(connection.raw.lookupByName(name))


def all_guests(connection: Connection) -> list[Guest]:
    """All guests of the host, running or not, sorted by name."""
    return sorted((guest_of(raw) for raw in connection.raw.listAllDomains(0)), key=lambda guest: guest.name)
