# SPDX-License-Identifier: GPL-3.0-or-later
"""Alert rules, dashboard and README know the metrics and words that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.verdict import Reason, Verdict
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import Phase
from ansible_collections.virtops.live_migration.plugins.module_utils._core.metrics.guest import (
    guest_metrics,
    two_hosts_metrics,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.metrics.host import (
    evacuation_metrics,
    host_metrics,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.looks import look
from ansible_collections.virtops.live_migration.tests.unit.plugins.metrics import NUMBERS, record, stuck

MONITORING = Path(__file__).resolve().parents[6] / "extensions" / "monitoring"


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
