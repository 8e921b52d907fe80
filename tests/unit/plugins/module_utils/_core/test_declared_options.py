# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.declared_options import declared_values

HOST: dict[str, t.Any] = {"name": {}, "uris": {"options": {"migrate": {}}}}
SPEC: dict[str, dict[str, t.Any]] = {
    "host": {"options": HOST},
    "hosts": {"options": HOST},
    "document": {},
    "number": {},
}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, {}),
        ({"number": None, "host": None, "hosts": []}, {"hosts": []}),
        ({"number": 0, "unknown": 3}, {"number": 0}),
        ({"document": {"name": "x"}}, {"document": {"name": "x"}}),
        ({"host": {"name": "a", "other": 1}}, {"host": {"name": "a", "other": 1}, "host.name": "a"}),
        (
            {"hosts": [{"name": None}, {"uris": {"migrate": "tcp"}}]},
            {
                "hosts": [{"name": None}, {"uris": {"migrate": "tcp"}}],
                "hosts[1].uris": {"migrate": "tcp"},
                "hosts[1].uris.migrate": "tcp",
            },
        ),
        # What is no dictionary is not gone into: Ansible has refused it, or will.
        (
            {"host": "a", "hosts": ["a", {"name": "b"}]},
            {"host": "a", "hosts": ["a", {"name": "b"}], "hosts[1].name": "b"},
        ),
    ],
)
def test_what_is_given_is_found_with_its_place(options: dict[str, t.Any], found: dict[str, t.Any]) -> None:
    assert {one.place: one.value for one in declared_values(SPEC, options)} == found


def test_the_name_is_that_of_the_option_itself() -> None:
    values = declared_values(SPEC, {"hosts": ({"uris": {"migrate": "tcp"}},)})
    assert [(one.name, one.place) for one in values] == [
        ("hosts", "hosts"), ("uris", "hosts[0].uris"), ("migrate", "hosts[0].uris.migrate"),
    ]  # fmt: skip
