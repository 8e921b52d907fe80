# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics that modules write on real hosts, read by Prometheus's own tool; and the rules and the dashboard for them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from bench.runs import ROOT, Ansible, assert_done, assert_refused, task
from bench.subject import Subject, wait_for
from virtlab.lab import Lab

MONITORING = ROOT / "extensions" / "monitoring"
DIRECTORY = "/var/lib/libvirt/metrics"


def promtool(*arguments: str, cwd: Path | None = None, text: str = "") -> str:
    done = subprocess.run(["promtool", *arguments], cwd=cwd, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(lab: Lab, host: str) -> dict[str, str]:
    """What node_exporter would read there, by name."""
    names = lab.execute(host, "sh", "-c", f"ls {DIRECTORY}").stdout.split()
    assert all(name.endswith(".prom") for name in names), names
    return {name: lab.execute(host, "cat", f"{DIRECTORY}/{name}").stdout for name in names}


def value(text: str, name: str, *words: str) -> float | None:
    for line in text.splitlines():
        if line.split("{")[0].split(" ")[0] == name and all(word in line for word in words):
            return float(line.rsplit(" ", 1)[1])
    return None


@pytest.fixture
def place(lab: Lab) -> t.Iterator[None]:
    for host in lab.hosts:
        lab.execute(host.name, "mkdir", "-p", DIRECTORY)
    yield
    for host in lab.hosts:
        lab.execute(host.name, "rm", "-rf", DIRECTORY)


def test_a_rescue_writes_them_while_it_runs_and_at_its_end(
    lab: Lab, ansible: Ansible, erp01: Subject, place: None
) -> None:
    source, uuid = erp01.source, erp01.uuid
    migration = erp01.migrate()
    erp01.in_pass(3)
    limits = {"max_downtime_ms": 400, "postcopy": "never", "deadline_s": 120}
    running = ansible.begin(
        source, task("migration_rescue", name="erp01", policy_overrides=limits, metrics_directory=DIRECTORY)
    )
    name = f"virtops_live_migration_{uuid}.prom"
    stuck = wait_for(
        lambda: text if value(text := files(lab, source).get(name, ""), "live_migration_verdict", "stuck") else "",
        "a file that says stuck",
    )
    assert value(stuck, "live_migration_running") == 1
    assert (value(stuck, "live_migration_needed_downtime_seconds") or 0) > 0.4
    assert (value(stuck, "live_migration_bandwidth_bytes_per_second") or 0) > 0
    assert (value(stuck, "live_migration_dirty_bytes_per_second") or 0) > 0
    promtool("check", "metrics", text=stuck)
    erp01.virsh("migrate-setmaxdowntime", "8000")
    running.wait()
    erp01.arrives(migration)
    end = files(lab, source)[name]
    promtool("check", "metrics", text=end)
    assert value(end, "live_migration_running") == 0
    assert value(end, "live_migration_outcome", 'outcome="completed"') == 1
    assert (value(end, "live_migration_downtime_seconds") or 0) > 0.4
    assert name not in files(lab, erp01.source), "the host that it came to was not asked"


def test_an_evacuation_and_what_it_leaves(lab: Lab, ansible: Ansible, crm01: Subject, place: None) -> None:
    source, destination = crm01.source, crm01.destination
    there = {"name": destination, "destination_uri": f"qemu+tcp://{destination}/system"}
    others = set(lab.virsh(source, "list", "--name").stdout.split()) - {"crm01"}
    done = ansible.module(
        source,
        "evacuation",
        guests=[
            {"name": "crm01", "destination": destination},
            *({"name": name, "strategy": "leave"} for name in sorted(others)),
        ],
        destinations=[there],
        metrics_directory=DIRECTORY,
    )
    assert_done(done, True)
    crm01.has_moved()
    assert_done(ansible.module(destination, "evacuation_home_info", metrics_directory=DIRECTORY), False)
    found = files(lab, source)
    for text in [*found.values(), *files(lab, destination).values()]:
        promtool("check", "metrics", text=text)
    evacuation = found["virtops_live_migration_evacuation.prom"]
    assert value(evacuation, "live_migration_evacuation_running") == 0
    assert value(evacuation, "live_migration_evacuation_guests", "done") == 1
    assert value(found[f"virtops_live_migration_{crm01.uuid}-hosts.prom"], "live_migration_guest_on_two_hosts") == 0
    assert value(found["virtops_live_migration_host.prom"], "live_migration_host_guests_away_from_home") == 0
    visited = files(lab, destination)["virtops_live_migration_host.prom"]
    assert value(visited, "live_migration_host_guests_away_from_home") == 1
    back = {"name": source, "destination_uri": f"qemu+tcp://{source}/system"}
    home = ansible.module(
        destination,
        "evacuation",
        guests=[{"name": "crm01", "destination": source}],
        destinations=[back],
        purpose="return",
        metrics_directory=DIRECTORY,
    )
    assert_done(home, True)
    crm01.has_moved()
    visited = files(lab, destination)["virtops_live_migration_host.prom"]
    assert value(visited, "live_migration_host_guests_away_from_home") == 0


@pytest.mark.fast
def test_a_directory_that_is_not_there_is_refused(ansible: Ansible, crm01: Subject) -> None:
    there = {"destination_uri": f"qemu+tcp://{crm01.destination}/system", "metrics_directory": "/nowhere"}
    assert_refused(ansible.module(crm01.source, "migration", name="crm01", **there), "METRICS_DIRECTORY")
    assert crm01.state().startswith("running")


def test_the_alert_rules_do_what_they_say(tmp_path: Path) -> None:
    shutil.copy(MONITORING / "alerts.yml", tmp_path)
    shutil.copy(Path(__file__).with_name("monitoring") / "alerts_test.yml", tmp_path)
    promtool("check", "rules", "alerts.yml", cwd=tmp_path)
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml", cwd=tmp_path)


@pytest.mark.fast
def test_every_alert_is_tested(tmp_path: Path) -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    names = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    tests = yaml.safe_load((Path(__file__).with_name("monitoring") / "alerts_test.yml").read_text())["tests"]
    fired = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    silent = {one["alertname"] for test in tests for one in test["alert_rule_test"] if not one["exp_alerts"]}
    assert fired == silent == names


def test_prometheus_takes_the_expressions_of_the_dashboard(tmp_path: Path) -> None:
    dashboard = json.loads((MONITORING / "grafana_dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    plain = [re.sub(r"\$(instance|guest)", ".*", one) for one in expressions]
    rules = [{"record": f"panel_{number}", "expr": one} for number, one in enumerate(plain)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", "rules.yml", cwd=tmp_path)
