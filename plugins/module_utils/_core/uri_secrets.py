# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""What in a libvirt URI is nobody's business: a password, and parameters that are not among libvirt's own."""

from __future__ import annotations

import typing as t
from urllib.parse import unquote, urlsplit

# Of libvirt's remote driver and its drivers; their values are paths, names and switches.
_PUBLIC = frozenset(
    {
        "auth",
        "authfile",
        "auto_answer",
        "command",
        "keyfile",
        "known_hosts",
        "known_hosts_verify",
        "mode",
        "name",
        "netcat",
        "no_sanity",
        "no_tty",
        "no_verify",
        "pkipath",
        "proxy",
        "socket",
        "sshauth",
        "tls_priority",
    }
)
# A shorter one would be taken out of ordinary words and numbers wherever they stand.
_LEAST_LENGTH = 4


def uri_secrets(uri: str) -> set[str]:
    """As they stand in the URI, and decoded."""
    try:
        parts = urlsplit(uri)
        found = [parts.password or ""]
    except ValueError:
        return set()
    for pair in parts.query.replace(";", "&").split("&"):
        key, _sign, value = pair.partition("=")
        if key.lower() not in _PUBLIC:
            found.append(value)
    return {text for raw in found for text in (raw, unquote(raw)) if len(text) >= _LEAST_LENGTH}


def secrets_in(options: t.Any) -> set[str]:
    """Of all options whose name ends with ``uri``, however deep."""
    if isinstance(options, t.Mapping):
        found: set[str] = set()
        for key, value in options.items():
            is_uri = isinstance(value, str) and str(key).endswith("uri")
            found |= uri_secrets(value) if is_uri else secrets_in(value)
        return found
    if isinstance(options, (list, tuple)):
        return {secret for one in options for secret in secrets_in(one)}
    return set()
