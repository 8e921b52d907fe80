# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that modules share; plugins/doc_fragments/_libvirt.py and _policy.py document them."""

from __future__ import annotations

import typing as t

from .._core.policy import DEFAULT_PRESET, HOPELESS_CHOICES, MODES, POSTCOPY_CHOICES, PRESETS, Policy, preset

Spec = dict[str, dict[str, t.Any]]


def connection_spec() -> Spec:
    return {
        "uri": {"type": "str", "default": "qemu:///system"},
        "uri_allow": {"type": "list", "elements": "str", "default": []},
    }


def domain_spec() -> Spec:
    return {"name": {"type": "str", "aliases": ["guest"]}, "uuid": {"type": "str"}}


def policy_spec() -> Spec:
    """What may be done to a guest, for modules that see a migration to its end; ``contract_of`` reads it."""
    overrides: Spec = {
        "max_downtime_ms": {"type": "int"},
        "postcopy": {"type": "str", "choices": list(POSTCOPY_CHOICES)},
        "max_postcopy_s": {"type": "float"},
        "max_pause_s": {"type": "float"},
        "max_throttle_percent": {"type": "int"},
        "deadline_s": {"type": "float"},
        "storage_deadline_s": {"type": "float"},
        "setup_deadline_s": {"type": "float"},
        "max_data_factor": {"type": "float"},
        "patience_s": {"type": "float"},
        "max_restarts": {"type": "int"},
        "on_hopeless": {"type": "str", "choices": list(HOPELESS_CHOICES)},
        "mode": {"type": "str", "choices": list(MODES)},
    }
    return {
        "policy": {"type": "str", "choices": list(PRESETS), "default": DEFAULT_PRESET},
        "policy_overrides": {"type": "dict", "default": {}, "options": overrides},
    }


def policy_of(params: t.Mapping[str, t.Any], **defaults: t.Any) -> Policy:
    """``defaults``: fields that a module has its own word for, unless the user says otherwise."""
    given = {key: value for key, value in params["policy_overrides"].items() if value is not None}
    return preset(params["policy"], {**defaults, **given})


def destination_spec(*, required: bool = False) -> Spec:
    """The other host, as the source sees it."""
    return {
        "destination_uri": {"type": "str", "required": required},
        "migrate_uri": {"type": "str"},
    }


ONE_DOMAIN = ("name", "uuid")
