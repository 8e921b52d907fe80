# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.definition import (
    DefinitionState,
    Step,
    after,
    steps,
)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (DefinitionState(False, True), []),
        (DefinitionState(True, True), [Step.UNDEFINE]),
        (DefinitionState(True, False), [Step.DEFINE, Step.UNDEFINE]),
        (DefinitionState(False, False), [Step.DEFINE]),
        (DefinitionState(False, True, autostart=False, autostart_noted=True), [Step.AUTOSTART]),
        (DefinitionState(False, True, autostart=True, autostart_noted=True), []),
        (DefinitionState(True, False, autostart_noted=True), [Step.DEFINE, Step.AUTOSTART, Step.UNDEFINE]),
    ],
)
def test_what_is_missing(kept: DefinitionState, expected: list[Step]) -> None:
    assert steps(kept, persistent=True, undefine_source=True) == expected
    # Once it is done, nothing is left to do.
    assert steps(after(kept, expected), persistent=True, undefine_source=True) == []


def test_the_source_may_keep_its_definition() -> None:
    assert steps(DefinitionState(True, True), persistent=True, undefine_source=False) == []


def test_the_only_definition_is_never_removed() -> None:
    assert steps(DefinitionState(True, False), persistent=False, undefine_source=True) == []


def test_a_transient_guest_starts_with_no_host() -> None:
    assert steps(DefinitionState(False, False, autostart_noted=True), persistent=False, undefine_source=True) == []


def test_document() -> None:
    kept = DefinitionState(True, False, autostart=True)
    assert kept.document("kvm01", "kvm01", "kvm02") == {
        "runs_on": "kvm01",
        "defined_on": ["kvm01"],
        "autostart": True,
    }
