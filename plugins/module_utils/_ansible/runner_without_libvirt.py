# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a module that only computes: no libvirt, no connection, on any host."""

from __future__ import annotations

import copy
import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import MigrationError
from .argspec import Spec, connection_spec
from .module import Module
from .option_checks import check_options


def run_without_libvirt(
    argument_spec: Spec, work: t.Callable[[AnsibleModule], dict[str, t.Any]], **module_options: t.Any
) -> t.NoReturn:
    """``uri`` is taken and not used, so that module_defaults can set it for all modules of the collection."""
    # AnsibleModule fills in the defaults of suboptions where it finds them, in the specification itself.
    spec = copy.deepcopy({**connection_spec(), **argument_spec})
    module = Module(argument_spec=spec, supports_check_mode=True, **module_options)
    try:
        check_options(spec, module.params)
        result = work(module)
    except MigrationError as exc:
        module.fail_json(msg=str(exc), **exc.result())
    module.exit_json(**result)
