# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the event source, as rulebooks give them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.options import watch_options

SSH = "qemu+ssh://root@{host}/system"
HERE = {"here": "qemu:///system"}


@pytest.mark.parametrize(
    ("given", "hosts"),
    [
        ({"hosts": ["a", "b"], "uri": SSH}, {"a": "qemu+ssh://root@a/system", "b": "qemu+ssh://root@b/system"}),
        (
            {"hosts": "a, b", "uri": "qemu+tls://{host}/system"},
            {"a": "qemu+tls://a/system", "b": "qemu+tls://b/system"},
        ),
        ({"hosts": HERE}, HERE),
        (
            {"hosts": ["a"], "uri": SSH + "?keyfile=/k", "uri_allow": "keyfile"},
            {"a": "qemu+ssh://root@a/system?keyfile=/k"},
        ),
    ],
)
def test_hosts(given: dict[str, t.Any], hosts: dict[str, str]) -> None:
    assert watch_options(given).hosts == hosts


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "BAD_OPTION"),
        ({"hosts": []}, "BAD_OPTION"),
        ({"hosts": 7}, "BAD_OPTION"),
        ({"hosts": ["a"]}, "BAD_OPTION"),
        ({"hosts": ["a"], "uri": "qemu+ssh://b/system"}, "BAD_URI"),
        ({"hosts": ["a b"], "uri": SSH}, "BAD_HOST"),
        ({"hosts": {"a": "xen:///system"}}, "BAD_URI"),
        ({"hosts": {"a": None}}, "BAD_URI"),
        ({"hosts": {"a": "qemu+ext://a/system?command=/bin/sh"}}, "URI_NOT_ALLOWED"),
        ({"hosts": ["a"], "uri": SSH + "?keyfile=/k"}, "URI_NOT_ALLOWED"),
        ({"hosts": HERE, "uri_allow": 3}, "BAD_OPTION"),
        ({"hosts": HERE, "polcy": "post_copy"}, "BAD_OPTION"),
        ({"hosts": HERE, "policy": "fast"}, "BAD_CONTRACT"),
        ({"hosts": HERE, "policy_overrides": {"max_downtime_ms": 0}}, "BAD_CONTRACT"),
        ({"hosts": HERE, "policy_overrides": "fast"}, "BAD_OPTION"),
        ({"hosts": HERE, "progress_s": 0}, "BAD_OPTION"),
        ({"hosts": HERE, "progress_s": "soon"}, "BAD_OPTION"),
        ({"hosts": HERE, "progress_s": True}, "BAD_OPTION"),
        ({"hosts": HERE, "stuck_again_s": "nan"}, "BAD_OPTION"),
        ({"hosts": HERE, "link_mbit_per_s": -1}, "BAD_OPTION"),
        ({"hosts": HERE, "link_mbit_per_s": 10**400}, "BAD_OPTION"),
        ({"hosts": HERE, "link_mbit_per_s": 1e308}, "BAD_OPTION"),
        ({"hosts": HERE, "progress_s": "1e400"}, "BAD_OPTION"),
    ],
)
def test_refused(given: dict[str, t.Any], reason: str) -> None:
    with pytest.raises(MigrationError) as error:
        watch_options(given)
    assert error.value.reason == reason
    assert error.value.remedy


def test_it_only_ever_observes() -> None:
    options = watch_options({"hosts": HERE, "policy_overrides": {"mode": "act", "max_downtime_ms": 2000}})
    assert (options.policy.mode, options.policy.max_downtime_ms) == ("observe", 2000)


def test_texts_count_as_numbers_since_variables_may_be_texts() -> None:
    options = watch_options({"hosts": HERE, "progress_s": "5", "link_mbit_per_s": "1000", "stuck_again_s": ""})
    assert (options.progress_s, options.link_bytes_per_s, options.stuck_again_s) == (5.0, 125_000_000, 300.0)
