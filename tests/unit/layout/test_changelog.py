# SPDX-License-Identifier: GPL-3.0-or-later

"""Fragments of the changelog are named so that no tool takes them for something else."""

from __future__ import annotations

from pathlib import Path

FRAGMENTS = Path(__file__).resolve().parents[3] / "changelogs" / "fragments"


def test_no_fragment_is_taken_for_a_playbook() -> None:
    """ansible-lint takes each YAML file with "playbook" in its name for one, and Galaxy's importer runs it with its own
    configuration, where nothing says otherwise."""
    assert FRAGMENTS.is_dir()
    assert [path.name for path in FRAGMENTS.iterdir() if "playbook" in path.name] == []
