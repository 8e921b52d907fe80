# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between a guest and a host, each obstacle with the one change that takes it away."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass
from functools import lru_cache

from ...units import human_bytes
from .affinity import Unit
from .capacity import Shortage
from .fleet import ORDINARY, Blocker, PlannedGuest

# In the order of what is the least to ask for.
CORDONED = "CORDONED"
GUEST_LIMIT = "GUEST_LIMIT"
VCPU_LIMIT = "VCPU_LIMIT"
ANTI_AFFINITY = "ANTI_AFFINITY"
AFFINITY = "AFFINITY"
NOT_ALLOWED = "NOT_ALLOWED"
POLICY = "CONTRACT"
MEMORY = "MEMORY"
CHECK = "CHECK"
PINNED = "PINNED"
HOST_DEVICE = "HOST_DEVICE"
NO_DESTINATION = "NO_DESTINATION"

_EFFORT = {
    reason: effort
    for effort, reason in enumerate(
        (
            CORDONED,
            GUEST_LIMIT,
            VCPU_LIMIT,
            ANTI_AFFINITY,
            AFFINITY,
            NOT_ALLOWED,
            POLICY,
            MEMORY,
            CHECK,
            PINNED,
            HOST_DEVICE,
            NO_DESTINATION,
        ),
        1,
    )
}


@dataclass(frozen=True)
class Obstacle:
    """One thing that keeps a guest from a host. ``why`` and ``change`` are sentences, the latter what takes it away;
    the other fields say the same for a program. ``subject``: the check, or the affinity group.
    """

    reason: str
    host: str = ""
    guest: str = ""
    subject: str = ""
    size_bytes: int = 0
    count: int = 0
    page_kib: int = 0
    nodes: tuple[int, ...] = ()
    why: str = ""
    change: str = ""

    def document(self) -> dict[str, t.Any]:
        """Without what does not apply."""
        fields = {**asdict(self), "nodes": list(self.nodes)}
        return {key: value for key, value in fields.items() if value not in ("", 0, [])}


def effort(obstacles: t.Sequence[Obstacle]) -> tuple[int, int, int]:
    """A key to sort sets of obstacles by: fewer changes first, then the easier ones, then the least memory."""
    return (
        len(obstacles),
        sum(_EFFORT[obstacle.reason] for obstacle in obstacles),
        sum(obstacle.size_bytes for obstacle in obstacles),
    )


def of_guest(guest: PlannedGuest) -> list[Obstacle]:
    """What keeps it from going anywhere."""
    found = []
    if guest.pinned:
        found.append(
            Obstacle(PINNED, guest=guest.key, why=f"{guest.name} is pinned to its host", change="allow it to move")
        )
    if guest.host_devices:
        count = guest.host_devices
        found.append(
            Obstacle(
                HOST_DEVICE,
                guest=guest.key,
                count=count,
                why=f"{guest.name} uses {count} device{'s' if count > 1 else ''} of its host",
                change=f"detach {'them' if count > 1 else 'it'}, or have the guest shut down",
            )
        )
    return found


def of_checks(guest: PlannedGuest, host: str) -> list[Obstacle]:
    """What keeps the guest from that one host: a decision from before, a limit to certain hosts, readiness checks that
    fail."""
    found = []
    if guest.bound_for is not None and host != guest.bound_for:
        found.append(
            Obstacle(
                NOT_ALLOWED,
                host,
                guest.key,
                "bound",
                why=f"{guest.name} is bound for {guest.bound_for}",
                change=f"let it go to {host}",
            )
        )
    if guest.allowed is not None and host not in guest.allowed:
        found.append(
            Obstacle(
                NOT_ALLOWED,
                host,
                guest.key,
                why=f"{guest.name} may not go to {host}",
                change=f"add {host} to the hosts that it may go to",
            )
        )
    return found + [_of_check(guest, host, blocker) for blocker in guest.blocked.get(host, ())]


def _of_check(guest: PlannedGuest, host: str, blocker: Blocker) -> Obstacle:
    return Obstacle(
        CHECK,
        host,
        guest.key,
        blocker.check,
        why=blocker.summary or f"{guest.name} fails the check {blocker.check} on {host}",
        change=blocker.remedy or f"make the check {blocker.check} pass on {host}",
    )


def of_policy(guest: PlannedGuest, host: str, needs: str) -> Obstacle:
    """``needs``: what would make the migration finish, in words."""
    return Obstacle(
        POLICY,
        host,
        guest.key,
        why=f"the migration of {guest.name} to {host} would not finish within its policy",
        change=f"one of these: {needs}",
    )


def of_rule(name: str, together: bool) -> Obstacle:
    """Of a rule of affinity by its name."""
    change = f"do without the rule {name!r}"
    if together:
        why = f"guests that belong together by {name!r} stay, or are on another host"
        return Obstacle(AFFINITY, subject=name, why=why, change=change)
    return Obstacle(
        ANTI_AFFINITY, subject=name, why=f"one of the guests that {name!r} keeps apart is there", change=change
    )


def of_cordon(host: str) -> Obstacle:
    """Of a host that is to receive nothing."""
    return Obstacle(CORDONED, host, why=f"{host} is cordoned", change=f"uncordon {host}")


# Where many guests find no room, it is for few sizes of them.
@lru_cache(maxsize=16384)
def of_room(shortage: Shortage, host: str) -> Obstacle:
    """Of memory (bytes of one page size), guests or virtual CPUs that a host lacks."""
    amount = shortage.amount
    if shortage.what == "guests":
        text = f"raise the limit of guests on {host} by {amount}"
        return Obstacle(GUEST_LIMIT, host, count=amount, why=f"{host} has as many guests as it may have", change=text)
    if shortage.what == "vcpus":
        text = f"raise the limit of virtual CPUs on {host} by {amount}"
        return Obstacle(VCPU_LIMIT, host, count=amount, why=f"{host} lacks {amount} virtual CPUs", change=text)
    kind = "memory" if shortage.page_kib == ORDINARY else f"memory in pages of {shortage.page_kib} KiB"
    where = f" on NUMA node {', '.join(map(str, shortage.nodes))}" if shortage.nodes else ""
    return Obstacle(
        MEMORY,
        host,
        size_bytes=amount,
        page_kib=shortage.page_kib,
        nodes=shortage.nodes,
        why=f"{host} lacks {human_bytes(amount)} of {kind}{where}",
        change=f"free {human_bytes(amount)} of {kind}{where} on {host}",
    )


def no_destination(unit: Unit) -> Obstacle:
    """Of a unit when there is no host that it could go to."""
    names = ", ".join(guest.name for guest in unit)
    return Obstacle(NO_DESTINATION, why=f"there is no host that {names} could go to", change="add a host")
