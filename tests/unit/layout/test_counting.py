# SPDX-License-Identifier: GPL-3.0-or-later

"""The line that "make test" ends with must not call anything passed that did not run and pass."""

from __future__ import annotations

import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.tests.unit.layout.run_scripts import SCRIPTS, run_script

PASSED, FAILED, ERROR, SKIPPED = (
    f"<testcase>{inner}</testcase>" for inner in ("", "<failure/>", "<error/>", "<skipped/>")
)


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> t.Any:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return run_script(name)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Any:
    module = load("all", monkeypatch)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> t.Any:
    return load("outcome", monkeypatch)


@pytest.mark.parametrize(
    ("cases", "status", "expected"),
    [
        ([PASSED, PASSED], 0, "2 passed, 0 failed"),
        ([PASSED, SKIPPED], 0, "1 passed, 0 failed, 1 skipped"),
        ([PASSED, FAILED, ERROR], 1, "1 passed, 2 failed"),
        ([PASSED], 1, "1 passed, 1 failed"),  # pytest itself broke
        ([], 0, "0 passed, 1 failed"),  # nothing ran
        ([SKIPPED], 0, "0 passed, 1 failed, 1 skipped"),
        (None, 0, "1 passed, 0 failed"),  # not a pytest step
        (None, 1, "0 passed, 1 failed"),
    ],
)
def test_a_step_counts_what_ran(
    script: t.Any, tmp_path: Path, cases: list[str] | None, status: int, expected: str
) -> None:
    results = None if cases is None else tmp_path / "results"
    write = "" if cases is None else f"echo '<x><y>{''.join(cases)}</y></x>' > {results}/a.xml;"
    step = script.Step("step", ["sh", "-c", f"{write} echo said; exit {status}"], results)
    assert str(script.run(step)) == expected
    assert (tmp_path / "step.log").read_text() == "said\n"


def test_results_of_an_earlier_run_do_not_count(script: t.Any, tmp_path: Path) -> None:
    (tmp_path / "old.xml").write_text(f"<x>{PASSED}</x>")
    assert str(script.run(script.Step("step", ["true"], tmp_path))) == "0 passed, 1 failed"


def of_tests(*names: str) -> str:
    cases = "".join(
        f'<testcase classname="test_x" name="{name}"><failure message="a is\n  b"/></testcase>' for name in names
    )
    return f"<x>{PASSED}{cases}</x>"


def test_what_failed_is_told_by_the_names_of_tests(outcome: t.Any, tmp_path: Path) -> None:
    (tmp_path / "results.xml").write_text(of_tests("one", "two"))
    (log := tmp_path / "step.log").write_text("ERROR: not this\n")
    assert outcome.failures(tmp_path, log) == ["test_x.one: a is b", "test_x.two: a is b"]
    (tmp_path / "results.xml").write_text(of_tests(*"abcdefg"))
    assert outcome.failures(tmp_path, log)[-1] == "... and 2 more"
    assert len(outcome.failures(tmp_path, log)) == 6


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("Running\nERROR: x.py:3:1: too long\nSee the documentation\n", ["ERROR: x.py:3:1: too long"]),
        ("x.py:3: error: no such name  [attr]\nFound 1 error in 1 file\n", ["x.py:3: error: no such name  [attr]"]),
        ("x.py:3:1: F401 not used\nPassed: 0 failures\n", ["x.py:3:1: F401 not used"]),
        ("./a.yml\n  3:121     error    line too long\n\n", ["3:121     error    line too long"]),
        ("In a/b line 21:\nx=$(echo y)\n  ^-- SC2116 (style)\nPassed: 0\n", ["In a/b line 21:"]),
        ("one\n\ntwo\n", ["one", "two"]),
        ("", []),
    ],
)
def test_what_failed_is_told_by_the_log_of_other_steps(
    outcome: t.Any, tmp_path: Path, log: str, expected: list[str]
) -> None:
    (file := tmp_path / "step.log").write_text(log)
    assert outcome.failures(None, file) == expected


def test_steps_that_may_run_at_the_same_time_and_the_others_alone(script: t.Any) -> None:
    one, two, three, four, five = (script.Step(name, ["true"], beside=name in "abe") for name in "abcde")
    assert list(script.groups([one, two, three, four, five])) == [[one, two], [three], [four], [five]]


def test_each_of_a_group_is_counted_shown_whole_and_named_when_it_fails(
    script: t.Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = script.Summary()
    meet = f"touch {tmp_path}/$0; while [ ! -e {tmp_path}/$1 ]; do sleep 0.05; done; echo $0 met $1"
    good = script.Step("good", ["sh", "-c", meet, "x", "y"], beside=True)
    bad = script.Step("bad", ["sh", "-c", f"{meet}; echo ERROR: broken; exit 1", "y", "x"], beside=True)
    script.run_group([good, bad], summary)  # one after the other they would wait for ever
    summary.print()
    said = capsys.readouterr().out
    assert "\n===== good\n" in said.partition("x met y\n")[0]  # live
    assert "\n===== bad\ny met x\nERROR: broken\n" in said
    assert said.endswith("===== what failed\nbad: ERROR: broken\n1 passed, 1 failed\n")


def test_interrupted_what_runs_is_left_to_clean_up(tmp_path: Path) -> None:
    """As the process that 'make test' is; what it began has ended when it ends."""
    program = (
        "import signal, sys, pathlib\n"
        f"sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "import all as script\n"
        f"script.RESULTS = script.ROOT = pathlib.Path({str(tmp_path)!r})\n"
        f"clean = 'trap \"sleep 0.3; touch {tmp_path}/clean; exit 1\" TERM; touch {tmp_path}/begun; sleep 60 & wait'\n"
        "script.steps = lambda matrix: [script.Step('step', ['sh', '-c', clean]), script.Step('never', ['true'])]\n"
        "sys.exit(script.main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-B", "-c", program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    process.terminate()
    said, _nothing = process.communicate(timeout=60)
    assert process.returncode == 1
    assert (tmp_path / "clean").exists()
    assert "===== never" not in said
    assert "Interrupted: not all steps ran." in said
    assert said.splitlines()[-1] == "0 passed, 2 failed"
