# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  metrics_directory:
    description:
      - The directory of node_exporter's textfile collector on the host that runs the module. It has to be there.
      - Each guest has a file in it, written every 5 s while its migration is supervised, and at its end. Files that
        nobody has written for a week are removed.
      - By default nothing is written.
    type: path
"""
