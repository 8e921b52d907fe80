# SPDX-License-Identifier: GPL-3.0-or-later

"""The line that "make test" ends with must not call anything passed that did not run and pass."""

from __future__ import annotations

import importlib.util
import sys
import typing as t
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "run" / "all.py"
PASSED, FAILED, ERROR, SKIPPED = (
    f"<testcase>{inner}</testcase>" for inner in ("", "<failure/>", "<error/>", "<skipped/>")
)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Any:
    specification = importlib.util.spec_from_file_location("run_all", SCRIPT)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "run_all", module)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


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


def test_what_failed_is_told_by_the_names_of_tests(script: t.Any, tmp_path: Path) -> None:
    (tmp_path / "results.xml").write_text(of_tests("one", "two"))
    (tmp_path / "step.log").write_text("ERROR: not this\n")
    step = script.Step("step", ["true"], tmp_path)
    assert script.failures(step) == ["test_x.one: a is b", "test_x.two: a is b"]
    (tmp_path / "results.xml").write_text(of_tests(*"abcdefg"))
    assert script.failures(step)[-1] == "... and 2 more"
    assert len(script.failures(step)) == 6


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("Running\nERROR: x.py:3:1: too long\nSee the documentation\n", ["ERROR: x.py:3:1: too long"]),
        ("x.py:3: error: no such name  [attr]\nFound 1 error in 1 file\n", ["x.py:3: error: no such name  [attr]"]),
        ("x.py:3:1: F401 not used\nPassed: 0 failures\n", ["x.py:3:1: F401 not used"]),
        ("./a.yml\n  3:121     error    line too long\n\n", ["3:121     error    line too long"]),
        ("one\n\ntwo\n", ["one", "two"]),
        ("", []),
    ],
)
def test_what_failed_is_told_by_the_log_of_other_steps(
    script: t.Any, tmp_path: Path, log: str, expected: list[str]
) -> None:
    (tmp_path / "step.log").write_text(log)
    assert script.failures(script.Step("step", ["false"])) == expected
