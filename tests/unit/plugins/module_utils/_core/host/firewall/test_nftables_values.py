# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.tests.unit.plugins.nft_rules import (
    ACCEPT,
    DPORT,
    DROP,
    HERE,
    IIF,
    RANGE,
    SADDR,
    STATE,
    chain,
    match,
    nft,
    prefix,
    rule,
    verdict,
)


def named(name: str, elements: list[t.Any], **values: t.Any) -> dict[str, t.Any]:
    return {
        "set": {"family": "inet", "table": "filter", "name": name, "type": "inet_service", "elem": elements, **values}
    }


@pytest.mark.parametrize(
    ("elements", "values", "expected"),
    [
        ([22, RANGE], {"flags": ["interval"]}, "open"),
        ([22], {}, "closed"),
        ([], {}, "closed"),
        ([{"elem": {"val": RANGE, "counter": {"packets": 0}}}], {}, "open"),
        ([RANGE], {"flags": ["dynamic"]}, "partly"),
        ([{"elem": {"val": RANGE, "timeout": 60, "expires": 5}}], {"flags": ["timeout"]}, "partly"),
        ([RANGE], {"flags": ["timeout"]}, "open"),
    ],
)
def test_named_sets(elements: list[t.Any], values: dict[str, t.Any], expected: str) -> None:
    assert verdict(nft([match(DPORT, "@ports"), ACCEPT], more=[named("ports", elements, **values)])) == expected


def test_a_set_that_rules_change() -> None:
    changing = [{"set": {"op": "add", "elem": DPORT, "set": "@ports"}}]
    assert verdict(nft([match(DPORT, "@ports"), ACCEPT], changing, more=[named("ports", [])])) == "partly"


def test_a_named_set_of_pairs() -> None:
    pairs = named("pairs", [{"concat": [prefix("10.231.1.0", 24), RANGE]}])
    rules = nft([match({"concat": [SADDR, DPORT]}, "@pairs"), ACCEPT], more=[pairs])
    assert verdict(rules, arrival=HERE) == "open"
    assert verdict(rules) == "partly"
    assert verdict(rules, 22, 22) == "closed"


@pytest.mark.parametrize(
    ("key", "data", "expected"),
    [
        (DPORT, [[22, DROP], [RANGE, ACCEPT]], "open"),
        (DPORT, [[RANGE, {"jump": {"target": "own"}}]], "open"),
        (DPORT, [[22, {"jump": {"target": "own"}}]], "closed"),
        (STATE, [["invalid", DROP], ["new", {"goto": {"target": "own"}}]], "open"),
        (SADDR, [[prefix("10.0.0.0", 8), ACCEPT]], "open"),
        ({"concat": [SADDR, DPORT]}, [[{"concat": ["10.231.1.11", RANGE]}, ACCEPT]], "open"),
        (IIF, [["*", ACCEPT], ["eth1", DROP]], "closed"),
        (IIF, [["*", ACCEPT], ["eth2", DROP]], "open"),
        ({"meta": {"key": "length"}}, [[60, ACCEPT]], "partly"),
        (DPORT, 5, "unknown"),
    ],
)
def test_verdict_maps(key: t.Any, data: t.Any, expected: str) -> None:
    own = [chain("own", hook=None), rule([ACCEPT], "own")]
    assert verdict(nft([{"vmap": {"key": key, "data": {"set": data}}}], more=own), arrival=HERE) == expected
    entry = {"family": "inet", "table": "filter", "name": "m", "map": "verdict", "elem": data}
    rules = nft([{"vmap": {"key": key, "data": "@m"}}], more=[*own, {"map": entry}])
    assert verdict(rules, arrival=HERE) == expected


def test_a_map_that_rules_change() -> None:
    entry = {"family": "inet", "table": "filter", "name": "m", "elem": [[RANGE, ACCEPT]], "flags": ["dynamic"]}
    assert verdict(nft([{"vmap": {"key": DPORT, "data": "@m"}}], more=[{"map": entry}])) == "partly"
