# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.boundary_figures import (
    boundary_figures,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.history import History
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import MIB, first_pass, look
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary


def test_before_a_pass_has_ended_there_are_none() -> None:
    history = History()
    history.add(look(0.5), False)
    with pytest.raises(ValueError, match="no pass has ended"):
        boundary_figures(history, 300)


@pytest.mark.parametrize(("left_mib", "shrinks"), [(840, True), (860, False)])
def test_of_the_last_boundary_and_the_one_before(left_mib: int, shrinks: bool) -> None:
    """A pass that leaves 85 % of what there was before makes progress."""
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, left_mib)
    found = boundary_figures(supervisor.history, 300)
    assert (found.pass_number, found.left_bytes, found.shrinks) == (2, left_mib * MIB, shrinks)
    assert found.before_bytes == pytest.approx(1000 * MIB, rel=0.01)
    assert found.need_ms == pytest.approx(left_mib * 10, rel=0.01)
    assert found.numbers["needed_downtime_ms"] == round(found.need_ms)
    assert found.numbers["limit_ms"] == 300


def test_a_need_that_is_not_known_is_no_figure() -> None:
    history = History()
    for at_s, number in ((0.0, 1), (1.0, 2)):
        history.add(replace(look(at_s, number, 400, sent_mib=1), bandwidth_bytes_per_s=0), True)
    found = boundary_figures(history, None)
    assert found.need_ms == math.inf
    assert found.numbers["needed_downtime_ms"] is None
