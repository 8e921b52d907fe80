# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsibleModule with messages that are safe to print, and that knows secrets before it logs or returns anything."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._core.libvirt_uri import secrets_in
from .._core.text import printable
from .progress import hide


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

    def fail_json(self, msg: t.Any, *args: t.Any, **more: t.Any) -> t.NoReturn:
        texts = {key: printable(more[key]) for key in ("state", "remedy") if isinstance(more.get(key), str)}
        super().fail_json(printable(msg), *args, **{**more, **texts})
        raise AssertionError("fail_json does not return")
