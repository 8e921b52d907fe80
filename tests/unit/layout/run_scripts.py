# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of tests/run as modules, for tests of what they write and count."""

from __future__ import annotations

import importlib.util
import sys
import typing as t
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "run"


def run_script(name: str) -> t.Any:
    """``tests/run/{name}.py``, loaded anew. It leaves no compiled file there."""
    specification = importlib.util.spec_from_file_location(f"run_{name}", SCRIPTS / f"{name}.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        specification.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module
