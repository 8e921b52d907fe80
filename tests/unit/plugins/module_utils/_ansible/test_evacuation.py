# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the module evacuation as those of each guest, and what is refused before anything is done."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible.evacuation import evacuation_options
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError

SLOTS = {"per_source": 2, "per_destination": 2, "ahead": 2, "attempts": 3, "breaker": 4}


def guest(name: str, **more: t.Any) -> dict[str, t.Any]:
    plain: dict[str, t.Any] = {"name": name, "uuid": None, "strategy": "migrate", "destination": "kvm02"}
    plain.update(alternatives=[], policy=None, policy_overrides=None, copy_storage=None, copy_disks=None)
    return {**plain, **more}


def destination(name: str, **more: t.Any) -> dict[str, t.Any]:
    uri = f"qemu+tls://{name}/system"
    plain = {"name": name, "destination_uri": uri, "migrate_uri": None, "link_mib_per_s": None, "crosses": []}
    return {**plain, **more}


def params(*guests: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    plain: dict[str, t.Any] = {
        "guests": list(guests),
        "destinations": [destination("kvm02"), destination("kvm03", link_mib_per_s=100.0)],
        "slots": dict(SLOTS),
        "shared_limits": None,
        "purpose": "evacuate",
        "force": False,
        "heed_metadata": True,
        "shutdown_timeout_s": 300.0,
        "on_cancel": "finish",
        "cancel_file": None,
        "metrics_directory": None,
        "policy": "minimal_downtime",
        "policy_overrides": {},
        "guest_options": [],
        "compression": "auto",
        "compression_level": None,
        "parallel_connections": None,
        "bandwidth_mib_per_s": 0,
        "measure": True,
        "copy_storage": "none",
        "copy_synchronous_writes": False,
        "tls": False,
        "undefine_source": True,
        "destination_changes": None,
        "persistent": None,
        "calm_wait_s": 0.0,
        "ignore_cordon": False,
    }
    return {**plain, **more}


def test_each_guest_has_options_of_its_own() -> None:
    erp, web = guest("erp01", policy_overrides={"postcopy": "never"}), guest("web01", copy_storage="all")
    options = evacuation_options(params(erp, web, policy="post_copy"))
    sent = options.options_of(web, "kvm03")
    found = (sent.storage, sent.path.destination_uri, sent.path.link_mib_per_s)
    assert found == ("all", "qemu+tls://kvm03/system", 100)
    assert options.policy_of(erp, "erp01", "", {}).postcopy == "never"
    assert options.policy_of(web, "web01", "", {}).postcopy == "prefer"


def test_one_more_than_the_slots_shares_the_link() -> None:
    erp = guest("erp01")
    assert evacuation_options(params(erp)).options_of(erp, "kvm02").sharing == SLOTS["per_source"] + 1


@pytest.mark.parametrize(("purpose", "ignores"), [("evacuate", False), ("return", True)])
def test_who_comes_home_passes_a_cordon(purpose: str, ignores: bool) -> None:
    erp = guest("erp01")
    options = evacuation_options(params(erp, purpose=purpose))
    assert (options.leaving, options.options_of(erp, "kvm02").ignore_cordon) == (not ignores, ignores)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"slots": {**SLOTS, "per_source": 0}}, "BAD_OPTIONS"),
        ({"guests": [guest("erp01", destination="kvm09")]}, "BAD_OPTIONS"),
        ({"guests": [guest("erp01", alternatives=["kvm09"])]}, "BAD_OPTIONS"),
        ({"parallel_connections": 2, "compression": "xbzrle"}, "OPTIONS_CONFLICT"),
        ({"parallel_connections": 0, "compression": "zstd"}, "OPTIONS_CONFLICT"),
        ({"compression_level": 3, "compression": "xbzrle"}, "OPTIONS_CONFLICT"),
        ({"policy": "nonsense"}, "BAD_CONTRACT"),
        ({"metrics_directory": "/nowhere/at/all"}, "METRICS_DIRECTORY"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(more: dict[str, t.Any], reason: str) -> None:
    with pytest.raises(MigrationError) as caught:
        evacuation_options(params(**{"guests": [guest("erp01")], **more}))
    assert caught.value.reason == reason
