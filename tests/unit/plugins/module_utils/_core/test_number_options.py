# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core.declared_options import declared_values
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.number_options import LIMITS, check_number
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy

MODULES = Path(__file__).resolve().parents[5] / "plugins" / "modules"
# Checked by their module, with more than a range: a power of two.
CHECKED_ELSEWHERE = {"size_bytes"}
_HOST: dict[str, t.Any] = {"name": {}, "max_incoming": {}, "link_mib_per_s": {}}
_NAMES = ("link_mib_per_s", "bandwidth_mib_per_s", "shutdown_timeout_s", "anything_else", "measure", "name", "priority")


def check_numbers(options: dict[str, t.Any]) -> None:
    for name, place, value in declared_values(SPEC, options):
        check_number(name, place, value)


SPEC: dict[str, dict[str, t.Any]] = {
    **{name: {} for name in _NAMES},
    "destinations": {"options": _HOST},
    "hosts": {"options": _HOST},
    "slots": {"options": {"per_source": {}}},
    "policy_overrides": {"options": {"deadline_s": {}}},
    "measurements": {},
}


def numeric_options(options: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for name, option in options.items():
        if option.get("type") in ("int", "float"):
            yield name
        yield from numeric_options(option.get("suboptions", {}))


@pytest.mark.parametrize("module", sorted(MODULES.glob("*.py")), ids=lambda file: file.stem)
def test_every_number_of_every_module_has_its_limits(module: Path) -> None:
    text = module.read_text(encoding="utf-8").split('DOCUMENTATION = r"""', 1)[1].split('"""', 1)[0]
    numbers = set(numeric_options(yaml.safe_load(text).get("options") or {}))
    assert numbers - set(LIMITS) - set(Policy.__dataclass_fields__) - CHECKED_ELSEWHERE == set()


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"link_mib_per_s": -5.0}, "link_mib_per_s is -5, but must be more than 0"),
        ({"link_mib_per_s": 0.0}, "link_mib_per_s is 0, but must be more than 0"),
        ({"link_mib_per_s": 1e300}, "link_mib_per_s is 1e+300, but must be 9.22337e+18 at most"),
        ({"link_mib_per_s": 10**400}, "link_mib_per_s is a number of more than 300 digits, but must be 9.2"),
        ({"link_mib_per_s": float("nan")}, "link_mib_per_s is nan"),
        ({"bandwidth_mib_per_s": -1}, "bandwidth_mib_per_s is -1, but must be from 0 to 8796093022206"),
        ({"bandwidth_mib_per_s": 8_796_093_022_207}, "bandwidth_mib_per_s is 8.79609e+12"),
        ({"shutdown_timeout_s": float("inf")}, "shutdown_timeout_s is inf"),
        ({"anything_else": float("-inf")}, "anything_else is -inf, but must be a finite number"),
        ({"destinations": [{"link_mib_per_s": 3.0}, {"link_mib_per_s": -3.0}]}, "destinations[1].link_mib_per_s is -3"),
        ({"slots": {"per_source": 0}}, "slots.per_source is 0, but must be 1 or more"),
    ],
)
def test_what_is_outside_is_refused_with_its_place(options: dict[str, t.Any], place: str) -> None:
    with pytest.raises(MigrationError) as caught:
        check_numbers(options)
    assert caught.value.reason == "OUT_OF_RANGE"
    assert place in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"link_mib_per_s": None, "measure": True, "name": "erp01"},
        {"link_mib_per_s": 0.001, "bandwidth_mib_per_s": 0, "priority": -3},
        {"policy_overrides": {"deadline_s": float("nan")}},  # the policy's own error names its field
        {"hosts": [{"name": "kvm01", "max_incoming": 0}]},
        {"measurements": [{"windows": [{"mib_per_s": 0}]}]},  # a document, in which a guest may well write nothing
    ],
)
def test_what_is_within_passes(options: dict[str, t.Any]) -> None:
    check_numbers(options)
