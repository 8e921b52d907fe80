# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that wait for a slow rulebook: the latest of progress, none lost but the oldest, and the order kept."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.outbox import Outbox


def event(kind: str, uuid: str, number: int) -> dict[str, t.Any]:
    return {"type": kind, "host": "a", "uuid": uuid, "number": number}


def test_of_progress_only_the_latest_waits() -> None:
    box = Outbox()
    for one in (("progress", "U", 1), ("stuck", "U", 2), ("progress", "V", 3), ("progress", "U", 4)):
        box.add(event(*one))
    taken = [box.take() for _number in range(4)]
    assert [one["number"] if one else None for one in taken] == [2, 3, 4, None]


@pytest.mark.parametrize("other", [{"host": "b", "uuid": "U"}, {"host": "a", "uuid": "V"}, {"type": "stuck"}])
def test_only_progress_of_the_same_guest_on_the_same_host_takes_its_place(other: dict[str, t.Any]) -> None:
    box = Outbox()
    box.add({**event("progress", "U", 1), **other})
    box.add(event("progress", "U", 2))
    assert [(box.take() or {})["number"] for _number in range(2)] == [1, 2]


def test_it_does_not_grow_without_end() -> None:
    box = Outbox(most=3)
    for number in range(5):
        box.add(event("stuck", "U", number))
    assert (len(box), box.lost) == (3, 2)
    assert (box.take() or {})["number"] == 2


def test_what_takes_a_place_loses_nothing() -> None:
    box = Outbox(most=1)
    box.add(event("progress", "U", 1))
    box.add(event("progress", "U", 2))
    assert (len(box), box.lost) == (1, 0)
    assert (box.take() or {})["number"] == 2
    assert box.take() is None
