# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
short_description: Watch the live migrations of libvirt hosts
description:
  - Connects to the libvirt daemons of several hosts and gives out an event when a live migration begins, gets stuck,
    breaks in post-copy or ends, and when a guest runs on two hosts.
  - It only looks. It runs the decision engine of the collection over what it sees, in mode C(observe), so that each
    event says why a migration does not finish, what can be done, and what the engine would do under the policy.
  - It works on libvirt's own events. A migration is looked at when a pass over the guest's memory begins, when the
    state of the guest changes, and otherwise only after 5 s of silence, since a stalled stream sends no event. Nothing
    is looked at while nothing migrates.
  - A connection that is lost is made anew, after 1 s at first and after 60 s at most. What migrates then is found
    again.
  - The Python that runs ansible-rulebook needs libvirt-python.
options:
  hosts:
    description:
      - The hosts to watch. A list of names with O(uri), or a dictionary of libvirt URIs by name.
      - The names are those of the inventory, since rulebooks run playbooks on them.
    type: raw
    required: true
  uri:
    description: The libvirt URI of each host, where O(hosts) is a list. C({host}) stands for its name.
    type: str
  uri_allow:
    description:
      - What the URIs may have beyond driver, transport, user, host, port and path, as the option of that name of the
        modules.
    type: list
    elements: str
    default: []
  policy:
    description: The policy that says which remedies are allowed, and what the engine would do.
    type: str
    choices: [minimal_downtime, suspend_workload, post_copy, very_large]
    default: minimal_downtime
  policy_overrides:
    description: Fields of the policy that are different, as in the module M(virtops.live_migration.migration_rescue).
    type: dict
    default: {}
  link_mbit_per_s:
    description: What the links between the hosts should carry, in Mbit/s.
    type: float
  progress_s:
    description: The least time between two events V(progress) of one guest, in seconds.
    type: float
    default: 30
  stuck_again_s:
    description: After how many seconds a guest that is still stuck, or still broken, is told once more.
    type: float
    default: 300
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
- virtops.live_migration.migration_events:
    hosts: [kvm01, kvm02]
    uri: qemu+ssh://root@{host}/system
    policy: minimal_downtime
    policy_overrides:
      max_downtime_ms: 2000

- virtops.live_migration.migration_events:
    hosts:
      kvm01: qemu+tls://kvm01.example.com/system
      kvm02: qemu+tls://kvm02.example.com/system
"""

import asyncio
import importlib
import os
import sys
import types
from pathlib import Path
from typing import Any

PACKAGE = "virtops_live_migration_utils"
COLLECTION = Path("ansible_collections", "virtops", "live_migration")


def _utils() -> Path:
    """The module_utils of the collection that this file belongs to, or else of an installed one.

    ansible-rulebook runs this file without a package around it, and with nothing of the collection on the path.
    """
    paths = os.environ.get("ANSIBLE_COLLECTIONS_PATH") or "~/.ansible/collections:/usr/share/ansible/collections"
    installed = [Path(one).expanduser() / COLLECTION for one in paths.split(":") if one]
    for collection in [*list(Path(__file__).resolve().parents)[4:5], *installed]:
        utils = collection / "plugins" / "module_utils"
        if (utils / "_libvirt" / "watch" / "event_source.py").is_file():
            return utils
    raise ImportError("The collection virtops.live_migration was not found; set ANSIBLE_COLLECTIONS_PATH.")


def _source() -> types.ModuleType:
    """What does the work. Its imports are all relative, so it does not need to be below ansible_collections."""
    if PACKAGE not in sys.modules:
        package = types.ModuleType(PACKAGE)
        package.__path__ = [str(_utils())]
        sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}._libvirt.watch.event_source")


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Called by ansible-rulebook; until it is cancelled."""
    await _source().watch(queue.put, args)


if __name__ == "__main__":
    # Without ansible-rulebook: python3 migration_events.py '{"hosts": {"here": "qemu:///system"}}'
    import json

    class _Printer:
        async def put(self, event: dict[str, Any]) -> None:
            sys.stdout.write(json.dumps(event) + "\n")
            sys.stdout.flush()

    asyncio.run(main(_Printer(), json.loads(sys.argv[1])))  # type: ignore[arg-type]
