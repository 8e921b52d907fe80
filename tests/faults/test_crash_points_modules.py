# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that write settings are killed before and after each call and each write, and run again: what they are to
set is set, and nothing else is left."""

from __future__ import annotations

import typing as t

import pytest
from bench.runs import Task, task
from crash_points import at_each, both_sides, chosen_calls, counted, forget, log_of, tell
from results import Seen
from scene import END_S, Scene

CONF = "/etc/libvirt/crash.conf"
BEFORE = "# ours\nmigration_port_min = 49152\n"
ORDERS = {
    "libvirt_conf": {"path": CONF, "settings": {"migration_port_max": 49200, "keepalive_count": 3}},
    "host_cordon present": {"state": "present"},
    "host_cordon absent": {"state": "absent"},
}


@pytest.fixture
def settings(counting: Scene) -> t.Iterator[Scene]:
    """The same, with what a death may leave removed in the end."""
    yield counting
    for host in counting.hosts:
        counting.ansible.run(host, task("host_cordon", state="absent"))
        counting.lab.execute(host, "sh", "-c", f"rm -f {CONF} {CONF}.*")


def order(name: str) -> Task:
    return task(name.split(" ")[0], **ORDERS[name])


def begin_anew(scene: Scene, host: str, name: str) -> None:
    """As it is before: a file with a setting, and the other state of the mark."""
    scene.lab.execute(host, "sh", "-c", f"rm -f {CONF}*; cat >{CONF}", input_text=BEFORE)
    if name.startswith("host_cordon"):
        other = "absent" if name.endswith("present") else "present"
        scene.ansible.run(host, task("host_cordon", state=other))


def left(scene: Scene, host: str) -> str:
    """The files of the configuration with what is in them."""
    return scene.lab.execute(host, "sh", "-c", f"head -n 99 {CONF}*").stdout


def outcome_at(scene: Scene, host: str, name: str, wanted: str, at: str) -> str:
    begin_anew(scene, host, name)
    (first,) = scene.ansible.begin(host, counted(order(name), at)).wait(END_S).results
    second, third = scene.ansible.run(host, order(name), order(name))
    assert not second["failed"], f"{at}: {second['msg']}"
    assert not third["changed"], at
    assert left(scene, host) == wanted, at
    return f"{'died' if first['failed'] else 'not reached'}, then {'changed' if second['changed'] else 'nothing to do'}"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ORDERS)
def test_each_call(settings: Scene, seen: Seen, name: str) -> None:
    host = settings.guest.source
    begin_anew(settings, host, name)
    forget(settings, host)
    (result,) = settings.ansible.run(host, counted(order(name)))
    assert result["changed"], result
    calls, wanted = chosen_calls(log_of(settings, host)), left(settings, host)
    assert calls
    outcomes = at_each(both_sides(calls), lambda at: outcome_at(settings, host, name, wanted, at))
    assert sum(count for outcome, count in outcomes.items() if outcome.startswith("died")) >= len(calls), outcomes
    tell(seen, name, calls, outcomes)
