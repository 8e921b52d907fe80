#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libvirt_conf
short_description: Change settings in a configuration file of libvirt
version_added: 0.1.0
description:
  - Puts settings in force in a file such as C(qemu.conf). Comments, order and all other settings stay. libvirt takes
    the first of several lines of one name, so that one is changed, and the others become comments.
  - Values with which a daemon would not start are refused, such as a loopback address for migrations, or a range of
    ports that is empty. So is a file that libvirt does not take.
  - The file is replaced whole or not at all, and keeps its owner, mode and SELinux context.
  - No secret of the file is returned or shown. The diff has the settings that change and no other lines.
  - No daemon is restarted. The role P(virtops.live_migration.prerequisites#role) does that when no migration runs.
options:
  path:
    description: The file. It is made if it is not there.
    type: path
    required: true
  settings:
    description:
      - Texts or whole numbers by their name. The names of secrets (with C(password), C(secret) and the like in them)
        are refused here.
    type: dict
    default: {}
  secret_settings:
    description: The same for secrets, such as C(vnc_password). Nothing of it is logged or shown.
    type: dict
    default: {}
  backup:
    description: Whether to keep a copy of a file that is changed, beside it and with the same owner and mode.
    type: bool
    default: false
  uri:
    description:
      - Not used, because nothing is connected to. It is there so that C(module_defaults) of the action group can set it
        for all modules.
    type: str
    default: qemu:///system
  uri_allow:
    description: Not used, like O(uri).
    type: list
    elements: str
    default: []
requirements:
  - Python 3.9 or later on the host that runs the module.
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.state_module
seealso:
  - plugin: virtops.live_migration.libvirt_conf
    plugin_type: filter
    description: The same for a text.
  - name: The configuration files of libvirt
    description: What the daemon reads, and where.
    link: https://libvirt.org/daemons.html
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: Receive migrations over their own network
  virtops.live_migration.libvirt_conf:
    path: /etc/libvirt/qemu.conf
    settings:
      migration_address: 192.0.2.11
      migration_port_max: 49183
    secret_settings:
      vnc_password: "{{ vault_vnc_password }}"
    backup: true
"""

RETURN = r"""
path:
  description: The file, without symbolic links.
  returned: success
  type: str
  sample: /etc/libvirt/qemu.conf
changes:
  description: Names of the settings that were changed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [migration_address, migration_port_max]
settings:
  description: >-
    What is then in force of the given settings, and of those that a migration depends on. Without secrets.
  returned: success
  type: dict
  sample:
    migration_address: 192.0.2.11
    migration_port_max: 49183
backup_file:
  description: The copy of what was there before.
  returned: when the file was changed with O(backup=true) and was there before
  type: str
  sample: /etc/libvirt/qemu.conf.4711.2026-11-29@10:12:13~
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: BAD_SETTING
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Correct the value.
evidence:
  description: The facts behind a failure, for example the number of a line that libvirt does not take.
  returned: failure
  type: dict
  sample:
    line: 12
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.conf_file import read_conf, real_path, write_conf
from ..module_utils._ansible.runner_without_libvirt import run_without_libvirt
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.host.parse.libvirt_conf import (
    DAEMON_SETTINGS,
    QEMU_SETTINGS,
    Value,
    chosen,
    is_secret,
    parse_conf,
)
from ..module_utils._core.host.parse.libvirt_conf_edit import differences, with_settings

OPTIONS: dict[str, t.Any] = {
    "path": {"type": "path", "required": True},
    "settings": {"type": "dict", "default": {}},
    "secret_settings": {"type": "dict", "default": {}, "no_log": True},
    "backup": {"type": "bool", "default": False},
}


def wanted(module: AnsibleModule) -> dict[str, t.Any]:
    given = module.params["settings"]
    secrets = [name for name in given if is_secret(name)]
    if secrets:
        module.no_log_values.update(str(given[name]) for name in secrets)
        raise MigrationError(
            "BAD_SETTING",
            f"{', '.join(secrets)} must be given as secret_settings, so that nothing of it is logged or shown.",
            state="Nothing was changed.",
            remedy="Give it there.",
        )
    return {**given, **module.params["secret_settings"]}


def visible(settings: t.Mapping[str, Value], names: t.Iterable[str]) -> dict[str, t.Any]:
    """What is in force of these, of those that a migration depends on, and of no secrets."""
    names = dict.fromkeys([*names, *QEMU_SETTINGS, *DAEMON_SETTINGS])
    return chosen(settings, [name for name in names if not is_secret(name)])


def work(module: AnsibleModule) -> dict[str, t.Any]:
    settings = wanted(module)
    path = real_path(module.params["path"])
    before = read_conf(path)
    text = before or ""
    after = with_settings(text, settings)
    in_force = parse_conf(text)
    changes = [name for name, value in settings.items() if in_force.get(name) != value]
    result: dict[str, t.Any] = {"changed": bool(changes), "path": path, "changes": changes}
    if changes and not module.check_mode:
        copy = write_conf(module, path, after, backup=module.params["backup"])
        result.update({"backup_file": copy} if copy else {})
    diff = {**differences(text, settings), "before_header": path, "after_header": path}
    return {**result, "settings": visible(parse_conf(after), settings), "diff": diff}


def main() -> None:
    run_without_libvirt(OPTIONS, work)


if __name__ == "__main__":
    main()
