# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What is called otherwise on the destination; argspec.changes_spec has the same.
    DOCUMENTATION = r"""
options:
  destination_changes:
    description:
      - Names that the destination has other ones for. Each option says what it is there, by what it is on the source.
        What a guest does not have is passed over, so that the same rules do for all guests.
      - Only what belongs to the host is changed, in the definition that the guest runs with and in the persistent one.
        What the guest sees stays as it is, and it is never given another device.
    type: dict
    default: {}
    suboptions:
      bridges:
        description: Bridges that guests' interfaces are connected to.
        type: dict
        default: {}
      networks:
        description: Networks of libvirt's that guests' interfaces are connected to, or consoles listen on.
        type: dict
        default: {}
      devices:
        description: Interfaces of the host that guests use directly (macvtap).
        type: dict
        default: {}
      listen_addresses:
        description:
          - Addresses that consoles and serial devices listen on. Those that every host has are left alone, unless they
            are named.
        type: dict
        default: {}
      paths:
        description:
          - Directories and files, of disks, firmware, kernels, logs, sockets and the emulator. Of several directories
            that a path is in, the innermost counts.
          - A disk whose path changes, and that is not copied, is refused, unless you say with
            O(destination_changes.same_storage) that it is the same.
        type: dict
        default: {}
      same_storage:
        description:
          - Your word that a disk that is not copied is the same one at its other path, for example on a share that is
            mounted elsewhere.
          - If it is another one, the guest's disk is exchanged while it runs, and what it had in memory is written to
            the wrong one. libvirt does not look.
        type: bool
        default: false
"""
