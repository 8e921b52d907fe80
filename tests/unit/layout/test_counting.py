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
