# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module says that it returns when it fails: the frame of all modules returns the same four fields then."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

MODULES = sorted((Path(__file__).resolve().parents[3] / "plugins" / "modules").glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_every_module_documents_what_a_failure_returns(module: Path) -> None:
    text = module.read_text(encoding="utf-8").split('RETURN = r"""', 1)[1].split('"""', 1)[0]
    documented = yaml.safe_load(text)
    assert {"reason", "state", "remedy", "evidence"} <= set(documented)
    assert {documented[name]["type"] for name in ("reason", "state", "remedy")} == {"str"}
    assert documented["evidence"]["type"] == "dict"
