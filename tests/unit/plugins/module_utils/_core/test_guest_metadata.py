# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_metadata import attributes_of


def test_an_element_with_its_attributes() -> None:
    found = attributes_of("<m:home xmlns:m='https://example.org' host='kvm01' since=''/>")
    assert found is not None
    assert (found.element, dict(found.values)) == ("home", {"host": "kvm01", "since": ""})


@pytest.mark.parametrize("text", [None, 7, "", "home", "<home", "<a/><b/>", "<a b='\x00'/>", "<a b='\ud800'/>"])
def test_what_is_none(text: t.Any) -> None:
    assert attributes_of(text) is None
