# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that `virsh migrate` has started gets stuck, and a rulebook frees it, or only tells."""

from __future__ import annotations

import datetime
import time

import pytest
from bench.subject import DEFAULT_DOWNTIME_MS, Subject, wait_for
from rulebook import Rulebook
from virtlab.lab import Lab

MAY = {"max_downtime_ms": 8000, "postcopy": "never"}


def limit_ms(guest: Subject) -> int:
    text = guest.virsh("migrate-getmaxdowntime", check=False)
    return int(text) if text.isdigit() else 0


def test_a_stuck_migration_is_freed(rulebook: Rulebook, erp01: Subject) -> None:
    rulebook.start("migration_rescue", live_migration_policy_overrides=MAY)
    migration = erp01.migrate()
    stuck = rulebook.wait_for(r"(\S+) kvm0\d erp01 is stuck: (.*)")
    wait_for(lambda: limit_ms(erp01) > DEFAULT_DOWNTIME_MS, "the first action")
    verdict_s = datetime.datetime.fromisoformat(stuck[1]).timestamp()
    first_action_s = time.time() - verdict_s
    empty_s = rulebook.empty_playbook_s(erp01.source)
    print(f"first action {first_action_s:.1f} s after the first firm verdict, an empty playbook {empty_s:.1f} s")
    erp01.arrives(migration)
    rulebook.wait_for(rf"{erp01.uuid}: the rescue has ended\s+\(completed\); used were:\s+set_downtime")
    rulebook.wait_for(r"erp01: the migration has ended \(completed\)")
    assert len(erp01.lab.guests()) == 1
    assert rulebook.said().count("PLAY [Rescue a live migration") == 1


def test_what_only_tells_does_nothing(rulebook: Rulebook, erp01: Subject) -> None:
    rulebook.start("migration_tell", live_migration_policy_overrides=MAY)
    erp01.migrate()
    rulebook.wait_for(r"erp01 is stuck: .*stand still a little longer")
    time.sleep(5)
    assert limit_ms(erp01) == DEFAULT_DOWNTIME_MS
    assert "PLAY" not in rulebook.said()
    erp01.abort()
    rulebook.wait_for(r"erp01: the migration has ended\s+\(failed\)")


def test_what_the_policy_does_not_allow_is_not_done(rulebook: Rulebook, erp01: Subject) -> None:
    limits = {"max_downtime_ms": 400, "postcopy": "never", "deadline_s": 5}
    rulebook.start("migration_rescue", live_migration_policy_overrides=limits)
    erp01.migrate()
    rulebook.wait_for(r"erp01 is stuck")
    # Why it was left, and what would free it, is what the playbook ends with.
    rulebook.wait_for(r"Stop when it did not come to a good end[\s\S]*policy")
    assert limit_ms(erp01) <= 400
    assert erp01.job(), "it was aborted"


def test_a_broken_postcopy_is_joined(rulebook: Rulebook, erp01: Subject, lab: Lab) -> None:
    rulebook.start("migration_recover")
    erp01.migrate("--postcopy")
    erp01.switch_to_postcopy(4)
    lab.cut_stream(source=erp01.source, destination=erp01.destination)
    rulebook.wait_for(r"erp01 stands still: its post-copy migration broke")
    erp01.virsh("migrate-setspeed", "0", "--postcopy", check=False)
    rulebook.wait_for(rf"{erp01.uuid}: the rescue has ended\s+\(completed\); used were:\s+recover")
    erp01.has_moved()


@pytest.mark.parametrize("moment", ["before the verdict", "during the rescue"])
def test_it_is_killed_and_started_again(rulebook: Rulebook, erp01: Subject, moment: str) -> None:
    rulebook.start("migration_rescue", live_migration_policy_overrides=MAY)
    migration = erp01.migrate()
    if moment == "before the verdict":
        erp01.in_pass(2)
    else:
        rulebook.wait_for(r"PLAY \[Rescue a live migration")
    rulebook.kill()
    rulebook.start("migration_rescue", live_migration_policy_overrides=MAY)
    erp01.arrives(migration)
