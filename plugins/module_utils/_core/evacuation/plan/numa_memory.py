# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Memory of one page size over the NUMA nodes of a host, and whether what is to be in it can be."""

from __future__ import annotations

import typing as t

_Nodes = frozenset[int]


class NumaMemory:
    """Nobody knows on which node an unbound guest will lie, so nothing is assigned: what is taken is kept by the set of
    nodes that it is bound to, and it can all be there if each union of such sets has room for what is bound within it.
    """

    def __init__(self, free_by_node: t.Mapping[int, int], reserve_bytes: int = 0) -> None:
        self._free = dict(free_by_node)
        self._reserve = reserve_bytes
        self._everywhere: _Nodes = frozenset(self._free)
        self._taken: dict[_Nodes, int] = {self._everywhere: 0}
        self._unions: list[_Nodes] = []  # of sets that are less than everywhere
        self._left = sum(self._free.values()) - reserve_bytes

    def fits(self, size_bytes: int, nodes: t.Sequence[int]) -> bool:
        if size_bytes > self._left:
            return False
        return not nodes or self._lacking_within(size_bytes, frozenset(nodes)) <= 0

    def lacking(self, size_bytes: int, nodes: t.Sequence[int]) -> tuple[int, int]:
        """What would have to come free on these nodes, and, beyond that, anywhere."""
        within = max(0, self._lacking_within(size_bytes, frozenset(nodes))) if nodes else 0
        return within, max(0, size_bytes - self._left - within)

    def take(self, size_bytes: int, nodes: t.Sequence[int]) -> None:
        """Whether it fits or not; a negative size gives back."""
        bound = frozenset(nodes) or self._everywhere
        if bound not in self._taken:
            self._taken[bound] = 0
            if not bound >= self._everywhere:
                self._unions = self._closed(bound)
        self._taken[bound] += size_bytes
        self._left -= size_bytes

    def grant(self, size_bytes: int, node: t.Optional[int]) -> None:
        """As if so much more were free there; None: somewhere."""
        where = min(self._free, default=0) if node is None else node
        self._free[where] = self._free.get(where, 0) + size_bytes
        self._left += size_bytes

    def _lacking_within(self, size_bytes: int, bound: _Nodes) -> int:
        if bound >= self._everywhere:
            return size_bytes - self._left
        unions = self._unions if bound in self._taken else self._closed(bound)
        return max(size_bytes + self._over(union) for union in unions if union >= bound)

    def _over(self, union: _Nodes) -> int:
        taken = sum(size for nodes, size in self._taken.items() if nodes <= union)
        return taken - sum(self._free.get(node, 0) for node in union)

    def _closed(self, bound: _Nodes) -> list[_Nodes]:
        unions = [*self._unions, bound, *(union | bound for union in self._unions)]
        return list(dict.fromkeys(union for union in unions if not union >= self._everywhere))
