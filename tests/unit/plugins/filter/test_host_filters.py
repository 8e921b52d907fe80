# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts are meant, which of them may take part, and how one is put into a URI."""

from __future__ import annotations

import typing as t

import pytest
from ansible import constants
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.hosts_of_pattern import hosts_of_pattern
from ansible_collections.virtops.live_migration.plugins.filter.hosts_outside import hosts_outside
from ansible_collections.virtops.live_migration.plugins.filter.takes_guests import takes_guests
from ansible_collections.virtops.live_migration.plugins.filter.uri_for_host import uri_for_host


@pytest.fixture(autouse=True)
def warn_of_mismatches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Ansible does by default; ansible-test makes them errors."""
    monkeypatch.setattr(constants, "HOST_PATTERN_MISMATCH", "warning")


GROUPS = {
    "all": ["kvm01", "kvm02", "kvm03", "web01"],
    "ungrouped": [],
    "hypervisors": ["kvm01", "kvm02", "kvm03"],
    "web": ["web01"],
}


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", ["kvm01", "kvm02", "kvm03", "web01"]),
        ("hypervisors", ["kvm01", "kvm02", "kvm03"]),
        ("hypervisors:!kvm02", ["kvm01", "kvm03"]),
        ("hypervisors[0:1]", ["kvm01", "kvm02"]),
        (" kvm02 ", ["kvm02"]),
        ("kvm02,nobody", ["kvm02"]),
        ("~kvm0[12]", ["kvm01", "kvm02"]),
        (["kvm01", "web"], ["kvm01", "web01"]),
        ([], []),
        ("", []),
        (None, []),
    ],
)
def test_hosts_of_a_pattern(pattern: t.Any, hosts: list[str]) -> None:
    assert hosts_of_pattern(pattern, GROUPS) == hosts


@pytest.mark.parametrize(
    "pattern",
    [
        "nobody",
        "localhost",
        "127.0.0.1",
        "::1",
        "kvm01:!kvm01",
        "web:&hypervisors",
        "192.0.2.1",
        "~[",
        "~[a",
        "*.x",
        ",",
        ":",
        "[",
        ", ,",
    ],
)
def test_a_pattern_that_matches_nothing(pattern: str) -> None:
    with pytest.raises(AnsibleFilterError, match="Nothing was changed"):
        hosts_of_pattern(pattern, GROUPS)


def test_a_limit() -> None:
    assert hosts_of_pattern("hypervisors", GROUPS, "kvm02,web01") == ["kvm01", "kvm02", "kvm03"]
    assert hosts_of_pattern("hypervisors", GROUPS, "@/some/file") == ["kvm01", "kvm02", "kvm03"]
    for pattern in ("hypervisors", ""):
        with pytest.raises(AnsibleFilterError, match="Nothing was changed"):
            hosts_of_pattern(pattern, GROUPS, "web")


def test_without_an_inventory_the_syntax_can_be_checked() -> None:
    assert hosts_of_pattern("all", {"all": [], "ungrouped": []}) == []


@pytest.mark.parametrize(
    ("names", "allowed", "outside"),
    [
        (["kvm01", "web01"], "all", []),
        (["kvm01", "web01"], "hypervisors", ["web01"]),
        (["kvm01", "web01", "web01"], "hypervisors:!kvm01", ["kvm01", "web01"]),
        ("kvm01", "all", []),
        ("nobody", "all", ["nobody"]),
        ([], "all", []),
        (["kvm*", "hypervisors", "all", "kvm01 ", "KVM01", "", "root@kvm01", "localhost"], "all",
         ["kvm*", "hypervisors", "all", "kvm01 ", "KVM01", "", "root@kvm01", "localhost"]),
        ([None, 1, True, ["kvm01"], {"a": 1}], "all", ["None", "1", "True", "['kvm01']", "{'a': 1}"]),
        (["a\rb", "a\u202eb"], "all", ["'a\\rb'", "'a\\u202eb'"]),
        (["kvm01"], "nobody", ["kvm01"]),
        (["kvm01"], "localhost", ["kvm01"]),
        (["localhost"], "localhost", ["localhost"]),
        (["kvm01"], "", []),
        (["kvm01"], None, []),
    ],
)  # fmt: skip
def test_hosts_outside(names: t.Any, allowed: t.Any, outside: list[str]) -> None:
    assert hosts_outside(names, GROUPS, allowed) == outside


def test_localhost_of_the_inventory_is_a_host_like_others() -> None:
    groups = {"all": ["localhost"], "ungrouped": ["localhost"]}
    assert hosts_of_pattern("localhost", groups) == ["localhost"]
    assert hosts_outside(["localhost"], groups) == []


def test_uri_for_host() -> None:
    assert uri_for_host("qemu+ssh://root@{host}/system", "kvm02") == "qemu+ssh://root@kvm02/system"
    assert uri_for_host("tcp://{host}", ["kvm01", "kvm02"]) == ["tcp://kvm01", "tcp://kvm02"]
    template = "qemu+ssh://root@{host}/system?keyfile=/etc/keys/id_rsa"
    assert uri_for_host(template, "kvm02", ["keyfile"]).endswith("@kvm02/system?keyfile=/etc/keys/id_rsa")
    for wrong in (
        (template, "kvm02"),
        ("qemu+ssh://root:secret@{host}/system", "kvm02"),
        (template, "x?y", ["keyfile"]),
    ):
        with pytest.raises(AnsibleFilterError) as caught:
            uri_for_host(*wrong)
        assert "secret" not in str(caught.value)
    assert uri_for_host("qemu:///system", "kvm01", fixed=True) == "qemu:///system"
    assert uri_for_host("qemu+tls://{host}/system", "kvm01", fixed=True) == "qemu+tls://kvm01/system"
    for wrong in ("qemu:///system", "qemu+ext:///system?command=/x"):
        with pytest.raises(AnsibleFilterError):
            uri_for_host(wrong, "kvm01", fixed=wrong.endswith("x"))


@pytest.mark.parametrize(
    ("local", "says"),
    [
        ({}, "yes"),
        ({"virtops_live_migration": {"cordoned": False}}, "yes"),
        ({"virtops_live_migration": {"cordoned": "true"}}, "no"),
        ({"virtops_live_migration": "error loading facts as JSON or ini - please check content"}, "not known"),
        ({"virtops_live_migration": {}}, "not known"),
        (None, "not known"),
        ("unreachable", "not known"),
    ],
)
def test_whether_a_host_takes_guests(local: t.Any, says: str) -> None:
    assert takes_guests(local) == says
