# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics as text: the format, hostile names, words that are bounded, and what is left out."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import Reason, Verdict
from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import adopted_plan
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample, Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.metrics.exposition import (
    Family,
    exposition,
    one,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.metrics.guest import (
    guest_metrics,
    two_hosts_metrics,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.metrics.host import (
    evacuation_metrics,
    host_metrics,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import Record
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.supervisor import Supervisor
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import look

MONITORING = Path(__file__).resolve().parents[6] / "extensions" / "monitoring"
LINE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)')
NUMBERS = {
    "guests": 7,
    "done": 2,
    "failed": 1,
    "moving": 2,
    "remaining_bytes": 1 << 30,
    "bytes_per_s": 45 << 20,
    "time_left_s": 12.5,
}


def record(*looks: JobSample) -> Record:
    made = Record(Supervisor(Policy(mode="observe"), adopted_plan()))
    for sample in looks:
        made.observe(sample, at_sync=True)
    return made


def stuck(name: str = "erp01") -> list[JobSample]:
    more: dict[str, t.Any] = {"dirty_pages_per_s": 25_600, "name": name, "uuid": "U", "throttle_percent": 40}
    return [look(1, 1, 900, **more), look(10, 2, 200, **more), look(12, 3, 200, **more)]


def values(text: str) -> dict[str, float]:
    """By name, with the words in the labels that are not those of the guest."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        matched = LINE.fullmatch(line)
        assert matched, line
        words = re.findall(r'(?:phase|verdict|reason|outcome|state)="(\w+)"', matched[2] or "")
        found[" ".join([matched[1], *words])] = float(matched[3])
    return found


def test_a_stuck_migration() -> None:
    found = values(guest_metrics(record(*stuck()), 1_700_000_000.25))
    assert found["live_migration_running"] == 1
    assert found["live_migration_phase precopy"] == 1
    # The policy would let it stand still for a second, and it needs two.
    assert found["live_migration_verdict stuck DIRTY_RATE"] == 1
    assert found["live_migration_elapsed_seconds"] == 12
    assert found["live_migration_passes"] == 3
    assert found["live_migration_sent_bytes"] == 1200 << 20
    assert found["live_migration_remaining_bytes"] == 200 << 20
    assert found["live_migration_dirty_bytes_per_second"] == 25_600 * 4096
    assert found["live_migration_throttle_ratio"] == 0.4
    assert found["live_migration_max_downtime_seconds"] == 1
    assert found["live_migration_downtime_limit_seconds"] == 0.3
    assert found["live_migration_needed_downtime_seconds"] == pytest.approx(2, rel=0.1)
    assert found["live_migration_updated_timestamp_seconds"] == 1_700_000_000.25
    assert "live_migration_downtime_seconds" not in found
    assert not any(name.startswith("live_migration_outcome") for name in found)


def test_the_end_keeps_what_was_seen_last() -> None:
    end = look(13, None, 0, sent_mib=0, total_mib=0, phase=Phase.COMPLETED, downtime_ms=351, name="erp01", uuid="U")
    found = values(guest_metrics(record(*stuck(), end), 1.0))
    assert found["live_migration_running"] == 0
    assert found["live_migration_outcome completed"] == 1
    assert found["live_migration_downtime_seconds"] == 0.351
    assert found["live_migration_sent_bytes"] == 1200 << 20
    assert found["live_migration_remaining_bytes"] == 0


def test_one_that_is_left_goes_on() -> None:
    made = Record(Supervisor(Policy(on_hopeless="leave", postcopy="never", deadline_s=5), adopted_plan()))
    for sample in stuck():
        made.observe(sample, at_sync=True)
    assert made.supervisor.outcome == "left"
    found = values(guest_metrics(made, 1.0))
    assert found["live_migration_outcome left"] == 1
    assert found["live_migration_running"] == 1


def test_before_the_first_look_there_is_nothing() -> None:
    assert guest_metrics(record(), 1.0) == ""


@pytest.mark.parametrize(
    "name",
    ['a"} 1\nnode_load1 99', "back\\slash", "\\", '"', "new\nline", "{}", "日本", "\udcff", "\x00\x1b[2J\r", "a,b=c"],
)
def test_a_name_stays_within_its_label(name: str) -> None:
    text = guest_metrics(record(*stuck(name)), 1.0)
    text.encode("utf-8")
    lines = text.removesuffix("\n").split("\n")
    assert len(lines) == len(guest_metrics(record(*stuck("erp01")), 1.0).splitlines())
    for line in lines:
        assert line.startswith(("# HELP live_migration_", "# TYPE live_migration_", "live_migration_")), line
        assert line.startswith("#") or LINE.fullmatch(line), line


def test_escapes_are_those_of_the_format() -> None:
    text = exposition([Family("a", "b\\\nc", [({"guest": 'x"\\\n'}, 1)])])
    assert text == '# HELP a b\\\\\\nc\n# TYPE a gauge\na{guest="x\\"\\\\\\n"} 1\n'


def test_numbers() -> None:
    families = [one("a", "", value) for value in (True, 0, 1.5, 2.0, 1 << 40, float("nan"), float("inf"), None)]
    lines = [line for line in exposition(families).splitlines() if not line.startswith("#")]
    assert lines == ["a 1", "a 0", "a 1.5", "a 2", f"a {1 << 40}", "a NaN", "a +Inf"]


def test_an_evacuation() -> None:
    text = evacuation_metrics(NUMBERS, began_s=100.0, expected_end_s=400.0, now_s=200.0, running=True)
    assert values(text) == {
        "live_migration_evacuation_running": 1,
        "live_migration_evacuation_guests done": 2,
        "live_migration_evacuation_guests failed": 1,
        "live_migration_evacuation_guests moving": 2,
        "live_migration_evacuation_guests waiting": 2,
        "live_migration_evacuation_remaining_bytes": 1 << 30,
        "live_migration_evacuation_bytes_per_second": 45 << 20,
        "live_migration_evacuation_time_left_seconds": 12.5,
        "live_migration_evacuation_start_timestamp_seconds": 100,
        "live_migration_evacuation_expected_end_timestamp_seconds": 400,
        "live_migration_evacuation_updated_timestamp_seconds": 200,
    }


def test_what_is_not_known_is_left_out() -> None:
    numbers = {**NUMBERS, "time_left_s": None}
    text = evacuation_metrics(numbers, began_s=100.0, expected_end_s=None, now_s=200.0, running=True)
    assert "time_left" not in text and "expected_end" not in text


def test_a_host() -> None:
    assert values(host_metrics(away=3, cordoned=True, now_s=5.0)) == {
        "live_migration_host_guests_away_from_home": 3,
        "live_migration_host_cordoned": 1,
        "live_migration_host_updated_timestamp_seconds": 5,
    }


# --- what reads them


def names() -> set[str]:
    end = look(13, None, 0, phase=Phase.COMPLETED, downtime_ms=351, name="erp01", uuid="U")
    text = guest_metrics(record(*stuck()), 1.0) + guest_metrics(record(*stuck(), end), 1.0)
    text += two_hosts_metrics("erp01", "U", twice=True) + host_metrics(away=0, cordoned=False, now_s=1.0)
    text += evacuation_metrics(NUMBERS, began_s=1.0, expected_end_s=2.0, now_s=1.0, running=True)
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}


def test_rules_and_dashboard_use_metrics_and_words_that_there_are() -> None:
    rules = [
        rule for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"] for rule in group["rules"]
    ]
    dashboard = json.loads((MONITORING / "grafana_dashboard.json").read_text())
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    expressions = [rule["expr"] for rule in rules] + [target["expr"] for target in targets]
    used = set(re.findall(r"live_migration_\w+", " ".join(expressions)))
    assert used <= names()
    words = {one.value for kind in (Verdict, Reason, Phase) for one in kind}
    for matched in re.findall(r'(?:verdict|phase|reason)=~?"([\w|]+)"', " ".join(expressions)):
        assert set(matched.split("|")) <= words


def test_the_readme_has_every_metric() -> None:
    text = (MONITORING / "README.md").read_text()
    told = set()
    for cell in re.findall(r"^\| (`live_migration.*?) \|", text, re.MULTILINE):
        first, *others = re.findall(r"`(\w+)`", cell)
        told.add(first)
        prefix = "live_migration_evacuation" if "evacuation" in first else "live_migration"
        told |= {other if other.startswith("live_") else prefix + other for other in others}
    assert told == names()
