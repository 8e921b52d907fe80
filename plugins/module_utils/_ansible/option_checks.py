# SPDX-License-Identifier: GPL-3.0-or-later
"""The URIs and numbers among a module's options: checked before anything is opened."""

from __future__ import annotations

import typing as t

from .._core.declared_options import declared_values
from .._core.libvirt_uri import parse, parse_migration_uri
from .._core.number_options import check_number
from .argspec import Spec


def check_options(spec: Spec, params: t.Mapping[str, t.Any]) -> None:
    """Raises BAD_URI, URI_NOT_ALLOWED, OUT_OF_RANGE."""
    allow = params.get("uri_allow") or []
    for name, place, value in declared_values(spec, params):
        check_uri(name, place, value, allow)
        check_number(name, place, value)


def check_uri(name: str, place: str, value: t.Any, allow: t.Collection[str]) -> None:
    """By the name of the option: ``migrate_uri``, and ``uri`` or whatever else ends with ``_uri``."""
    if name == "migrate_uri":
        parse_migration_uri(value, place)
    elif name == "uri" or name.endswith("_uri"):
        parse(value, allow, place)
