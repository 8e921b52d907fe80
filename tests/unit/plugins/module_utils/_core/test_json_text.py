# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.json_text import (
    check_depth,
    is_whole,
    read_json,
)


def test_what_a_text_says() -> None:
    assert read_json('{"a": [1, 2.5, null, true]}') == {"a": [1, 2.5, None, True]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("NaN", "NaN is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("[" * 66 + "]" * 66, "more than 64 levels"),
        ("[" * 100_000, "more than 64 levels"),
        ("1" * 41, "a number of 41 digits"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_json(text)


def test_bounds_of_the_caller() -> None:
    assert read_json("[[]]", most_characters=4, most_levels=2) == [[]]
    with pytest.raises(ValueError, match="more than 3 characters"):
        read_json("[[]]", most_characters=3)
    with pytest.raises(ValueError, match="more than 0 levels"):
        read_json("[[]]", most_levels=0)


def test_depth_of_values() -> None:
    check_depth({"a": [{}]}, 2)
    with pytest.raises(ValueError, match="more than 1 levels"):
        check_depth({"a": [{}]}, 1)


def test_true_is_no_number() -> None:
    assert is_whole(1)
    assert not is_whole(True)
    assert not is_whole(1.0)
