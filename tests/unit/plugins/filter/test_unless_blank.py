# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.filter.unless_blank import unless_blank


@pytest.mark.parametrize("value", ["", None])
def test_blank(value: t.Any) -> None:
    assert unless_blank(value, 15) == 15


@pytest.mark.parametrize("value", [0, 0.0, False, "0", " ", [], {}, "False", 7])
def test_a_value(value: t.Any) -> None:
    assert unless_blank(value, 15) is value
