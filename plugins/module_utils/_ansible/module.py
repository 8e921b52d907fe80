# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""AnsibleModule with messages that are safe to print: they name guests and hosts, which other people have named."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._core.text import printable


class Module(AnsibleModule):  # type: ignore[misc]
    """Only the message and the warnings; results keep each name as it is, so that the guest is found by it."""

    def warn(self, warning: t.Any, *args: t.Any, **more: t.Any) -> None:
        super().warn(printable(warning), *args, **more)

    def fail_json(self, msg: t.Any, *args: t.Any, **more: t.Any) -> t.NoReturn:
        texts = {key: printable(more[key]) for key in ("state", "remedy") if isinstance(more.get(key), str)}
        super().fail_json(printable(msg), *args, **{**more, **texts})
        raise AssertionError("fail_json does not return")
