# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that modules share; plugins/doc_fragments/_libvirt.py and _policy.py document them."""

from __future__ import annotations

import typing as t

from .._core.evacuation.strategy import CARRIED_OUT, MIGRATE
from .._core.migration.call_parameters import STORAGE
from .._core.migration.start_plan import COMPRESSIONS
from .._core.policy import (
    DEFAULT_PRESET,
    HOPELESS_CHOICES,
    MODES,
    POSTCOPY_CHOICES,
    PRESETS,
    SHRINK_CHOICES,
    Policy,
    preset,
)

Spec = dict[str, dict[str, t.Any]]


def connection_spec() -> Spec:
    return {
        "uri": {"type": "str", "default": "qemu:///system"},
        "uri_allow": {"type": "list", "elements": "str", "default": []},
    }


def guest_spec() -> Spec:
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
        "shrink": {"type": "str", "choices": list(SHRINK_CHOICES)},
        "shrink_keep_mib": {"type": "int"},
        "on_hopeless": {"type": "str", "choices": list(HOPELESS_CHOICES)},
        "mode": {"type": "str", "choices": list(MODES)},
    }
    return {
        "policy": {"type": "str", "choices": list(PRESETS), "default": DEFAULT_PRESET},
        "policy_overrides": {"type": "dict", "default": {}, "options": overrides},
    }


def guest_options_spec() -> dict[str, t.Any]:
    """What holds for single guests; the fields of ``policy_overrides`` are checked by the policy itself."""
    options: Spec = {
        "name": {"type": "str", "required": True},
        "policy": {"type": "str", "choices": list(PRESETS)},
        "policy_overrides": {"type": "dict"},
        "copy_storage": {"type": "str", "choices": list(STORAGE)},
        "copy_disks": {"type": "list", "elements": "str"},
    }
    return {"type": "list", "elements": "dict", "default": [], "options": options}


def evacuated_guests_spec() -> dict[str, t.Any]:
    """The guests of a host that are to go, or to come home; plugins/modules/evacuation.py documents them."""
    options: Spec = {
        "name": {"type": "str"},
        "uuid": {"type": "str"},
        "destination": {"type": "str"},
        "alternatives": {"type": "list", "elements": "str", "default": []},
        "strategy": {"type": "str", "choices": list(CARRIED_OUT), "default": MIGRATE},
        "sent_bytes": {"type": "int"},
        "copy_storage": {"type": "str", "choices": list(STORAGE)},
        "copy_disks": {"type": "list", "elements": "str"},
        "policy": {"type": "str", "choices": list(PRESETS)},
        "policy_overrides": {"type": "dict"},
    }
    return {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": options,
        "required_one_of": [("name", "uuid")],
        "required_if": [("strategy", MIGRATE, ["destination"])],
    }


def guest_limits_spec() -> Spec:
    """Whether a guest's own word counts; plugins/doc_fragments/_guest_limits.py documents it."""
    return {"heed_metadata": {"type": "bool", "default": True}}


def transfer_spec() -> Spec:
    """How guests are sent, for modules that start migrations.

    plugins/doc_fragments/_transfer.py documents it, with _destination.py.
    """
    return {
        "bandwidth_mib_per_s": {"type": "int", "default": 0},
        "parallel_connections": {"type": "int"},
        "compression": {"type": "str", "choices": list(COMPRESSIONS), "default": "auto"},
        "compression_level": {"type": "int"},
        "copy_storage": {"type": "str", "choices": list(STORAGE), "default": "none"},
        "copy_synchronous_writes": {"type": "bool", "default": False},
        "tls": {"type": "bool", "default": False},
        "persistent": {"type": "bool"},
        "undefine_source": {"type": "bool", "default": True},
        "measure": {"type": "bool", "default": True},
        "calm_wait_s": {"type": "float", "default": 0},
        "force": {"type": "bool", "default": False},
        "ignore_cordon": {"type": "bool", "default": False},
        **guest_limits_spec(),
        "guest_options": guest_options_spec(),
        **changes_spec(),
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


def metrics_spec() -> Spec:
    """Where metrics are written to; plugins/doc_fragments/_metrics.py documents it."""
    return {"metrics_directory": {"type": "path"}}


def changes_spec() -> Spec:
    """What is called otherwise on the destination; plugins/doc_fragments/_destination.py documents it."""
    names = ("bridges", "networks", "devices", "listen_addresses", "paths")
    options: Spec = {name: {"type": "dict", "default": {}} for name in names}
    options["same_storage"] = {"type": "bool", "default": False}
    return {"destination_changes": {"type": "dict", "default": {}, "options": options}}


ONE_GUEST = ("name", "uuid")
