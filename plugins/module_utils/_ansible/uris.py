# SPDX-License-Identifier: GPL-3.0-or-later
"""The URIs among a module's options: checked before anything is opened."""

from __future__ import annotations

import typing as t

from .._core.libvirt_uri import parse, parse_migration_uri
from .argspec import Spec


def check_uris(spec: Spec, params: t.Mapping[str, t.Any]) -> None:
    """By their names in the specification: ``migrate_uri``, and ``uri`` or whatever else ends with ``_uri``.

    Raises BAD_URI, URI_NOT_ALLOWED.
    """
    _check(spec, params, params.get("uri_allow") or [], "")


def _check(spec: Spec, params: t.Mapping[str, t.Any], allow: t.Collection[str], within: str) -> None:
    for name, option in spec.items():
        value, what = params.get(name), f"{within}{name}"
        if value is None:
            continue
        if name == "migrate_uri":
            parse_migration_uri(value, what)
        elif name == "uri" or name.endswith("_uri"):
            parse(value, allow, what)
        for one in _dictionaries(value) if "options" in option else ():
            _check(option["options"], one, allow, f"{what}.")


def _dictionaries(value: t.Any) -> t.Iterator[t.Mapping[str, t.Any]]:
    for one in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(one, t.Mapping):
            yield one
