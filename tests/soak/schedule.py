# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does, made from a seed alone: moves, evacuations, returns and loads in random order, some with a fault."""

from __future__ import annotations

import random
import typing as t

HOSTS = ("kvm01", "kvm02", "kvm03")
GUESTS = ("crm01", "erp 'x'", "-web01", "dns01", "mail01", "ldap 01", "git01", "ntp01")
POSTCOPY = ("never", "if_needed", "prefer")
# What may happen while memory is being sent, by its name in `harm.py`.
FAULTS = (
    "module_killed",
    "controller_killed",
    "source_daemon_restarted",
    "destination_daemon_killed",
    "stream_cut",
    "link_down",
    "aborted_by_another",
)
_FAULT_SHARE = 0.4
# How often each kind of step is drawn. A whole host takes hardly longer than one guest.
_KINDS = {"move": 3, "evacuate": 4, "come_home": 3, "load": 2}
_LOADS_PAGES_PER_S = (0, 500, 4000)


class Step(t.NamedTuple):
    """One order, as it is drawn; see :func:`of_use`.

    ``kind``: ``move`` one guest to ``host``, ``evacuate`` a host, let all guests ``come_home``, or ``load`` a guest
    with so many ``pages_per_s``. ``fault`` is empty, or what happens ``after_ms`` after its first bytes.
    """

    kind: str
    guest: str = ""
    host: str = ""
    postcopy: str = "if_needed"
    pages_per_s: int = 0
    fault: str = ""
    after_ms: int = 0

    def __str__(self) -> str:
        words = {
            "move": f"move {self.guest} to {self.host} ({self.postcopy})",
            "evacuate": f"empty {self.host} ({self.postcopy})",
            "come_home": f"all come home ({self.postcopy})",
            "load": f"{self.guest} rewrites {self.pages_per_s} pages/s",
        }[self.kind]
        return f"{words}; {self.fault} after {self.after_ms} ms" if self.fault else words


def step(draw: random.Random) -> Step:
    kind = draw.choices(list(_KINDS), list(_KINDS.values()))[0]
    if kind == "load":
        return Step(kind, draw.choice(GUESTS), pages_per_s=draw.choice(_LOADS_PAGES_PER_S))
    fault = draw.choice(FAULTS) if draw.random() < _FAULT_SHARE else ""
    after_ms = draw.choice((0, 100, 300, 1000)) if fault else 0
    postcopy = draw.choice(POSTCOPY)
    if kind == "come_home":
        return Step(kind, postcopy=postcopy, fault=fault, after_ms=after_ms)
    guest = draw.choice(GUESTS) if kind == "move" else ""
    return Step(kind, guest, draw.choice(HOSTS), postcopy, fault=fault, after_ms=after_ms)


def of_use(step: Step, where: t.Mapping[str, str]) -> Step:
    """The same where it has something to do: a guest that is at that host already goes to the next one, and of an empty
    host the next that has guests is emptied."""

    def idle(host: str) -> bool:
        return where[step.guest] == host if step.kind == "move" else host not in where.values()

    if step.kind not in ("move", "evacuate"):
        return step
    begin = HOSTS.index(step.host)
    return step._replace(host=next(host for host in HOSTS[begin:] + HOSTS[:begin] if not idle(host)))


def schedule(seed: int, steps: int) -> list[Step]:
    draw = random.Random(seed)
    return [step(draw) for _number in range(steps)]


def shrunk(steps: t.Sequence[Step], fails: t.Callable[[t.Sequence[Step]], bool], tries: int) -> list[Step]:
    """A shorter list of steps that still fails, found by leaving out ever smaller pieces; at most so many tries."""
    found = list(steps)
    size = max(1, len(found) // 2)
    while tries > 0:
        for begin in range(0, len(found), size):
            shorter = found[:begin] + found[begin + size :]
            tries -= 1
            if shorter and fails(shorter):
                found = shorter
                break
            if tries <= 0:
                break
        else:
            if size == 1:
                break
            size = max(1, size // 2)
            continue
        size = max(1, min(size, len(found) // 2))
    return found
