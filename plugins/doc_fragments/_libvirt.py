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
      - libvirt runs programs that a URI names. So a URI is refused, before anything is opened, when it has parameters
        such as C(command), C(netcat), C(socket), C(keyfile) or C(pkipath), or the transport C(ext), unless O(uri_allow)
        has them.
    type: str
    default: qemu:///system
  uri_allow:
    description:
      - What the URIs that are given to this module may have beyond the driver, a transport, a user, a host, a port and
        the path. Names of libvirt's parameters, such as V(keyfile), and the word V(ext) for the transport of that name.
      - With some of them whoever chooses the URI may run programs and read files as the user of the module. So set it
        only where those who choose the URI may do that.
    type: list
    elements: str
    default: []
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
