# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: uri_for_host
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Put the name of a host into a libvirt URI
description:
  - Makes the URI of one host from one that has C({host}) in its place. The name has to be a host name or an address,
    and what comes of it a URI that the modules of this collection take. libvirt runs programs that a URI names, so a
    name that brings parameters of its own is refused.
  - An IPv6 address gets its brackets.
positional: _input, host, allow, fixed
options:
  _input:
    description: >-
      A libvirt URI such as V(qemu+ssh://root@{host}/system), or the address that memory is sent to, such as
      V(tcp://{host}-migration).
    type: str
    required: true
  host:
    description: The name of the host, or a list of names, of which a list of URIs comes.
    type: raw
    required: true
  allow:
    description: See O(virtops.live_migration.migration_job_info#module:uri_allow).
    type: list
    elements: str
    default: []
  fixed:
    description:
      - Whether a URI without C({host}) is taken as well, such as that by which each host reaches its own libvirt.
        Otherwise one is refused, as it would lead to one host, whichever is meant.
    type: bool
    default: false
"""

EXAMPLES = r"""
---
- name: The libvirt of each host
  ansible.builtin.debug:
    msg: "{{ 'qemu+ssh://root@{host}/system' | virtops.live_migration.uri_for_host(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The URI, or one for each name.
  type: raw
  sample: qemu+ssh://root@kvm02/system
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_uri import PLACE, check, for_host
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user
from ansible_collections.virtops.live_migration.plugins.plugin_utils._names import names_from


@reported_to_the_user
def uri_for_host(template: t.Any, host: t.Any, allow: t.Any = (), fixed: t.Any = False) -> t.Any:
    given, names, hosts = plain(template), names_from(plain(allow)), plain(host)
    if fixed and isinstance(given, str) and PLACE not in given:
        check(given, names)
        return given
    return [for_host(given, one, names) for one in hosts] if isinstance(hosts, list) else for_host(given, hosts, names)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"uri_for_host": uri_for_host}
