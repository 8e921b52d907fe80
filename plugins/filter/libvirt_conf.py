# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: libvirt_conf
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Change settings in the text of a configuration file of libvirt
description:
  - Returns the text of a file such as C(qemu.conf) with the given settings in force. Comments, order and all other
    settings stay. If the settings are in force already, the text is returned as it is. libvirt takes the first of
    several lines of one name, so that one is changed, and the others become comments.
  - Values with which a daemon would not start are refused, such as a loopback address for migrations, or a range of
    ports that is empty.
  - What it returns has all that stands in the file, passwords too. For a file on a host there is the module
    M(virtops.live_migration.libvirt_conf), which shows none, and the role P(virtops.live_migration.prerequisites#role),
    which restarts the daemon when no migration runs.
positional: _input, settings
options:
  _input:
    description: The text of the file.
    type: str
    required: true
  settings:
    description: The settings, texts or whole numbers by their name.
    type: dict
    required: true
seealso:
  - module: virtops.live_migration.libvirt_conf
    description: The same for a file on a host, with a diff that shows no secrets.
  - name: The configuration files of libvirt
    description: What the daemon reads, and where.
    link: https://libvirt.org/daemons.html
"""

EXAMPLES = r"""
---
- name: Make a configuration for an image, from the one of a host
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.file', 'qemu.conf') | virtops.live_migration.libvirt_conf(settings) }}"
    dest: image/etc/libvirt/qemu.conf
    mode: "0600"
  no_log: true
  vars:
    settings:
      migration_address: 192.0.2.11
      migration_port_max: 49183
"""

RETURN = r"""
_value:
  description: The text with the settings in force.
  type: str
  sample: "migration_address = \"192.0.2.11\"\nmigration_port_max = 49183\n"
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.libvirt_conf_edit import (
    with_settings,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def libvirt_conf(text: t.Any, settings: t.Any) -> str:
    text, settings = plain(text), plain(settings)
    if not isinstance(text, str) or not isinstance(settings, dict):
        raise MigrationError(
            "BAD_SETTING", "Expected the text of a file, and a dictionary of settings.", state="Nothing was changed."
        )
    return with_settings(text, settings)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"libvirt_conf": libvirt_conf}
