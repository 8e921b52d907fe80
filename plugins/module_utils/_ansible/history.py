# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a history, and what a module that supervises puts into it: its record, whatever became of it."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._host.history import keep
from .argspec import Spec


def history_spec() -> Spec:
    return {"history_dir": {"type": "path"}, "history_keep": {"type": "int", "default": 100}}


def keep_record(module: AnsibleModule, result: t.Mapping[str, t.Any]) -> None:
    """``result``: of a success, or the facts of a failure. A history that cannot be kept is told, and no failure: the
    guest is where it is."""
    directory, record = module.params.get("history_dir"), result.get("record")
    if not directory or not record or module.check_mode:
        return
    try:
        keep(directory, record, module.params["history_keep"])
    except (OSError, ValueError) as exc:
        module.warn(f"The record was not kept in {directory}: {exc}.")
