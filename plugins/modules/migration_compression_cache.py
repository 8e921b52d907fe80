#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_compression_cache
short_description: Set the size of the cache for XBZRLE compression of a live migration
version_added: 0.1.0
description:
  - Sets the size of the cache of pages already sent, against which XBZRLE compresses a page that is sent again.
  - It is the module for C(virsh migrate-compcache). The cache only matters to a migration that is started with XBZRLE
    compression, and should then hold the pages that the guest keeps rewriting.
  - Set it before the migration. While one runs libvirt and QEMU take it, too, and tell it as the size in force, but
    QEMU goes on with the cache that it has. That was seen with QEMU 7.2 and 10.0.
options:
  size_bytes:
    description:
      - Size of the cache in bytes. QEMU takes powers of two, of at least a page (V(4096)).
    type: int
    required: true
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
seealso:
  - module: virtops.live_migration.migration_dirty_rate_info
    description: Measures how much memory the guest keeps rewriting.
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Hold 256 MiB of rewritten pages in the cache
  virtops.live_migration.migration_compression_cache:
    name: erp01
    size_bytes: 268435456
"""

RETURN = r"""
name:
  description: Name of the guest.
  returned: success
  type: str
  sample: erp01
uuid:
  description: UUID of the guest.
  returned: success
  type: str
  sample: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
size_bytes:
  description: The size in force, read back from libvirt. In check mode the one that would be.
  returned: success
  type: int
  sample: 268435456
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: GUEST_NOT_FOUND
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
    Check the name or UUID with 'virsh list --all' on this host; the guest may already run on another host.
evidence:
  description: The facts behind a failure, for example the code and the text of the error of libvirt.
  returned: failure
  type: dict
  sample:
    libvirt_code: 42
    libvirt_domain: 10
    libvirt_message: "Domain not found: no domain with matching name 'erp01'"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner import Result, run_on_guest, set_values
from ..module_utils._core.errors import MigrationError
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.job.current import outgoing_job, require_running
from ..module_utils._libvirt.job.limits import compression_cache_bytes, set_compression_cache

PAGE_BYTES = 4096
MAX_BYTES = 1 << 63  # the largest power of two that libvirt can count to


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    wanted = module.params["size_bytes"]
    if not PAGE_BYTES <= wanted <= MAX_BYTES or wanted & (wanted - 1):
        raise MigrationError(
            "OUT_OF_RANGE",
            f"size_bytes is {wanted}, but must be a power of two from {PAGE_BYTES} to {MAX_BYTES}.",
            state="Nothing was changed.",
            remedy="Use for example 67108864 (64 MiB, the default), 268435456 or 1073741824.",
        )
    require_running(guest)
    outgoing_job(guest)

    def read() -> dict[str, t.Any]:
        return {"size_bytes": compression_cache_bytes(guest)}

    return set_values(
        module, read(), {"size_bytes": wanted}, lambda _key, value: set_compression_cache(guest, value), read
    )


def main() -> None:
    run_on_guest({"size_bytes": {"type": "int", "required": True}}, work)


if __name__ == "__main__":
    main()
