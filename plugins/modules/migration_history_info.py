#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_history_info
short_description: Read the records of migrations and evacuations that a host has kept
version_added: 0.1.0
description:
  - Reads what M(virtops.live_migration.migration), M(virtops.live_migration.migration_rescue),
    M(virtops.live_migration.migration_recover) and M(virtops.live_migration.evacuation) have put into their
    O(history_dir) on this host.
  - P(virtops.live_migration.report#role) makes a report of it.
notes:
  - It asks libvirt nothing.
options:
  history_dir:
    description:
      - The directory. One that is not there is an empty history.
      - It has to belong to the user that the module runs as, or to root, and nobody else may write into it.
    type: path
    required: true
  newest:
    description: How many records to return at most, the newest ones.
    type: int
    default: 50
  since_epoch_s:
    description: Only records of what began since then, in seconds since 1970. By default all.
    type: float
    default: 0
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.info_module
  - virtops.live_migration._libvirt
seealso:
  - plugin: virtops.live_migration.report_html
    plugin_type: filter
    description: Makes a page of records.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Read what was moved in the last day
  virtops.live_migration.migration_history_info:
    history_dir: /var/lib/virtops.live_migration/history
    since_epoch_s: "{{ now().timestamp() - 86400 }}"
  register: night
"""

RETURN = r"""
migrations:
  description: Records of single migrations, newest first, as RV(virtops.live_migration.migration#module:record).
  returned: success
  type: list
  elements: dict
evacuations:
  description: Records of evacuations, newest first, as RV(virtops.live_migration.evacuation#module:record).
  returned: success
  type: list
  elements: dict
files:
  description: Names of the files that were read.
  returned: success
  type: list
  elements: str
  sample: [20261129T031245Z-evacuation-kvm01.json]
passed_over:
  description: Names of files that are no records. A warning tells them.
  returned: success
  type: list
  elements: str
  sample: []
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: HISTORY_UNREADABLE
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: It has to be a directory of root's, or of the user that this runs as, into which nobody else may write.
evidence:
  description: The facts behind a failure, for example the code and the text of the error of libvirt.
  returned: failure
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner_without_libvirt import run_without_libvirt
from ..module_utils._core.errors import MigrationError
from ..module_utils._host.history import read_history


def work(module: AnsibleModule) -> dict[str, object]:
    params = module.params
    try:
        found, odd = read_history(params["history_dir"], params["newest"], params["since_epoch_s"])
    except OSError as exc:
        raise MigrationError(
            "HISTORY_UNREADABLE",
            f"The history in {params['history_dir']} was not read: {exc}.",
            state="Nothing was changed.",
            remedy="It has to be a directory of root's, or of the user that this runs as, into which nobody else may"
            " write.",
        ) from exc
    if odd:
        module.warn(f"These files in {params['history_dir']} are no records: {', '.join(odd)}.")
    return {
        "changed": False,
        "migrations": [one.record for one in found if "looks" in one.record],
        "evacuations": [one.record for one in found if "guests" in one.record],
        "files": [one.file for one in found],
        "passed_over": odd,
    }


def main() -> None:
    run_without_libvirt(
        {
            "history_dir": {"type": "path", "required": True},
            "newest": {"type": "int", "default": 50},
            "since_epoch_s": {"type": "float", "default": 0},
        },
        work,
    )


if __name__ == "__main__":
    main()
