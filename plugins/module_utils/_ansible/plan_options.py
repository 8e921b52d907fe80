# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that a plan is made by, beside documents and measurements: as options of a module, and in a plan.

A plan has them as ``rules``, so that another one can be made by the same; plugins/modules/evacuation_plan_info.py
documents them.
"""

from __future__ import annotations

import typing as t

from .._core.evacuation.plan.guest_rules import MAY, MAY_BY_DEFAULT
from .._core.evacuation.strategy import LEAVE, PLANNED, SHUTDOWN
from .._core.policy import PRESETS
from .argspec import Spec, policy_spec

# What can be said of all hosts, and of one of them.
HOST_OPTIONS: Spec = {
    "link_mib_per_s": {"type": "float"},
    "reserve_mib": {"type": "int"},
    "max_incoming": {"type": "int"},
    "max_outgoing": {"type": "int"},
}
_DEFAULTS = {"reserve_mib": 1024, "max_incoming": 2, "max_outgoing": 4}


def plan_rules_spec() -> Spec:
    """By the names that a plan's ``rules`` have; ``destinations`` are documents for the module, and names there."""
    return {
        **policy_spec(),
        **{name: {**option, "default": _DEFAULTS.get(name)} for name, option in HOST_OPTIONS.items()},
        "guests": {"type": "list", "elements": "dict", "default": [], "options": _guest_options()},
        "groups": {"type": "list", "elements": "dict", "default": [], "options": _group_options()},
        "metadata_may": {"type": "list", "elements": "str", "choices": list(MAY), "default": list(MAY_BY_DEFAULT)},
        "hosts": {"type": "list", "elements": "dict", "default": [], "options": _options_of_a_host()},
        "uplinks": {"type": "list", "elements": "dict", "default": [], "options": _uplink_options()},
        "transfer_mib_per_s": {"type": "float"},
        "guest_overhead_mib": {"type": "int", "default": 200},
        "max_transfers": {"type": "int", "default": 0},
        "setup_s": {"type": "float", "default": 1},
        "copy_storage": {"type": "bool", "default": False},
    }


def rules_of(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The rules of a plan from a module's options: without what was not said, so that they can be options again."""
    return {name: _said(params[name]) for name in sorted(plan_rules_spec()) if params[name] is not None}


def _said(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items() if one is not None}
    return [_said(one) for one in value] if isinstance(value, list) else value


def _guest_options() -> Spec:
    return {
        "name": {"type": "str", "required": True},
        "strategy": {"type": "str", "choices": list(PLANNED)},
        "if_unplaceable": {"type": "str", "choices": [LEAVE, SHUTDOWN]},
        "priority": {"type": "int"},
        "destinations": {"type": "list", "elements": "str"},
        "except_destinations": {"type": "list", "elements": "str"},
        "policy": {"type": "str", "choices": list(PRESETS)},
        "policy_overrides": {"type": "dict"},
    }


def _group_options() -> Spec:
    return {
        "name": {"type": "str", "required": True},
        "guests": {"type": "list", "elements": "str", "required": True},
        "rule": {"type": "str", "choices": ["together", "apart"], "required": True},
        "hard": {"type": "bool", "default": True},
    }


def _options_of_a_host() -> Spec:
    return {
        **HOST_OPTIONS,
        "name": {"type": "str", "required": True},
        "cordoned": {"type": "bool"},
        "max_guests": {"type": "int"},
        "max_vcpus": {"type": "int"},
        "uplinks": {"type": "list", "elements": "str"},
    }


def _uplink_options() -> Spec:
    return {
        "name": {"type": "str", "required": True},
        "mib_per_s": {"type": "float", "required": True},
        "max_transfers": {"type": "int"},
    }
