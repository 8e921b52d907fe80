# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.working_set import Window
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure import dirty_rate
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.measure.dirty_rate import (
    measure,
    measure_windows,
)

MIB = 1 << 20
NOWAIT = 1 << 29
DIRTY_RATE = 1 << 9

KVM = "<domain type='kvm'><features><acpi/></features></domain>"
KVM_RING = "<domain type='kvm'><features><kvm><dirty-ring state='on' size='4096'/></kvm></features></domain>"
KVM_RING_OFF = "<domain type='kvm'><features><kvm><dirty-ring state='off'/></kvm></features></domain>"
TCG = "<domain type='qemu'/>"

Call = tuple[str, tuple[t.Any, ...], t.Any]


class Script:
    """The calls that a test expects, in order: name, arguments, result. It is both the connection and the domain."""

    def __init__(self, *calls: Call) -> None:
        self.calls = list(calls)
        self.raw = self

    def __getattr__(self, name: str) -> t.Callable[..., t.Any]:
        def call(*arguments: t.Any) -> t.Any:
            assert self.calls, f"{name}{arguments} was not expected any more"
            expected, expected_arguments, result = self.calls.pop(0)
            assert (name, arguments) == (expected, expected_arguments)
            return result

        return call


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def stats(script: Script, found: dict[str, t.Any]) -> Call:
    return ("domainListGetStats", ([script], DIRTY_RATE, NOWAIT), [(script, found)] if found else [])


def version(number: int = 9_000_000) -> Call:
    return ("getLibVersion", (), number)


STATE: Call = ("state", (), [1, 1])
INFO: Call = ("info", (), [1, 524288, 262144, 2, 123456])
NO_JOB: Call = ("jobStats", (), {"type": 0})
UNSTARTED = {"dirtyrate.calc_status": 0}
MEASURING = {"dirtyrate.calc_status": 1, "dirtyrate.calc_start_time": 5, "dirtyrate.calc_period": 4}


def measured(mib_per_s: int, period_s: int = 4) -> dict[str, t.Any]:
    return {
        "dirtyrate.calc_status": 2,
        "dirtyrate.calc_period": period_s,
        "dirtyrate.megabytes_per_second": mib_per_s,
    }


def run(script: Script, mode: str = "page-sampling", clock: t.Optional[Clock] = None) -> Window:
    clock = clock or Clock()
    window = measure(t.cast(t.Any, script), Guest(script, "erp01", "uuid"), 4, mode, clock=clock, sleep=clock.sleep)
    assert script.calls == []
    return window


def refused(script: Script, mode: str = "page-sampling") -> MigrationError:
    with pytest.raises(MigrationError) as caught:
        run(script, mode)
    assert script.calls == []
    return caught.value


def test_a_fresh_result_is_the_one_that_became_measured() -> None:
    script, clock = Script(), Clock()
    script.calls = [
        version(),
        NO_JOB,
        STATE,
        stats(script, measured(777)),  # of yesterday
        ("startDirtyRateCalc", (4, 0), 0),
        stats(script, UNSTARTED),
        stats(script, MEASURING),
        stats(script, {}),  # the guest's lock was taken just then
        stats(script, measured(64)),
        INFO,
    ]
    assert run(script, clock=clock)[:2] == (4, 256 * MIB)
    assert 4 < clock.now_s < 5


# mode, definition, flag
MODES = [("dirty-bitmap", KVM, 1), ("dirty-bitmap", KVM_RING_OFF, 1), ("dirty-ring", KVM_RING, 2)]


@pytest.mark.parametrize(("mode", "definition", "flag"), MODES)
def test_modes(mode: str, definition: str, flag: int) -> None:
    script = Script()
    script.calls = [
        version(),
        NO_JOB,
        STATE,
        ("XMLDesc", (0,), definition),
        stats(script, {}),
        ("startDirtyRateCalc", (4, flag), 0),
        stats(script, measured(0)),
        INFO,
    ]
    assert run(script, mode)[:2] == (4, 0)


# mode, definition, reason
BAD_MODES = [
    ("dirty-bitmap", TCG, "DIRTY_BITMAP_NEEDS_KVM"),
    ("dirty-bitmap", KVM_RING, "DIRTY_RING_ON"),
    ("dirty-ring", KVM, "DIRTY_RING_OFF"),
    ("dirty-ring", KVM_RING_OFF, "DIRTY_RING_OFF"),
    ("dirty-ring", TCG, "DIRTY_RING_OFF"),
]


@pytest.mark.parametrize(("mode", "definition", "reason"), BAD_MODES)
def test_modes_that_would_hurt_are_refused(mode: str, definition: str, reason: str) -> None:
    script = Script(version(), NO_JOB, STATE, ("XMLDesc", (0,), definition))
    assert refused(script, mode).reason == reason


# version of libvirt, mode
OLD = [(7_001_999, "page-sampling"), (8_000_999, "dirty-bitmap"), (8_000_999, "dirty-ring")]


@pytest.mark.parametrize(("number", "mode"), OLD)
def test_old_libvirt(number: int, mode: str) -> None:
    assert refused(Script(version(number)), mode).reason == "LIBVIRT_TOO_OLD"


def test_a_guest_that_stands_still_is_refused() -> None:
    paused: Call = ("state", (), [3, 1])
    error = refused(Script(version(), NO_JOB, paused, paused))
    assert error.reason == "GUEST_NOT_RUNNING"
    assert "paused (by the user)" in str(error)


def test_a_job_is_refused_instead_of_waiting_for_it() -> None:
    job = {"type": 2, "operation": 5, "time_elapsed": 1200}
    error = refused(Script(version(), ("jobStats", (), job)))
    assert error.reason == "JOB_RUNNING"
    assert error.evidence == {"operation": 5, "elapsed_ms": 1200}


def test_a_measurement_of_somebody_else_is_refused() -> None:
    script = Script()
    script.calls = [version(), NO_JOB, STATE, stats(script, MEASURING)]
    assert refused(script).reason == "ALREADY_MEASURING"


# result of QEMU, reason
BAD_RESULTS = [(measured(5, period_s=60), "ALREADY_MEASURING"), (measured(-1), "NOT_MEASURED")]


@pytest.mark.parametrize(("result", "reason"), BAD_RESULTS)
def test_results_that_are_none(result: dict[str, t.Any], reason: str) -> None:
    script = Script()
    script.calls = [
        version(),
        NO_JOB,
        STATE,
        stats(script, {}),
        ("startDirtyRateCalc", (4, 0), 0),
        stats(script, result),
    ]
    assert refused(script).reason == reason


class NeverDone(Script):
    """A guest whose measurement does not end."""

    def domainListGetStats(self, domains: list[Script], _stats: int, _flags: int) -> t.Any:  # noqa: N802 - libvirt's
        return [(domains[0], {"dirtyrate.calc_status": 1 if self.calls == [STATE] else 0})]


def test_no_result_in_time() -> None:
    clock = Clock()
    script = NeverDone(version(), NO_JOB, STATE, ("startDirtyRateCalc", (4, 0), 0), STATE)
    with pytest.raises(MigrationError) as caught:
        run(script, clock=clock)
    assert caught.value.reason == "NOT_MEASURED"
    assert 34 < clock.now_s < 35


# mode, how many runs come before those that count
WARM_UPS = [("page-sampling", 0), ("dirty-ring", 1), ("dirty-bitmap", 2)]


@pytest.mark.parametrize(("mode", "runs"), WARM_UPS)
def test_first_results_that_mean_nothing_are_thrown_away(mode: str, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, str]] = []

    def fake(_connection: t.Any, _guest: t.Any, seconds: int, mode: str) -> Window:
        taken.append((seconds, mode))
        return Window(seconds, len(taken))

    monkeypatch.setattr(dirty_rate, "measure", fake)
    nothing = t.cast(t.Any, None)
    assert measure_windows(nothing, nothing, [1, 4], mode) == [Window(1, runs + 1), Window(4, runs + 2)]
    assert taken == [(1, mode)] * (runs + 1) + [(4, mode)]


# unique MiB/s over 4 s, mode, tolerance in MiB
TOLERANCES = [
    (0, "page-sampling", 8),  # one sampled page of 2 MiB, twice, and 4 MiB of rounding
    (64, "page-sampling", 36),  # 256 MiB of 512: half of 256 samples, give or take 16
    (128, "page-sampling", 4),
    (200, "page-sampling", 4),  # more than there is
    (64, "dirty-ring", 4),
]


@pytest.mark.parametrize(("mib_per_s", "mode", "expected_mib"), TOLERANCES)
def test_how_rough_a_result_is(mib_per_s: int, mode: str, expected_mib: int) -> None:
    script = Script()
    script.calls = [
        version(),
        NO_JOB,
        STATE,
        *([("XMLDesc", (0,), KVM_RING)] if mode == "dirty-ring" else []),
        stats(script, {}),
        ("startDirtyRateCalc", (4, 2 if mode == "dirty-ring" else 0), 0),
        stats(script, measured(mib_per_s)),
        INFO,
    ]
    window = run(script, mode)
    assert window[:2] == (4, 4 * mib_per_s * MIB)
    assert round(window.tolerance_bytes / MIB) == expected_mib


def test_memory() -> None:
    script = Script(INFO)
    assert Guest(script, "erp01", "uuid").memory().maximum_bytes == 512 * MIB


def test_a_guest_whose_memory_is_not_told() -> None:
    assert dirty_rate._tolerance_bytes(0, 4, "page-sampling", 0) == 4 << 20


@pytest.mark.parametrize(
    ("mode", "following", "begun"),
    [
        ("page-sampling", [7], [1, 7]),
        ("page-sampling", [3, 7], [1, 3, 7]),
        ("page-sampling", [], [1]),
        # The first result counts memory that was dirtied long before.
        ("dirty-ring", [7], [1, 1, 7]),
        ("dirty-ring", [], [1, 1]),
    ],
)
def test_what_runs_already_is_used_and_no_more_is_begun_than_needed(
    monkeypatch: pytest.MonkeyPatch, mode: str, following: list[int], begun: list[int]
) -> None:
    found: list[int] = []

    class Begun:
        def __init__(self, _connection: t.Any, _guest: t.Any, seconds: int, _mode: str, **_clock: t.Any) -> None:
            found.append(seconds)

        def result(self) -> Window:
            return Window(found[-1], len(found))

    monkeypatch.setattr(dirty_rate, "BegunWindow", Begun)
    monkeypatch.setattr(dirty_rate, "BusyWatch", lambda _guest: None)
    measuring = dirty_rate.BegunMeasurement(t.cast("t.Any", None), t.cast("t.Any", None), mode)
    assert found == [1]
    left = iter([*following, None])
    windows = measuring.windows(lambda _last: next(left))
    assert found == begun
    assert [window.window_s for window in windows] == [1, *following]
    assert windows[0].unique_bytes == (2 if mode == "dirty-ring" else 1)
