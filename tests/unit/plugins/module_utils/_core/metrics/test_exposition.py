# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics as text: escapes, numbers, and what is left out."""

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.metrics.exposition import (
    Family,
    exposition,
    one,
    two_hosts,
)


def test_escapes_are_those_of_the_format() -> None:
    text = exposition([Family("a", "b\\\nc", [({"guest": 'x"\\\n'}, 1)])])
    assert text == '# HELP a b\\\\\\nc\n# TYPE a gauge\na{guest="x\\"\\\\\\n"} 1\n'


def test_numbers() -> None:
    families = [one("a", "", value) for value in (True, 0, 1.5, 2.0, 1 << 40, float("nan"), float("inf"), None)]
    lines = [line for line in exposition(families).splitlines() if not line.startswith("#")]
    assert lines == ["a 1", "a 0", "a 1.5", "a 2", f"a {1 << 40}", "a NaN", "a +Inf"]


def test_labels() -> None:
    family = Family("a", "b", [({"x": "1", "y": "2"}, 3), ({}, 4), ({"x": "2"}, None)])
    assert exposition([family]) == '# HELP a b\n# TYPE a gauge\na{x="1",y="2"} 3\na 4\n'


def test_a_family_without_a_known_value_is_left_out() -> None:
    assert exposition([one("a", "b", None), Family("c", "d", [])]) == ""


def test_an_infinity_below() -> None:
    assert exposition([one("a", "", float("-inf"))]).endswith("a -Inf\n")


def test_guests_on_two_hosts() -> None:
    found = two_hosts([("erp01", "U", True), ("crm01", "V", False)])
    assert exposition([found]).splitlines()[2:] == [
        'live_migration_guest_on_two_hosts{guest="erp01",uuid="U"} 1',
        'live_migration_guest_on_two_hosts{guest="crm01",uuid="V"} 0',
    ]
