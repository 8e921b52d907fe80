# SPDX-License-Identifier: GPL-3.0-or-later
"""Which policy holds for one guest: the most careful of what is said; its own word only makes it stricter."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_policy import (
    GuestPolicies,
    careful,
    is_named,
    limits_of_metadata,
    said_by,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy, preset

UUID = "6420e6ce-0f4d-4a27-83da-5e8587498451"
BASE = preset("minimal_downtime")
SAID = preset(
    "suspend_workload",
    {"deadline_s": 1.0, "storage_deadline_s": 1.0, "setup_deadline_s": 1.0, "patience_s": 1.0, "max_restarts": 1},
)


def entry(name: str = "erp01", policy: str | None = None, **overrides: t.Any) -> dict[str, t.Any]:
    return {"name": name, "policy": policy, "policy_overrides": overrides, "copy_storage": None}


def of(policies: GuestPolicies, own: dict[str, t.Any] | None = None, *planned: dict[str, t.Any]) -> Policy:
    return policies.of("erp01", UUID, own, *planned)


def test_nothing_said_is_the_policy_of_the_task() -> None:
    assert of(GuestPolicies(BASE)) == BASE


def test_an_entry_takes_the_place_of_the_policy_of_the_task() -> None:
    assert of(GuestPolicies(BASE, entries=[entry(policy="post_copy")])) == preset("post_copy")
    assert of(GuestPolicies(BASE, entries=[entry(postcopy="prefer")])).postcopy == "prefer"
    assert of(GuestPolicies(BASE, entries=[entry("crm*", postcopy="prefer")])) == BASE


@pytest.mark.parametrize(
    ("for_all", "listed", "planned", "own", "postcopy"),
    [
        (None, "prefer", None, None, "prefer"),
        (None, "prefer", "if_needed", None, "if_needed"),
        (None, "prefer", "prefer", "never", "never"),
        (None, "never", "prefer", "prefer", "never"),
        ("if_needed", "prefer", None, None, "if_needed"),
        ("never", "prefer", "prefer", "prefer", "never"),
        ("prefer", None, None, "never", "never"),
        ("prefer", None, "never", None, "never"),
        ("if_needed", None, None, "prefer", "if_needed"),
        # What a guest says of itself makes nothing laxer than the policy of the task, which is never.
        (None, None, None, "prefer", "never"),
    ],
)
def test_the_most_careful_holds(
    for_all: str | None, listed: str | None, planned: str | None, own: str | None, postcopy: str
) -> None:
    bound = {} if for_all is None else {"postcopy": for_all}
    policies = GuestPolicies(preset(overrides=bound), bound, [entry(postcopy=listed)])
    said = [] if planned is None else [said_by(None, {"postcopy": planned})]
    assert of(policies, None if own is None else {"postcopy": own}, *said).postcopy == postcopy


def test_a_guest_may_only_forbid_that_it_is_made_smaller() -> None:
    policies = GuestPolicies(BASE, entries=[entry(shrink="balloon", shrink_keep_mib=100)])
    assert (of(policies).shrink, of(policies).shrink_keep_mib) == ("balloon", 100)
    assert of(policies, {"shrink": "never"}).shrink == "never"
    assert of(policies, {"shrink_keep_mib": 900}).shrink_keep_mib == 900
    assert of(policies, {"shrink_keep_mib": 10}).shrink_keep_mib == 100
    assert of(GuestPolicies(BASE), {"shrink": "balloon", "shrink_keep_mib": 10}) == BASE


def test_each_field_by_itself() -> None:
    policies = GuestPolicies(BASE, entries=[entry(max_downtime_ms=300, max_pause_s=9.0)])
    found = of(policies, {"max_downtime_ms": 400, "max_throttle_percent": 20}, {"max_downtime_ms": 900})
    assert (found.max_downtime_ms, found.max_throttle_percent, found.max_pause_s) == (300, 20, 9.0)


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("on_hopeless", ["pause", "leave", "abort"], "abort"),
        ("on_hopeless", ["pause", "leave"], "leave"),
        ("mode", ["act", "observe"], "observe"),
        ("patience_s", [5, 60], 60),
        ("deadline_s", [5.0, 60.0], 5.0),
        ("max_data_factor", [4.0, 1.5], 1.5),
        ("setup_deadline_s", [30.0, 600.0], 30.0),
        ("max_restarts", [0, 2], 0),
    ],
)
def test_what_is_careful(name: str, values: list[t.Any], wanted: t.Any) -> None:
    assert careful(name, values) == careful(name, values[::-1]) == wanted


def test_every_field_of_a_policy_has_an_order() -> None:
    for name, value in SAID.document().items():
        assert careful(name, [value, value]) == value


def test_without_a_pause_a_hopeless_guest_is_not_paused() -> None:
    policies = GuestPolicies(preset("suspend_workload"))
    found = of(policies, {"max_pause_s": 0.0})
    assert (found.max_pause_s, found.on_hopeless) == (0.0, "abort")


def test_a_later_entry_comes_before_an_earlier_one() -> None:
    entries = [entry("*", max_downtime_ms=100), entry("erp*", max_downtime_ms=200), entry(UUID, postcopy="prefer")]
    found = of(GuestPolicies(BASE, entries=entries))
    assert (found.max_downtime_ms, found.postcopy) == (200, "prefer")


@pytest.mark.parametrize(
    ("entries", "postcopy"),
    [
        ([entry("*", postcopy="never"), entry(postcopy="prefer")], "never"),
        ([entry(postcopy="prefer"), entry("*", postcopy="never")], "never"),
        ([entry("*", postcopy="never"), entry(policy="post_copy")], "never"),
        ([entry("*", policy="post_copy", postcopy="never"), entry(max_downtime_ms=200)], "never"),
        ([entry("*", postcopy="never"), entry("erp*", postcopy="prefer"), entry(UUID, postcopy="if_needed")], "never"),
        # What a named policy has of its own is no word of this kind: another one comes in its place.
        ([entry("*", policy="minimal_downtime"), entry(policy="post_copy")], "prefer"),
        ([entry("*", policy="minimal_downtime"), entry(postcopy="prefer")], "prefer"),
        ([entry("crm*", postcopy="never"), entry(postcopy="prefer")], "prefer"),
    ],
)
def test_never_by_post_copy_is_never_by_post_copy(entries: list[dict[str, t.Any]], postcopy: str) -> None:
    assert of(GuestPolicies(BASE, entries=entries)).postcopy == postcopy
    assert of(GuestPolicies(BASE, entries=entries), None, said_by(None, {"postcopy": "prefer"})).postcopy == postcopy


def test_the_metadata_is_not_heeded_where_that_is_said() -> None:
    assert of(GuestPolicies(BASE, heed_metadata=False), {"max_downtime_ms": 1}) == BASE


def test_how_disks_go_along() -> None:
    entries = [{**entry("*"), "copy_storage": "none"}, {**entry(), "copy_storage": "incremental"}]
    assert GuestPolicies(BASE, entries=entries).copy_storage("erp01", UUID) == "incremental"
    assert GuestPolicies(BASE, entries=entries).copy_storage("crm01", "1") == "none"
    assert GuestPolicies(BASE).copy_storage("erp01", UUID) is None


def test_which_disks_are_copied() -> None:
    entries = [{**entry("*"), "copy_disks": ["vda"]}, {**entry(), "copy_disks": ["vdb", "vdc"]}, entry()]
    policies = GuestPolicies(BASE, entries=entries)
    assert policies.copy_disks("erp01", UUID) == ["vdb", "vdc"]
    assert policies.copy_disks("crm01", "1") == ["vda"]
    assert GuestPolicies(BASE).copy_disks("erp01", UUID) is None


@pytest.mark.parametrize(("said", "wanted"), [([], False), ([None], False), (["none"], False), (["none", "all"], True)])
def test_whether_any_guest_is_copied_by_an_entry(said: list[str | None], wanted: bool) -> None:
    entries = [{**entry(), "copy_storage": one} for one in said]
    assert GuestPolicies(BASE, entries=entries).may_copy() is wanted


@pytest.mark.parametrize("wrong", [entry(max_down=1), entry(postcopy="perhaps"), entry(max_downtime_ms=0)])
def test_nonsense_is_told_whichever_guest_it_is_for(wrong: dict[str, t.Any]) -> None:
    with pytest.raises(MigrationError) as error:
        GuestPolicies(BASE, entries=[{**wrong, "name": "nobody"}]).check()
    assert error.value.reason == "BAD_CONTRACT"


@pytest.mark.parametrize(
    ("text", "limits", "problems"),
    [
        (None, {}, 0),
        ("no xml", {}, 0),
        ('<guest strategy="leave"/>', {}, 0),
        ('<guest postcopy="never" max-downtime-ms="300"/>', {"postcopy": "never", "max_downtime_ms": 300}, 0),
        ('<guest max-pause-s="0" max-postcopy-s="2.5"/>', {"max_pause_s": 0.0, "max_postcopy_s": 2.5}, 0),
        ('<guest max-throttle-percent="0"/>', {"max_throttle_percent": 0}, 0),
        ('<guest shrink="never" shrink-keep-mib="900"/>', {"shrink": "never", "shrink_keep_mib": 900}, 0),
        ('<guest shrink="nevre" shrink-keep-mib="much"/>', {"shrink": "never"}, 2),
        # What cannot be understood of post-copy is taken for a no.
        ('<guest postcopy="nevre"/>', {"postcopy": "never"}, 1),
        ('<guest max-downtime-ms="0.3"/>', {}, 1),
        ('<guest max-downtime-ms="0"/>', {}, 1),
        ('<guest max-downtime-ms="1e3" max-pause-s="nan" max-throttle-percent="100"/>', {}, 3),
        ('<guest max-pause-s="-1"/>', {}, 1),
    ],
)
def test_what_a_guest_says_of_itself(text: str | None, limits: dict[str, t.Any], problems: int) -> None:
    found, told = limits_of_metadata(text)
    assert found == limits
    assert len(told) == problems


def test_names() -> None:
    assert is_named("erp*", "erp01", UUID)
    assert is_named(UUID.upper(), "erp01", UUID)
    assert not is_named(UUID, UUID, "another")
    assert not is_named("crm?", "erp01", UUID)
