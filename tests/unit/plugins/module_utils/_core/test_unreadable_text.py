# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.unreadable_text import odd, understood, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("42", 42), ("", None), ("-1", None), ("+1", None), (" 1", None), ("1_000", None), ("\u0663", None)],
)
def test_whole_numbers(text: str, number: int | None) -> None:
    assert whole(text) == number


def test_more_digits_than_the_kernel_has() -> None:
    assert whole("9" * 20) == int("9" * 20)
    assert whole("9" * 21) is None


def test_the_place_is_shown_and_not_all_of_it() -> None:
    error = odd("A line", "x" * 1000)
    assert error.reason == "ODD_TEXT"
    assert error.problem.startswith("A line is not understood: 'xxx")
    assert len(error.problem) < 200
    assert odd("A line").problem == "A line is not understood."


@pytest.mark.parametrize(
    "error", [ValueError("odd"), KeyError("k"), IndexError(), RecursionError(), ZeroDivisionError()]
)
def test_whatever_goes_wrong_while_reading_is_one_error(error: Exception) -> None:
    with pytest.raises(MigrationError, match="The text is not understood") as caught, understood("The text"):
        raise error
    assert caught.value.reason == "ODD_TEXT"


def test_errors_of_ours_and_of_the_system_pass_through() -> None:
    with pytest.raises(OSError, match="gone"), understood("The text"):
        raise OSError("gone")
    with pytest.raises(MigrationError, match="as it is"), understood("The text"):
        raise MigrationError("BAD", "as it is", state="", remedy="")
