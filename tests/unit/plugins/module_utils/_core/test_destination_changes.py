# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.destination_changes import (
    DestinationChanges,
    changes_from,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError


@pytest.mark.parametrize(
    "plain",
    [
        {"bridge": {}},
        {"bridges": {"br0": 7}},
        {"bridges": {"br0": ""}},
        {"bridges": {" br0": "br1"}},
        {"paths": {"srv": "/mnt"}},
        {"paths": {"/srv": "mnt"}},
    ],
)
def test_odd_rules_are_refused(plain: dict[str, t.Any]) -> None:
    with pytest.raises(MigrationError) as caught:
        changes_from(plain)
    assert caught.value.reason == "BAD_CHANGES"


def test_names_by_the_rules() -> None:
    changes = changes_from({"listen_addresses": {"fd00::11": "fd00::12", "0.0.0.0": "10.0.0.12"}, "paths": {"/": "/x"}})
    assert changes
    assert not changes_from({"same_storage": True, "bridges": None})
    assert not changes_from(None)
    assert changes.listen_address("fd00:0:0::11") == "fd00::12"
    assert changes.listen_address("0.0.0.0") == "10.0.0.12"
    assert changes.listen_address("127.0.0.1") == "127.0.0.1"
    assert changes.path("/srv/a") == "/x/srv/a"
    assert changes_from({"paths": {"/srv/": "/"}}).path("/srv/a") == "/a"
    assert changes_from({"paths": {"/srv": "/"}}).path("/srv") == "/"


def test_what_no_rule_names_stays() -> None:
    changes = changes_from({"bridges": {"br0": "br-vm"}, "networks": {"red": "blue"}, "devices": {"eth0": "ens1"}})
    assert [changes.bridge(one) for one in ("br0", "br1", "red")] == ["br-vm", "br1", "red"]
    assert [changes.network(one) for one in ("red", "br0")] == ["blue", "br0"]
    assert [changes.device(one) for one in ("eth0", "eth01")] == ["ens1", "eth01"]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/srv/vm/a", "/fast/a"),
        ("/srv/vm", "/fast"),
        ("/srv/other/a", "/mnt/other/a"),
        ("/srv/vm2/a", "/mnt/vm2/a"),
        ("/srvx/a", "/srvx/a"),
        ("", ""),
    ],
)
def test_of_several_directories_the_innermost_counts(path: str, there: str) -> None:
    assert DestinationChanges(paths={"/srv": "/mnt", "/srv/vm": "/fast/"}).path(path) == there


def test_the_users_word_alone_changes_nothing() -> None:
    changes = changes_from({"same_storage": True})
    assert (changes.same_storage, bool(changes)) == (True, False)
