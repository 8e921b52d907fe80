# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""libvirt's configuration files: ``name = value`` with texts, numbers and lists of texts."""

from __future__ import annotations

import re
import typing as t

Value = t.Union[str, int, list[str]]

_LINE = re.compile(r"^[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*", re.MULTILINE)
_TEXT = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'")

# What a migration depends on; the rest, secrets' names among it, stays out of a document.
QEMU_SETTINGS = (
    "default_tls_x509_cert_dir",
    "default_tls_x509_verify",
    "dynamic_ownership",
    "group",
    "keepalive_count",
    "keepalive_interval",
    "lock_manager",
    "max_queued",
    "migrate_tls_force",
    "migrate_tls_x509_cert_dir",
    "migrate_tls_x509_verify",
    "migration_address",
    "migration_host",
    "migration_port_max",
    "migration_port_min",
    "security_confined",
    "security_driver",
    "shared_filesystems",
    "stdio_handler",
    "user",
)
DAEMON_SETTINGS = (
    "auth_tcp",
    "auth_tls",
    "auth_unix_rw",
    "ca_file",
    "cert_file",
    "host_uuid",
    "host_uuid_source",
    "keepalive_count",
    "keepalive_interval",
    "key_file",
    "listen_addr",
    "listen_tcp",
    "listen_tls",
    "max_client_requests",
    "tcp_port",
    "tls_no_verify_certificate",
    "tls_port",
)


def parse_conf(text: str) -> dict[str, Value]:
    """All settings that are not commented out; of two of one name the last one counts, as for libvirt."""
    found: dict[str, Value] = {}
    for line in _LINE.finditer(text):
        value = _value(text, line.end())
        if value is not None:
            found[line[1]] = value
    return found


def _value(text: str, at: int) -> t.Optional[Value]:
    if text.startswith("[", at):
        end = _end_of_list(text, at)
        return [_unquoted(one) for one in _TEXT.finditer(text, at, end)]
    quoted = _TEXT.match(text, at)
    if quoted:
        return _unquoted(quoted)
    number = re.compile(r"-?\d+").match(text, at)
    return int(number[0]) if number else None


def _end_of_list(text: str, at: int) -> int:
    """The closing bracket outside of quotes and comments."""
    position = at + 1
    while position < len(text) and text[position] != "]":
        quoted = _TEXT.match(text, position)
        if quoted:
            position = quoted.end()
        elif text[position] == "#":
            position = text.find("\n", position) if "\n" in text[position:] else len(text)
        else:
            position += 1
    return position


def _unquoted(found: t.Match[str]) -> str:
    return found[1] if found[1] is not None else found[2]


def chosen(settings: t.Mapping[str, Value], names: t.Iterable[str]) -> dict[str, Value]:
    return {name: settings[name] for name in names if name in settings}
