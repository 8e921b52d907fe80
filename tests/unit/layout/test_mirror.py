# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests mirror the folders: whoever changes a rule of the core finds its test by the name of its file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
UTILS = ROOT / "plugins" / "module_utils"
TESTS = ROOT / "tests" / "unit" / "plugins" / "module_utils"
DECISIONS = (ast.If, ast.For, ast.While, ast.Try)
FILES = sorted((UTILS / "_core").rglob("*.py"))


def decides(file: Path) -> bool:
    """Whether a statement in it chooses or repeats. Tables, flags and records with a property or two do not."""
    return any(isinstance(node, DECISIONS) for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("file", [file for file in FILES if decides(file)], ids=lambda file: file.name)
def test_a_file_that_decides_has_a_test_of_its_name(file: Path) -> None:
    test = TESTS / file.relative_to(UTILS).parent / f"test_{file.name}"
    assert test.is_file(), f"{file.relative_to(ROOT)} has no {test.relative_to(ROOT)}"
    functions = ast.walk(ast.parse(test.read_text(encoding="utf-8")))
    assert any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in functions)


def test_most_of_the_core_decides() -> None:
    """So that the rule above is not empty."""
    assert sum(decides(file) for file in FILES) > len(FILES) / 2
