# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  history_dir:
    description:
      - A directory on this host in which the record is kept, for example V(/var/lib/virtops.live_migration/history). It
        is made when it is not there. By default nothing is kept.
      - It has to belong to the user that the module runs as, or to root, and nobody else may write into it. A record
        that cannot be kept is a warning, not a failure.
    type: path
  history_keep:
    description:
      - How many records are kept there. When there are more, the oldest are removed. A record has at most 4 MiB, and
        mostly less than 100 KiB.
    type: int
    default: 100
"""
