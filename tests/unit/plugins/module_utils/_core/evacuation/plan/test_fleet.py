# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import (
    Fleet,
    Group,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import fleet, guest, host


def group(name: str, *members: str, together: bool = False, hard: bool = True) -> Group:
    return Group(name, frozenset(members), together, hard)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"guests": (guest("g"), guest("g", on="b"))}, "GUEST_TWICE"),
        ({"guests": (guest("g", on="x"),)}, "BAD_FLEET"),
        ({"guests": (guest("g", strategy="kill"),)}, "BAD_FLEET"),
        ({"guests": (guest("g", if_unplaceable="migrate"),)}, "BAD_FLEET"),
        ({"sources": ("x",)}, "BAD_FLEET"),
        ({"hosts": (host("a"), host("a"))}, "BAD_FLEET"),
        ({"hosts": (host("a", rate=0),)}, "BAD_FLEET"),
        ({"hosts": (host("a", uplinks=("x",)),)}, "BAD_FLEET"),
        ({"hosts": (host("a", max_outgoing=0),)}, "BAD_FLEET"),
        ({"hosts": (host("a", reserve_bytes=-1),)}, "BAD_FLEET"),
        ({"groups": (group("x", "g"), group("x", "g"))}, "BAD_FLEET"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, t.Any], reason: str) -> None:
    good: Fleet = fleet([host("a"), host("b")], [guest("g")])
    with pytest.raises(MigrationError) as caught:
        replace(good, **change)
    assert caught.value.reason == reason
    assert caught.value.remedy
