#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_bandwidth_notes
short_description: Note bandwidth limits on a host, so that they can be put back
version_added: 0.1.0
description:
  - Keeps a file on the host in which limits are noted that were in force before
    M(virtops.live_migration.migration_bandwidth) sets others. P(virtops.live_migration.bandwidth#role) does so.
  - The file is changed under a lock and replaced as a whole, so that runs at the same time lose none of each other's
    notes. Without O(note) and O(forget) it is only read.
notes:
  - It asks libvirt nothing.
options:
  path:
    description:
      - The file. Its directory has to be there. The file is removed when nothing is noted.
    type: path
    required: true
  note:
    description:
      - What is to be set for guests. One whose limit does not change is not noted.
    type: list
    elements: dict
    default: []
    suboptions:
      uuid:
        description: UUID of the guest.
        type: str
        required: true
      name:
        description: Name of the guest.
        type: str
        required: true
      before_mib_per_s:
        description:
          - The limit that is in force, in MiB/s. V(0) is none. The one that was noted first is kept while this is the
            one that was set here.
        type: int
        required: true
      set_mib_per_s:
        description: The limit that is to be set, in MiB/s.
        type: int
        required: true
  forget:
    description: Notes that are not needed any more.
    type: list
    elements: dict
    default: []
    suboptions:
      uuid:
        description: UUID of the guest.
        type: str
        required: true
      set_mib_per_s:
        description: The limit that was noted as set. Where another one is noted by now, the note stays.
        type: int
        required: true
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
seealso:
  - module: virtops.live_migration.migration_bandwidth
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Note what is in force, before it is changed
  virtops.live_migration.migration_bandwidth_notes:
    path: /var/lib/virtops.live_migration/bandwidth.json
    note:
      - name: erp01
        uuid: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
        before_mib_per_s: 0
        set_mib_per_s: 550
"""

RETURN = r"""
notes:
  description:
    - What is noted, by UUID. In check mode what would be.
  returned: success
  type: dict
  sample:
    7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d:
      name: erp01
      former_mib_per_s: 0
      set_mib_per_s: 550
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: NOTES_DAMAGED
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: >-
    Look at the file, and move it away: limits that it noted have to be put back by hand.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample: {}
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner_without_libvirt import run_without_libvirt
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.migration.bandwidth_notes import document, forgotten, noted, read_notes, written
from ..module_utils._host.locked_file import changed_alone

OF_A_GUEST: dict[str, t.Any] = {
    "uuid": {"type": "str", "required": True},
    "set_mib_per_s": {"type": "int", "required": True},
}
OPTIONS: dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "note": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            **OF_A_GUEST,
            "name": {"type": "str", "required": True},
            "before_mib_per_s": {"type": "int", "required": True},
        },
    },
    "forget": {"type": "list", "elements": "dict", "default": [], "options": OF_A_GUEST},
}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params

    def change(text: str) -> str:
        notes = read_notes(text)
        for one in params["note"]:
            notes = noted(notes, **one)
        for one in params["forget"]:
            notes = forgotten(notes, **one)
        return text if notes == read_notes(text) else written(notes) if notes else ""

    path = Path(params["path"])
    try:
        before, after = changed_alone(path, change, dry=module.check_mode)
    except OSError as exc:
        raise MigrationError(
            "FILE_FAILED",
            f"{path} could not be read or written: {exc.strerror or exc}.",
            state="Nothing was changed.",
            remedy="Make its directory, and let root have it.",
        ) from exc
    old, new = (document(read_notes(text)) for text in (before, after))
    return {"changed": before != after, "notes": new, "diff": {"before": old, "after": new}}


def main() -> None:
    run_without_libvirt(OPTIONS, work)


if __name__ == "__main__":
    main()
