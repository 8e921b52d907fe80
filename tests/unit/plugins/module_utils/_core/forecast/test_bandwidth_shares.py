# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.bandwidth_shares import (
    Stream,
    shares,
    stream_from,
)

MIB = 1 << 20


def streams(*needs: t.Optional[float], postcopy: int = 0) -> list[Stream]:
    found = [Stream(f"g{number}", f"u{number}", need) for number, need in enumerate(needs)]
    return found + [Stream(f"p{number}", f"p{number}", limited=False) for number in range(postcopy)]


# what it is, link, needs, in post-copy, the parts
CASES: list[tuple[str, float, list[t.Optional[float]], int, list[int]]] = [
    ("one has it all", 1000, [None], 0, [1000]),
    ("equal parts", 1000, [None, None, None, None], 0, [250, 250, 250, 250]),
    ("a stuck one gets what it needs", 1000, [500, None, None], 0, [550, 225, 225]),
    ("a stuck one that needs less than an equal part", 1000, [100, None], 0, [500, 500]),
    ("what would help nobody is not given", 1000, [5000, None], 0, [500, 500]),
    ("the others keep a quarter of their part", 1000, [800, None], 0, [500, 500]),
    ("so that this is the most", 1000, [790, None], 0, [869, 130]),
    ("the one that needs least comes first", 1000, [600, 400, None], 0, [280, 440, 280]),
    ("two of which only one can be helped", 1000, [510, 420], 0, [500, 500]),
    ("two that both can be helped", 1000, [500, 400], 0, [550, 450]),
    ("helping one must not take what another needs", 1000, [None, 300, 500], 0, [120, 330, 550]),
    ("in post-copy a part is kept free", 1000, [None], 1, [500]),
    ("and no more than that can be given", 1000, [600, None], 2, [250, 250]),
    ("nothing to limit", 1000, [], 2, []),
    ("more migrations than MiB/s", 2, [None, None, None], 0, [1, 1, 1]),
]


@pytest.mark.parametrize(
    ("link", "needs", "postcopy", "parts"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_shares(link: float, needs: list[t.Optional[float]], postcopy: int, parts: list[int]) -> None:
    found = shares(link, streams(*needs, postcopy=postcopy))
    assert [found[f"u{number}"] for number in range(len(needs))] == parts
    assert len(found) == len(needs)


@given(
    st.floats(50, 20_000),
    st.lists(st.one_of(st.none(), st.floats(0.1, 20_000)), min_size=1, max_size=12),
    st.integers(0, 4),
)
def test_never_more_than_the_link_and_never_nothing(link: float, needs: list[t.Optional[float]], postcopy: int) -> None:
    every = streams(*needs, postcopy=postcopy)
    found = shares(link, every)
    equal = link / len(every)
    assert set(found) == {one.uuid for one in every if one.limited}
    assert sum(found.values()) <= link - postcopy * equal + 1e-6
    assert min(found.values()) >= max(1, int(0.25 * equal))
    # Whoever has more than an equal part has it because it finishes with that.
    for one in every:
        if one.limited and not one.need_mib_per_s:
            assert found[one.uuid] <= equal + 1e-6


@pytest.mark.parametrize("link", [0, -5, 0.9])
def test_a_link_that_is_none(link: float) -> None:
    with pytest.raises(MigrationError, match="must carry 1 at least"):
        shares(link, streams(None))


def job(**changes: t.Any) -> dict[str, t.Any]:
    evidence = {"needed_bandwidth_bytes_per_s": 700 * MIB}
    diagnosis = {"verdict": "stuck", "reason": "DIRTY_RATE", "evidence": evidence}
    return {
        "name": "erp01",
        "uuid": "u",
        "phase": "precopy",
        "operation": "outgoing",
        "diagnosis": diagnosis,
        **changes,
    }


@pytest.mark.parametrize(
    ("document", "stream"),
    [
        (job(), Stream("erp01", "u", 700.0)),
        (job(diagnosis={"verdict": "converging", "evidence": job()["diagnosis"]["evidence"]}), Stream("erp01", "u")),
        (job(diagnosis={"verdict": "stuck", "evidence": {}}), Stream("erp01", "u")),
        (job(diagnosis=None), Stream("erp01", "u")),
        (job(phase="postcopy", diagnosis=None), Stream("erp01", "u", limited=False)),
        (job(phase="postcopy_failed", diagnosis=None), Stream("erp01", "u", limited=False)),
        (job(operation="incoming"), None),
        (job(phase="completed"), None),
        (job(phase="none"), None),
        ({"name": "erp01", "uuid": "u"}, Stream("erp01", "u")),
        ({"name": "erp01", "uuid": "u", "least_bandwidth_mib_per_s": 87}, Stream("erp01", "u", 87.0)),
        ({"name": "erp01", "uuid": "u", "least_bandwidth_mib_per_s": None}, Stream("erp01", "u")),
    ],
)
def test_what_a_document_says(document: dict[str, t.Any], stream: t.Optional[Stream]) -> None:
    assert stream_from(document) == stream


@pytest.mark.parametrize("document", [{}, {"name": "erp01"}, {"name": "erp01", "uuid": ""}, {"uuid": "u", "name": 3}])
def test_who_it_is_must_be_told(document: dict[str, t.Any]) -> None:
    with pytest.raises(MigrationError, match="with name and uuid"):
        stream_from(document)


def test_many_take_time_in_proportion() -> None:
    """With a sum over all for each of them 50,000 took 25 s."""
    many = [Stream(str(number), str(number), 1.0 + number % 7) for number in range(50_000)]
    began_s = time.process_time()
    found = shares(1_000_000, many)
    assert time.process_time() - began_s < 5
    assert len(found) == 50_000
    assert sum(found.values()) <= 1_000_000


def test_what_fits_to_the_last_bit_is_given() -> None:
    """10 MiB/s: 5.5 for the first, 3.67 for the second and a quarter of an equal part for the third are all of it."""
    assert list(shares(10, streams(5.0, 10 / 3, 10)).values()) == [5, 3, 1]
