# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_conf import (
    QEMU_SETTINGS,
    chosen,
    parse_conf,
)

TEXT = """
# migration_address = "0.0.0.0"
migration_host = "10.231.1.11"
  migration_port_min=49160
migration_port_max = 49170   # a comment
security_driver = [ "selinux", 'apparmor' ]
shared_filesystems = [
  "/srv/a",   # first ]
  "/srv/b"
]
user = "root"
user = "+107"
vnc_password = "swordfish"
name_with_hash = "a # b"
broken =
"""


def test_settings() -> None:
    found = parse_conf(TEXT)
    assert found == {
        "migration_host": "10.231.1.11",
        "migration_port_min": 49160,
        "migration_port_max": 49170,
        "security_driver": ["selinux", "apparmor"],
        "shared_filesystems": ["/srv/a", "/srv/b"],
        "user": "+107",
        "vnc_password": "swordfish",
        "name_with_hash": "a # b",
    }


def test_only_what_matters_is_shown() -> None:
    assert "vnc_password" not in chosen(parse_conf(TEXT), QEMU_SETTINGS)


def test_a_list_without_an_end() -> None:
    assert parse_conf('a = [ "x", # no end') == {"a": ["x"]}
