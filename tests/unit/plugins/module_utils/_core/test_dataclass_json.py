# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import HugePages, Memory
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    Clock,
    HostDocument,
    Listener,
    host_from,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import Disk, GuestDocument

UUID = "4c0ffee0-0000-4000-8000-000000000001"
texts = st.text(max_size=12)
disks = st.builds(
    Disk, target=texts, source=texts, hosts=st.lists(texts, max_size=2), size_bytes=st.none() | st.integers()
)
domains = st.builds(
    GuestDocument, name=texts, uuid=texts, disks=st.lists(disks, max_size=3), metadata=st.dictionaries(texts, texts)
)
hosts = st.builds(
    HostDocument,
    name=texts,
    uuid=texts,
    clock=st.none() | st.builds(Clock, epoch_s=st.floats(allow_nan=False, allow_infinity=False)),
    domains=st.lists(domains, max_size=3),
)


@given(hosts)
def test_there_and_back_through_json(host: HostDocument) -> None:
    assert host_from(json.loads(json.dumps(host.document()))) == host


def test_what_is_missing_is_not_known_and_what_is_new_does_no_harm() -> None:
    host = host_from({"name": "kvm01", "uuid": UUID, "moon_phase": "full", "memory": {"nodes": [{"node": 0, "x": 1}]}})
    assert host.memory.available_bytes is None
    assert host.interfaces is None
    assert host.memory.nodes[0].free_bytes is None
    assert host.migration.ports == range(49152, 49216)


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ("kvm01", "host is 'kvm01', but must be a dictionary"),
        ({"name": "kvm01"}, "host.uuid is None, but must be there"),
        ({"name": 1, "uuid": UUID}, "host.name is 1, but must be a text"),
        ({"name": "kvm01", "uuid": UUID, "local": "yes"}, "host.local is 'yes', but must be true or false"),
        ({"name": "kvm01", "uuid": UUID, "memory": {"total_bytes": "1"}}, "host.memory.total_bytes is '1'"),
        ({"name": "kvm01", "uuid": UUID, "memory": {"total_bytes": True}}, "must be a whole number"),
        ({"name": "kvm01", "uuid": UUID, "domains": {}}, "host.domains is {}, but must be a list"),
        ({"name": "kvm01", "uuid": UUID, "domains": [{"name": "a"}]}, "host.domains[0].uuid"),
        ({"name": "kvm01", "uuid": UUID, "clock": {"epoch_s": "now"}}, "host.clock.epoch_s is 'now'"),
        ({"name": "kvm01", "uuid": UUID, "daemon": {"settings": []}}, "host.daemon.settings is [], but must be a dict"),
    ],
)
def test_the_place_that_does_not_fit_is_named(plain: t.Any, says: str) -> None:
    with pytest.raises(MigrationError) as caught:
        host_from(plain)
    assert caught.value.reason == "BAD_DOCUMENT"
    assert says in str(caught.value)


def test_hugepages_are_counted_by_size_and_node() -> None:
    memory = Memory(
        hugepages=[HugePages(0, 1 << 21, 100, 10), HugePages(1, 1 << 21, 100, 7), HugePages(1, 1 << 30, 4, 2)]
    )
    assert memory.hugepages_free(1 << 21) == 17
    assert memory.hugepages_free(1 << 21, [1]) == 7
    assert memory.hugepages_free(1 << 30, [0]) == 0


def test_a_document_is_plain_data() -> None:
    document = HostDocument("kvm01", UUID).document()
    assert document["daemon"] == {
        "mode": "",
        "listeners": None,
        "settings": {},
        "qemu_settings": {},
        "uri_transports": [],
    }
    assert host_from(
        {**document, "daemon": {"listeners": [{"transport": "tcp", "address": "::", "port": 16509}]}}
    ).daemon.listeners == [Listener("tcp", "::", 16509)]
