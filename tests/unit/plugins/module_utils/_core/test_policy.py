# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy, policy_from


def test_defaults() -> None:
    assert policy_from({}) == Policy(1000, "if_needed", 0.0)
    assert policy_from({"max_downtime_ms": None, "postcopy": "never"}) == Policy(postcopy="never")


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_downtime_ms", 1), ("max_downtime_ms", 2_000_000), ("postcopy", "prefer"), ("max_pause_s", 0)],
)
def test_values_at_the_edge(field: str, value: t.Any) -> None:
    assert getattr(policy_from({field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("max_downtime_ms", "700", 700),
        ("max_pause_s", "1.5", 1.5),
        ("deadline_s", "90", 90.0),
        ("postcopy", "never", "never"),
    ],
)
def test_a_number_may_come_as_a_text(field: str, text: str, value: t.Any) -> None:
    """A template makes a text of it before ansible-core 2.19."""
    found = getattr(policy_from({field: text}), field)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_downtime_ms", "1.5"),
        ("max_downtime_ms", ""),
        ("max_downtime_ms", " 7"),
        ("max_downtime_ms", "0x1f"),
        ("max_downtime_ms", "9" * 5000),
        ("max_pause_s", "nan"),
        ("max_pause_s", "Infinity"),
        ("max_pause_s", "1e3"),
        ("max_pause_s", "true"),
        ("max_downtime_ms", 0),
        ("max_downtime_ms", -1),
        ("max_downtime_ms", 2_000_001),
        ("postcopy", "always"),
        ("postcopy", ""),
        ("max_pause_s", -0.1),
        ("max_pause_s", float("nan")),
        ("max_pause_s", float("inf")),
        ("max_pause_s", 1e300),
        ("deadline_s", 10**400),
        ("max_data_factor", 1e13),
        ("max_downtime", 300),
    ],
)
def test_bad_values(field: str, value: t.Any) -> None:
    with pytest.raises(MigrationError, match=field) as caught:
        policy_from({field: value})
    assert caught.value.reason == "BAD_CONTRACT"
    assert caught.value.remedy
