# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use it from other collections or standalone plugins and modules!

# Must be kept in step with plugins/module_utils/_ansible/argspec.py.

from __future__ import annotations


class ModuleDocFragment:
    # The connection: for every module.
    DOCUMENTATION = r"""
options:
  uri:
    description:
      - The libvirt connection to use.
      - The default is the system instance of the host that runs the module. A remote URI, such as
        V(qemu+ssh://root@kvm01/system), works from any host that can reach it.
    type: str
    default: qemu:///system
requirements:
  - Python 3.9 or later on the host that runs the module.
  - >-
    The libvirt bindings for Python on the host that runs the module (package C(python3-libvirt), or C(libvirt-python)
    from PyPI). A module that was started by a Python without them runs itself again under one that has them.
"""

    # The guest: for modules that act on a domain.
    DOMAIN = r"""
options:
  name:
    description:
      - Name of the domain.
      - Mutually exclusive with O(uuid).
    type: str
    aliases:
      - guest
  uuid:
    description:
      - UUID of the domain.
      - Mutually exclusive with O(name).
    type: str
"""
