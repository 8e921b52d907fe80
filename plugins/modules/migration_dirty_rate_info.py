#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_dirty_rate_info
short_description: Measure how much memory a guest rewrites, before migrating it
version_added: 0.1.0
description:
  - Measures over two windows of time how many bytes of its memory a running guest dirties, and computes from them its
    dirty rate and its working set. The two decide whether a live migration can finish. It is the module for
    C(virsh domdirtyrate-calc).
  - A page counts once in a window, however often it is written. From a short and a long window it therefore shows
    whether the guest writes ever more memory or always the same.
  - The guest goes on running. The measurement takes as long as the windows together.
  - It is not possible while a migration, a backup or another job runs on the guest, and the module says so at once. A
    running migration tells its own rate, see M(virtops.live_migration.migration_job_info).
notes:
  - Needs libvirt 7.2.0 and QEMU 5.2, and for the modes other than V(page-sampling) libvirt 8.1.0 and QEMU 6.2.
  - QEMU tells whole MiB/s, so a slower guest looks idle. RV(dirty_rate.windows[].tolerance_bytes) says how rough a
    result is.
  - The working set is that of a guest that writes all over it at random. For one that writes from end to end it comes
    out too large if the long window is too short to see the end.
options:
  windows_s:
    description:
      - The two windows in seconds, each from 1 to 60 and different from the other.
      - A long second window sees more of a big working set.
    type: list
    elements: int
    default: [1, 4]
  mode:
    description:
      - How QEMU measures.
      - V(page-sampling) compares a sample of pages, 512 in each GiB. It works for every guest, and is coarse for a
        small one.
      - V(dirty-bitmap) logs each page that is written, which slows the guest down meanwhile. It is only for guests of
        type C(kvm), because others crash with QEMU 7.2, and not with a dirty ring. It takes two seconds more, because
        the first two results of QEMU are wrong.
      - V(dirty-ring) is the most exact and the cheapest one. The guest must have been started with a dirty ring. It
        takes a second more, because the first result of QEMU is wrong.
    type: str
    choices: [page-sampling, dirty-bitmap, dirty-ring]
    default: page-sampling
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.info_module
  - virtops.live_migration._libvirt
  - virtops.live_migration._libvirt.domain
seealso:
  - module: virtops.live_migration.migration_job_info
    description: Tells the rate that a running migration sees.
  - module: virtops.live_migration.migration_downtime
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Measure what erp01 rewrites
  virtops.live_migration.migration_dirty_rate_info:
    name: erp01
  register: measured

- name: Tell how long it would stand still if it were migrated over a link of 1 GiB/s
  ansible.builtin.debug:
    msg: "{{ measured.dirty_rate.working_set_bytes * 1000 // 1024 ** 3 }} ms"

- name: Measure a big guest for longer
  virtops.live_migration.migration_dirty_rate_info:
    name: erp01
    windows_s: [5, 60]
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
dirty_rate:
  description: What was measured, and what follows from it.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the guest.
      type: str
      sample: erp01
    uuid:
      description: UUID of the guest.
      type: str
      sample: 7b7f4acb-861b-4fc4-a8f0-fddfb4d9829d
    mode:
      description: How it was measured.
      type: str
      sample: page-sampling
    windows:
      description: The windows, the shorter one first.
      type: list
      elements: dict
      contains:
        window_s:
          description: Length of the window in seconds.
          type: int
        mib_per_s:
          description: The result of QEMU, in whole MiB/s over the window.
          type: int
        unique_bytes:
          description: Bytes that were dirtied within the window, each page counted once.
          type: int
        tolerance_bytes:
          description: How far RV(dirty_rate.windows[].unique_bytes) may be off, by rounding and by sampling.
          type: int
      sample:
        - window_s: 1
          mib_per_s: 106
          unique_bytes: 111149056
          tolerance_bytes: 29961610
        - window_s: 4
          mib_per_s: 58
          unique_bytes: 243269632
          tolerance_bytes: 43928421
    dirty_bytes_per_s:
      description: Bytes of distinct memory that the guest dirties per second.
      type: int
      sample: 141529050
    dirty_rate_is_lower_bound:
      description:
        - The guest dirties memory at this rate or faster, because the short window saw the whole working set already,
          or because the windows are too rough to tell.
      type: bool
      sample: false
    working_set_bytes:
      description: Bytes of memory that the guest keeps rewriting.
      type: int
      sample: 280575234
    working_set_is_lower_bound:
      description:
        - The working set is of this size or larger, because the long window did not see the end of it, or because the
          windows are too rough to tell.
      type: bool
      sample: false
    memory_bytes:
      description: Memory of the guest.
      type: int
      sample: 1074790400
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: JOB_RUNNING
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
    For a migration, migration_job_info tells the rate that the job itself sees. Else wait until 'virsh domjobinfo'
    shows none.
evidence:
  description: The facts behind a failure.
  returned: failure
  type: dict
  sample:
    operation: 5
    elapsed_ms: 9918
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.runner import Result, run_on_guest
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.forecast.working_set import working_set
from ..module_utils._core.units import MIB
from ..module_utils._libvirt.connection import Connection
from ..module_utils._libvirt.guest import Guest
from ..module_utils._libvirt.measure.dirty_rate import MODES, measure_windows

LONGEST_WINDOW_S = 60


def two_windows(windows_s: list[int]) -> list[int]:
    wanted = sorted(set(windows_s))
    if len(windows_s) != 2 or len(wanted) != 2 or wanted[0] < 1 or wanted[1] > LONGEST_WINDOW_S:
        raise MigrationError(
            "BAD_WINDOWS",
            f"windows_s is {windows_s}, but must be two different numbers from 1 to {LONGEST_WINDOW_S}.",
            state="Nothing was measured.",
            remedy="Correct the values.",
        )
    return wanted


def work(module: AnsibleModule, connection: Connection, guest: Guest) -> Result:
    windows_s, mode = two_windows(module.params["windows_s"]), module.params["mode"]
    windows = measure_windows(connection, guest, windows_s, mode)
    memory = guest.memory().maximum_bytes
    found = working_set(windows, memory)
    return {
        "changed": False,
        "dirty_rate": {
            "name": guest.name,
            "uuid": guest.uuid,
            "mode": mode,
            "windows": [
                {
                    "window_s": window.window_s,
                    "mib_per_s": window.unique_bytes // MIB // window.window_s,
                    "unique_bytes": window.unique_bytes,
                    "tolerance_bytes": window.tolerance_bytes,
                }
                for window in windows
            ],
            "dirty_bytes_per_s": found.dirty_bytes_per_s,
            "dirty_rate_is_lower_bound": found.dirty_rate_is_lower_bound,
            "working_set_bytes": found.working_set_bytes,
            "working_set_is_lower_bound": found.working_set_is_lower_bound,
            "memory_bytes": memory,
        },
    }


def main() -> None:
    run_on_guest(
        {
            "windows_s": {"type": "list", "elements": "int", "default": [1, 4]},
            "mode": {"type": "str", "choices": list(MODES), "default": "page-sampling"},
        },
        work,
    )


if __name__ == "__main__":
    main()
