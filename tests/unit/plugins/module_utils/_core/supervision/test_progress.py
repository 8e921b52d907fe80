# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import Flags, Plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.progress import (
    Reporter,
    progress,
    progress_line,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import first_pass, look

CONTRACT = Policy(max_downtime_ms=560, postcopy="never")  # 500 ms of it for the bytes


def supervisor(host_devices: int = 0) -> Supervisor:
    return Supervisor(CONTRACT, Plan(flags=Flags(), start_limit_ms=300, host_devices=host_devices))


def test_in_the_first_pass_only_the_forecast_knows_the_time() -> None:
    job = supervisor()
    first_pass(job, 5)
    assert progress(job.history, job.settings)["time_left_s"] is None
    sent = job.history.last.memory.processed_bytes
    assert progress(job.history, job.settings, sent + (1600 << 20))["time_left_s"] == pytest.approx(16, abs=0.1)
    assert progress(job.history, job.settings, sent)["time_left_s"] is None, "it was wrong"


@pytest.mark.parametrize(("left_mib", "seconds"), [(40, 0.4), (500, 9.7), (900, None)])
def test_after_that_the_passes_tell(left_mib: float, seconds: t.Optional[float]) -> None:
    job = supervisor()
    first_pass(job)
    job.observe(look(10, 2, left_mib), at_sync=True)
    assert progress(job.history, job.settings)["time_left_s"] == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(("host_devices", "seconds"), [(0, 38.2), (4, 38.9)])
def test_devices_of_the_host_take_from_the_downtime(host_devices: int, seconds: float) -> None:
    """Each pass leaves 80 % of the one before: 50 MiB fit 500 ms, and beside four devices 28.8 MiB fit 288 ms."""
    job = supervisor(host_devices)
    first_pass(job)
    job.observe(look(10, 2, 800), at_sync=True)
    assert progress(job.history, job.settings)["time_left_s"] == pytest.approx(seconds, abs=0.1)


def test_in_post_copy_it_is_what_is_left() -> None:
    job = supervisor()
    first_pass(job)
    job.observe(look(10, 2, 400, phase=Phase.POSTCOPY))
    assert progress(job.history, job.settings)["time_left_s"] == pytest.approx(4, abs=0.1)


def test_the_line() -> None:
    job = supervisor()
    first_pass(job)
    actions = job.observe(look(10, 2, 500, throttle_percent=20), at_sync=True)
    line = progress_line(progress(job.history, job.settings), actions)
    assert line.startswith(
        "pass 2, 500.0 MiB left, 100.0 MiB/s, needs 5.0 s downtime (limit 560 ms), slowed down by 20 %, about 9.7 s to"
        " go: waiting: the last pass got it down"
    )
    split = {**progress(job.history, job.settings), "phase": "postcopy"}
    assert progress_line(split, []).startswith("postcopy, 500.0 MiB")


def test_the_line_of_the_end() -> None:
    job = supervisor()
    first_pass(job)
    ended = {**progress(job.history, job.settings), "phase": "completed", "elapsed_ms": 12_300, "downtime_ms": 29}
    assert progress_line(ended, []) == "completed after 12.3 s, stood still for 29 ms"
    assert progress_line({**ended, "phase": "failed", "elapsed_ms": None, "downtime_ms": None}, []) == "failed"


def test_told_is_what_has_changed() -> None:
    job = supervisor()
    reporter = Reporter(job.history, job.settings)
    job.observe(look(0, 1, 900))
    assert reporter.report([])
    job.observe(look(0.5, 1, 850))
    assert reporter.report([]) is None
    actions = job.observe(look(10, 2, 500), at_sync=True)
    told = reporter.report(actions)
    assert told is not None
    assert told[0].startswith("pass 2, 500.0 MiB left")
    assert told[1]["remaining_bytes"] == 500 << 20
    job.observe(look(10.5, 3, 450))
    assert reporter.report([]) is None, "many short passes are not told one by one"
    job.observe(look(11.5, 3, 400))
    assert reporter.report([])
    job.observe(look(50, 3, 390))
    assert reporter.report([]), "a long pass is told of now and then"
