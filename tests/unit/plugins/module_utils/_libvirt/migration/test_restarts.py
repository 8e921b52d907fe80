# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that a restart of libvirt has ended is started again as often as the policy allows."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.link_bandwidth import (
    DestinationPath,
    RouteDevice,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.call_parameters import StartOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.start_plan import Choices
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.facts import MeasurementOptions
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration.migration import (
    Migration,
    MigrationOptions,
)

MOST = 100


class Ending(Migration):
    """Each run ends with the next of these reasons; without one it is well. ``allowed``: by the guest's own policy."""

    reasons: t.Sequence[str] = ()
    runs = allowed = 0

    def _run(self, check: bool) -> dict[str, t.Any]:
        self.runs += 1
        self._options = replace(self._options, policy=Policy(max_restarts=self.allowed))
        if self.runs <= len(self.reasons):
            raise MigrationError(self.reasons[self.runs - 1], "It was cancelled.", facts={"actions": []})
        return {"outcome": "moved"}


def ending(reasons: t.Sequence[str], max_restarts: int) -> Ending:
    path = DestinationPath("qemu+tcp://kvm02/system")
    measurement = MeasurementOptions(Choices("none"), False, lambda _hosts: RouteDevice())
    # Of the task; that of the guest is known when it was looked at.
    options = MigrationOptions(Policy(max_restarts=MOST), path, measurement, StartOptions())
    made = Ending(t.cast("t.Any", None), options)
    made.reasons, made.allowed = reasons, max_restarts
    return made


def test_it_is_started_again_and_said() -> None:
    made = ending(["ENDED_BY_RESTART"] * 2, 2)
    assert made.run(check=False) == {"outcome": "moved"}
    assert made.runs == 3
    assert made.notes == ["It was started again. It was cancelled."] * 2


@pytest.mark.parametrize(("reason", "max_restarts", "runs"), [("ENDED_BY_RESTART", 0, 1), ("ENDED_BY_RESTART", 1, 2)])
def test_not_more_often_than_allowed(reason: str, max_restarts: int, runs: int) -> None:
    made = ending([reason] * 5, max_restarts)
    with pytest.raises(MigrationError) as caught:
        made.run(check=False)
    assert (caught.value.reason, made.runs) == (reason, runs)
    assert caught.value.facts["runs_on"] is None


@pytest.mark.parametrize("reason", ["GIVEN_UP", "CONNECTION_LOST", "LEFT", "STREAM_BROKEN"])
def test_no_other_end_is_followed_by_another_start(reason: str) -> None:
    made = ending([reason], 5)
    with pytest.raises(MigrationError) as caught:
        made.run(check=False)
    assert (caught.value.reason, made.runs) == (reason, 1)
