# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Changes to libvirt's configuration files: only the lines meant, and nothing that stops a daemon."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .errors import MigrationError
from .libvirt_conf import parse_conf

Wanted = t.Union[str, int]

_ADDRESSES = ("migration_address", "migration_host", "listen_addr")
_LOWEST, _HIGHEST = "migration_port_min", "migration_port_max"
_PORTS = (_LOWEST, _HIGHEST)
_DEFAULT_PORTS = {_LOWEST: 49152, _HIGHEST: 49215}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NOTHING = "Nothing was changed."


def with_settings(text: str, settings: t.Mapping[str, Wanted]) -> str:
    """The file with these settings in force; the same text when they are already.

    Raises MigrationError: BAD_SETTING for a value that libvirt does not take or that would stop a daemon, BAD_CONF for
    a file that cannot be changed safely.
    """
    before = parse_conf(text)
    for name, value in settings.items():
        _check(name, value)
    _check_ports({**_DEFAULT_PORTS, **before, **settings})
    differing = {name: value for name, value in settings.items() if before.get(name) != value}
    for name, value in differing.items():
        text = _with_line(text, name, f"{name} = {_written(name, value)}")
    # A list may go on in the next lines, which would be left. And whatever else the file looks like, it is read back:
    # the settings meant have changed, and no other.
    lists = [name for name in differing if isinstance(before.get(name), list)]
    if lists or parse_conf(text) != {**before, **differing}:
        raise MigrationError(
            "BAD_CONF",
            "The file cannot be changed without changing more than was asked for.",
            state=_NOTHING,
            remedy=f"Set {', '.join(differing)} by hand, each on a line of its own.",
        )
    return text


def _with_line(text: str, name: str, line: str) -> str:
    # libvirt takes the last of several lines of one name.
    set_lines = list(re.finditer(rf"^[ \t]*{name}[ \t]*=[^\n]*", text, re.MULTILINE))
    if set_lines:
        return text[: set_lines[-1].start()] + line + text[set_lines[-1].end() :]
    # The files come with every setting commented out; there people look for it.
    examples = list(re.finditer(rf"^#[ \t]*{name}[ \t]*=[^\n]*(?:\n|\Z)", text, re.MULTILINE))
    at = examples[-1].end() if examples else len(text)
    gap = "" if not text[:at] or text[:at].endswith("\n") else "\n"
    return f"{text[:at]}{gap}{line}\n{text[at:]}"


def _written(name: str, value: Wanted) -> str:
    if isinstance(value, int):
        return str(value)
    quote = "'" if '"' in value else '"'
    if quote in value or "\n" in value or "\\" in value:
        raise _bad(name, value, "a text of one line without backslashes, with only one kind of quotes in it")
    return f"{quote}{value}{quote}"


def _check(name: str, value: t.Any) -> None:
    if not _NAME.match(name):
        raise _bad("The name of a setting", name, "letters, digits and underscores")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _bad(name, value, "a text or a whole number")
    if name in _ADDRESSES:
        _check_address(name, value)
    if name in _PORTS and (not isinstance(value, int) or not 1 <= value <= 65535):
        raise _bad(name, value, "a port from 1 to 65535")


def _check_address(name: str, value: t.Any) -> None:
    if not isinstance(value, str) or not value or value != value.strip():
        raise _bad(name, value, "an address or a host name")
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        loopback = ipaddress.ip_address(bare).is_loopback
    except ValueError:
        loopback = bare.lower().startswith("localhost")
    if loopback and name != "listen_addr":
        raise _bad(
            name, value, "an address that other hosts can reach; with a loopback address the daemon does not start"
        )


def _check_ports(settings: t.Mapping[str, t.Any]) -> None:
    low, high = settings[_LOWEST], settings[_HIGHEST]
    if isinstance(low, int) and isinstance(high, int) and low > high:
        raise _bad(_HIGHEST, high, f"{low} or more, which is {_LOWEST}; otherwise the daemon does not start")


def _bad(name: str, value: t.Any, wanted: str) -> MigrationError:
    return MigrationError(
        "BAD_SETTING",
        f"{name} is {value!r}, but must be {wanted}.",
        state=_NOTHING,
        remedy="Correct the value.",
    )
