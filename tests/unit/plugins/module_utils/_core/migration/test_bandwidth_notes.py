# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.bandwidth_notes import (
    Note,
    forgotten,
    noted,
    read_notes,
    written,
)

NOTES = {"u1": Note("erp01", 0, 20), "u2": Note("crm01", 33, 20)}


def test_written_and_read_again() -> None:
    assert read_notes(written(NOTES)) == NOTES
    assert read_notes("") == {}


def test_numbers_that_an_older_version_wrote_as_text() -> None:
    text = json.dumps({"u1": {"name": "erp01", "former_mib_per_s": "0", "set_mib_per_s": "20"}})
    assert read_notes(text) == {"u1": Note("erp01", 0, 20)}


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "5", "null", "{broken", '{"u1": 5}', '{"u1": {"name": "erp01"}}', "[" * 100_000, '{"u1": []}'),
        '{"u1": {"name": "erp01", "former_mib_per_s": 1e999, "set_mib_per_s": 20}}',
    ],
)
def test_damaged_notes_are_a_refusal(text: str) -> None:
    with pytest.raises(MigrationError) as raised:
        read_notes(text)
    assert raised.value.reason == "NOTES_DAMAGED"
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("known", "before", "wanted", "expected"),
    [
        (None, 0, 20, Note("erp01", 0, 20)),
        (None, 33, 20, Note("erp01", 33, 20)),
        # Nothing changes, nothing is noted.
        (None, 20, 20, None),
        (Note("erp01", 0, 20), 20, 20, Note("erp01", 0, 20)),
        # What was set here is not the user's.
        (Note("erp01", 33, 20), 20, 40, Note("erp01", 33, 40)),
        # What somebody else has set meanwhile is.
        (Note("erp01", 33, 20), 7, 40, Note("erp01", 7, 40)),
    ],
)
def test_what_is_noted(known: Note | None, before: int, wanted: int, expected: Note | None) -> None:
    notes = {"u2": NOTES["u2"], **({"u1": known} if known else {})}
    assert noted(notes, "u1", "erp01", before, wanted) == {
        "u2": NOTES["u2"],
        **({"u1": expected} if expected else {}),
    }


def test_what_is_forgotten() -> None:
    assert forgotten(NOTES, "u1", 20) == {"u2": NOTES["u2"]}
    assert forgotten(NOTES, "u1", 40) == NOTES, "another limit was set and noted meanwhile"
    assert forgotten(NOTES, "u3", 20) == NOTES
