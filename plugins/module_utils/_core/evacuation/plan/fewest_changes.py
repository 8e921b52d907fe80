# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest set of changes that would let a unit move while all others go where they go.

A unit that belongs together needs the changes of one host. Without one of the rules that tie it, it falls into parts,
each of which needs those of some host. What is asked for one part is there for the next.
"""

from __future__ import annotations

import itertools
import typing as t

from . import obstacles
from .affinity import Unit, together_groups, units
from .capacity import Shortage
from .fleet import Group
from .obstacles import Obstacle
from .placement_state import PlacementState

_MOST_RULES = 4  # of which each combination is tried
_MOST_LOOKS = 200  # at ways of spreading the parts, for each combination


def fewest_changes(placing: PlacementState, unit: Unit, groups: t.Sequence[Group]) -> tuple[Obstacle, ...]:
    """The smallest set of changes found with which the unit could move, of which none can be left out; empty when none
    is known."""
    ties = together_groups(unit, groups)
    best: t.Optional[tuple[Obstacle, ...]] = None
    for dropped in _combinations(ties):
        if best is not None and len(dropped) >= len(best):
            break
        names = {group.name for group in dropped}
        parts = units(unit, [group for group in ties if group.name not in names])
        tied = {group.name for group in ties} - names
        search = _ChangeSearch(placing, names, tied)
        found = search.for_all(parts)
        if found is None:
            continue
        needed = [group for group in dropped if search.breaks(group)]
        changes = (*(obstacles.of_rule(group.name, True) for group in needed), *found)
        if best is None or obstacles.effort(changes) < obstacles.effort(best):
            best = changes
    return best or ()


def _combinations(ties: t.Sequence[Group]) -> t.Iterator[tuple[Group, ...]]:
    """Few first."""
    if len(ties) <= _MOST_RULES:
        for count in range(len(ties) + 1):
            yield from itertools.combinations(ties, count)
        return
    yield ()
    yield from ((group,) for group in ties)
    yield tuple(ties)


class _ChangeSearch:
    """``dropped``: rules that are done without. ``tied``: rules that are not, wherever they would be broken."""

    def __init__(self, placing: PlacementState, dropped: t.Collection[str], tied: t.Collection[str]) -> None:
        self._placing, self._dropped, self._tied = placing, dropped, tied
        self._best: t.Optional[list[Obstacle]] = None
        self._where: tuple[tuple[Unit, str], ...] = ()  # the parts and their hosts in the best
        self._placed: list[tuple[Unit, str]] = []
        self._looks_left = _MOST_LOOKS

    def for_all(self, parts: t.Sequence[Unit]) -> t.Optional[list[Obstacle]]:
        self._ask(parts, {}, [])
        return self._best

    def breaks(self, group: Group) -> bool:
        """Whether what was found breaks this rule, which was done without: it may have been kept all the same."""
        with_it = set(self._dropped) - {group.name}
        hosts = {host for part, host in self._where if any(guest.key in group.members for guest in part)}
        return len(hosts) > 1 or any(
            group in self._placing.affinity.broken(part, host, with_it) for part, host in self._where
        )

    def _ask(self, parts: t.Sequence[Unit], changes: dict[Obstacle, None], lacking: list[tuple[str, Shortage]]) -> None:
        """The cheapest host for the first part, then the others as long as there is time to look for better ones."""
        if not parts:
            found = [*changes, *_rooms(lacking)]
            if self._best is None or obstacles.effort(found) < obstacles.effort(self._best):
                self._best, self._where = found, tuple(self._placed)
            return
        part, rest = parts[0], parts[1:]
        hosts = self._hosts(part, changes)
        for host in hosts if rest else hosts[:1]:
            if self._best is not None and (not self._best or self._looks_left <= 0):
                return
            self._looks_left -= 1
            rules = dict.fromkeys(self._placing.rules_in_the_way(part, host, self._dropped))
            shortages = self._placing.lend(part, host)
            self._placed.append((part, host))
            self._ask(rest, {**changes, **rules}, [*lacking, *((host, lack) for lack in shortages)])
            self._placed.pop()
            self._placing.end_loan(part, host, shortages)

    def _hosts(self, part: Unit, changes: t.Mapping[Obstacle, None]) -> list[str]:
        """Where it may go at all, least effort first; what was asked for already is none."""
        scored = []
        for position, host in enumerate(self._placing.destinations):
            rules = self._placing.rules_in_the_way(part, host.name, self._dropped)
            if any(obstacle.reason == obstacles.AFFINITY and obstacle.subject in self._tied for obstacle in rules):
                continue
            new = [obstacle for obstacle in rules if obstacle not in changes]
            new += [obstacles.of_room(lack, host.name) for lack in self._placing.missing(part, host.name)]
            scored.append((obstacles.effort(new), position, host.name))
        return [name for _effort, _position, name in sorted(scored)]


def _rooms(lacking: t.Iterable[tuple[str, Shortage]]) -> t.Iterator[Obstacle]:
    """Each kind of room of each host once, for all parts that need it."""
    amounts: dict[tuple[str, str, int, tuple[int, ...]], int] = {}
    for host, lack in lacking:
        kind = (host, lack.what, lack.page_kib, lack.nodes)
        amounts[kind] = amounts.get(kind, 0) + lack.amount
    for (host, what, page, nodes), amount in amounts.items():
        yield obstacles.of_room(Shortage(what, amount, page, nodes), host)
