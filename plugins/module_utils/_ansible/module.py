# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsibleModule with messages that are safe to print, and that knows secrets before it logs or returns anything."""

from __future__ import annotations

import typing as t

from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.warnings import get_deprecation_messages, get_warning_messages

from .._core.libvirt_uri import secrets_in
from .._core.text import printable
from .progress import ProgressFile, hide


class Module(AnsibleModule):  # type: ignore[misc]
    """Messages and warnings name guests and hosts, which other people have named, so they are made printable.

    Results keep each name as it is, so that the guest is found by it. What is in ``no_log_values`` Ansible takes out of
    all that it returns and logs; it logs the options, and complains about wrong ones, while the module is made.
    """

    def _load_params(self) -> None:
        super()._load_params()
        secrets = secrets_in(self.params)
        self.no_log_values.update(secrets)
        hide(secrets)

    def warn(self, warning: t.Any, *args: t.Any, **more: t.Any) -> None:
        super().warn(printable(warning), *args, **more)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        self._tell_result(result)
        super().exit_json(**result)
        raise AssertionError("exit_json does not return")

    def _tell_result(self, result: t.Mapping[str, t.Any]) -> None:
        """To whoever follows the progress, who else would have to run a module of Ansible's to get it. What it cannot
        be told in full it has to get there: deprecations have another form in each version of Ansible."""
        path = self.params.get("progress_file")
        if path is None or get_deprecation_messages():
            return
        whole = dict(result)
        warnings = [*result.get("warnings", []), *get_warning_messages()]
        if warnings:
            whole["warnings"] = warnings
        if _returns_options():
            whole.setdefault("invocation", {"module_args": self.params})
        ProgressFile(path).result(whole, self.no_log_values)

    def fail_json(self, msg: t.Any, *args: t.Any, **more: t.Any) -> t.NoReturn:
        texts = {key: printable(more[key]) for key in ("state", "remedy") if isinstance(more.get(key), str)}
        super().fail_json(printable(msg), *args, **{**more, **texts})
        raise AssertionError("fail_json does not return")


def _returns_options() -> bool:
    """Whether Ansible adds the options to what a module returns: always before ansible-core 2.20, then if it is told
    to (INJECT_INVOCATION)."""
    told = getattr(basic, "_PARSED_MODULE_ARGS", None) or {}
    return bool(told.get("_ansible_inject_invocation", True))
