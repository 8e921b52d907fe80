# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  progress:
    description:
      - Whether to print a line whenever something has changed, while the module runs.
      - The module then runs detached on the host. When the connection or the controller goes away, it goes on.
    type: bool
    default: true
  progress_file:
    description:
      - A file on the host to which a line of JSON is appended whenever something has changed.
      - The last lines are what the module returns, where it has succeeded, and the mark of its end.
      - By default a temporary file that only the user of the module can read, removed in the end.
    type: path
"""
