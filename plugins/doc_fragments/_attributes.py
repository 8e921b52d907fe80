# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use it from other collections or standalone plugins and modules!

from __future__ import annotations


class ModuleDocFragment:
    # Every module extends this one and states the support of each attribute.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and say what would change, without changing it.
  diff_mode:
    description: Shows the values before and after when run in diff mode.
  idempotent:
    description:
      - Run a second time with the same arguments, the module reports no change.
      - This assumes that nobody else changed the migration in between.
"""

    # The module is in the one action group of the collection.
    ACTIONGROUP_ALL = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/virtops.live_migration.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - virtops.live_migration.all
"""

    # For modules that only look.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    support: full
    details:
      - This module changes nothing. What it returns follows the migration.
"""

    # For modules that compare, act only on a difference, and can show it.
    STATE_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""
