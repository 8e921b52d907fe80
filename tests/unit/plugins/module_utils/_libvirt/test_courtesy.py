# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import courtesy
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.courtesy import Courtesy


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> Courtesy:
    monkeypatch.setattr(courtesy._CHANCE, "uniform", lambda _least, most: 0.75 * most)
    return Courtesy(2)


def test_who_is_alone_does_not_wait(mine: Courtesy) -> None:
    assert [mine.count("kvm02", seen, others=False, now_s=0.0) for seen in (2, 1, 0)] == [2, 1, 0]


def test_a_place_that_others_want_is_taken_after_a_while(mine: Courtesy) -> None:
    assert mine.count("kvm02", 2, others=True, now_s=0.0) == 2
    looks = [mine.count("kvm02", 1, others=False, now_s=now_s) for now_s in (10.0, 11.0, 11.5)]
    assert looks == [2, 2, 1]
    # Another one was quicker: the next time it is a new wait.
    assert mine.count("kvm02", 2, others=True, now_s=12.0) == 2
    assert mine.count("kvm02", 1, others=False, now_s=20.0) == 2


def test_other_destinations_are_not_concerned(mine: Courtesy) -> None:
    mine.count("kvm02", 2, others=True, now_s=0.0)
    assert mine.count("kvm03", 1, others=False, now_s=0.0) == 1
