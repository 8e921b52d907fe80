# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError


def test_reads_as_sentences() -> None:
    error = MigrationError("A_REASON", "It broke.", state="All is as before.", remedy="Mend it.", evidence={"a": 1})
    assert str(error) == "It broke. All is as before. Mend it."
    assert error.result() == {
        "reason": "A_REASON",
        "state": "All is as before.",
        "remedy": "Mend it.",
        "evidence": {"a": 1},
    }


def test_what_is_not_known_leaves_no_gap() -> None:
    assert str(MigrationError("A_REASON", "It broke.", remedy="Mend it.")) == "It broke. Mend it."
    assert MigrationError("A_REASON", "It broke.").result()["evidence"] == {}
