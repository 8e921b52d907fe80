# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.evacuation import (
    evacuation_of,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.evacuation_section import section


def shown(**run: t.Any) -> str:
    return section(evacuation_of({"guests": [], **run}), "e")


def test_an_estimate_that_was_far_off_does_not_hide_the_others() -> None:
    told = [[0, 1e9, 0, 0], [10, 20, 1, 0], [30, 0, 1, 1]]
    text = shown(elapsed_s=30.0, told=told)
    assert "it ended after 30.0 s" in text
    assert "<title>After 10.0 s: 20.0 s to go, 1 done, 0 failed</title>" in text
    assert "2 min" in text
    assert " h<" not in text
    assert "When it would end" not in shown(elapsed_s=30.0, told=told[:1])


def test_the_load_of_each_link_and_what_it_carries() -> None:
    loads = [[0, [0, 50]], [10, [100 << 20, 50]], ["odd", [1, 1]], [20, [100 << 20]]]
    run = {"links": ["b", "c"], "loads": loads, "destinations": [{"name": "b", "link_mib_per_s": 100}]}
    text = shown(elapsed_s=20.0, **run)
    assert "dotted: what a link carries" in text
    assert "to b" in text
    assert "to c" in text
    assert "Load of each link" not in shown(elapsed_s=20.0, **{**run, "loads": loads[:1]})
