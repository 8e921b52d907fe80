# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.home import (
    Home,
    mark_to_write,
    parse_home,
)

KVM01 = Home("kvm01", "uuid-1", "2026-11-25T15:00:00Z", "migrate", "kvm02")


@pytest.mark.parametrize("host", ["kvm01", "a \"quoted\" <name> & 'more'", "höst"])
def test_what_is_written_is_read(host: str) -> None:
    home = replace(KVM01, host=host)
    assert parse_home(home.xml()) == home


def test_as_libvirt_gives_it_back() -> None:
    text = '<home xmlns="https://example.org/home" host="kvm01" host_uuid="uuid-1" since="now" strategy="shutdown"/>'
    assert parse_home(text) == Home("kvm01", "uuid-1", "now", "shutdown", "")


@pytest.mark.parametrize("text", ["", "<home", "<other host_uuid='1'/>", "<home host='kvm01'/>"])
def test_what_is_no_mark(text: str) -> None:
    assert parse_home(text) is None


def test_a_visitor_that_moves_on_keeps_its_home() -> None:
    assert mark_to_write(KVM01, Home("kvm02", "uuid-2", "later")) is None


def test_a_mark_is_written_once() -> None:
    assert mark_to_write(None, KVM01) is KVM01
    assert mark_to_write(KVM01, replace(KVM01, since="later")) is None
    elsewhere = replace(KVM01, destination="kvm03")
    assert mark_to_write(KVM01, elsewhere) is elsewhere
