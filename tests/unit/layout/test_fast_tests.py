# SPDX-License-Identifier: GPL-3.0-or-later
"""``make test`` runs only the tests of the lab that are marked fast: of each module, role and playbook at least one."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "meta").is_dir())
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml") if not path.stem.endswith(".meta"))


def is_fast(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(one) == "pytest.mark.fast" for one in function.decorator_list)


@functools.cache
def fast_words() -> set[str]:
    """The words in what fast tests say, in what stands around all tests of their files, and in the roles among them."""
    found: set[str] = set()
    for file in (ROOT / "tests" / "integration").glob("test_*.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        tests = [one for one in body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")]
        kept = [one for one in tests if is_fast(one)]
        around = [one for one in body if one not in tests]
        if kept:
            texts = [
                node.value
                for part in [*around, *kept]
                for node in ast.walk(part)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            found.update(word for text in texts for word in re.findall(r"\w+", text))
    for role in found & set(ROLES):
        for file in (ROOT / "roles" / role / "tasks").glob("*.yml"):
            found.update(re.findall(r"\w+", file.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("name", [*MODULES, *ROLES, *PLAYBOOKS])
def test_a_fast_test_names_it(name: str) -> None:
    assert name in fast_words()
