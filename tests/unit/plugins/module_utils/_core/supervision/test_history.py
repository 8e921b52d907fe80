# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import first_pass, look, only
from ansible_collections.virtops.live_migration.tests.unit.plugins.supervised import NEVER, PLAN, at_boundary


def test_between_boundaries_nothing_is_compared() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    first_pass(supervisor)
    at_boundary(supervisor, 10, 2, 400)
    # A sawtooth: what is left falls within the pass and would fit, which means nothing.
    assert supervisor.observe(look(13.9, 2, 10)) == []


def test_a_job_without_pass_numbers() -> None:
    supervisor = Supervisor(NEVER, PLAN)
    for at_s in range(10):
        supervisor.observe(look(at_s + 0.5, None, 1000 - 100 * at_s))
    assert only(supervisor.observe(look(10, None, 500), at_sync=True)).reason == "SHRINKING"
