# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the main() of a module as Ansible would, and reads the JSON it prints."""

from __future__ import annotations

import contextlib
import json
import typing as t

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings

try:
    # From ansible-core 2.19 on, modules warn elsewhere in a process into which a test has imported the controller.
    from ansible.module_utils import _internal as context
except ImportError:
    context = None
try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core before 2.19
    patch_module_args = None

Result = dict[str, t.Any]


class ModuleRunner:
    """Called with a module and its arguments; ``fails`` for a module that must fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, module: t.Any, *, check: bool = False, **arguments: t.Any) -> Result:
        status, result = self._run(module, check, arguments)
        assert (status, result.get("failed", False)) == (0, False), result.get("msg")
        return result

    def fails(self, module: t.Any, *, check: bool = False, **arguments: t.Any) -> Result:
        status, result = self._run(module, check, arguments)
        assert (status, result.get("failed")) == (1, True), result
        return result

    def _run(self, module: t.Any, check: bool, arguments: t.Mapping[str, t.Any]) -> tuple[t.Any, Result]:
        self._capsys.readouterr()
        warnings._global_warnings.clear()
        warnings._global_deprecations.clear()
        if context is not None:
            self._monkeypatch.setattr(context, "is_controller", False, raising=False)
        given = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp"}
        with self._arguments(given), pytest.raises(SystemExit) as stopped:
            module.main()
        output = self._capsys.readouterr()
        assert output.err == ""
        return stopped.value.code, json.loads(output.out)

    def _arguments(self, given: Result) -> t.ContextManager[t.Any]:
        if patch_module_args is not None:
            return t.cast("t.ContextManager[t.Any]", patch_module_args(given))
        self._monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
        return contextlib.nullcontext()
