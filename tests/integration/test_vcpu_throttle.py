# SPDX-License-Identifier: GPL-3.0-or-later
"""A job without auto-converge whose guest never lets it end: slowed down by the quotas of its virtual processors.

On hosts of a lab of its own, whose libvirtd has control groups. A machine that cannot give any skips these tests.
"""

from __future__ import annotations

import os
import signal
import time
import typing as t

import pytest
from bench.lending import passing_by, systems_asked_for
from bench.runs import Ansible, Result, assert_done, assert_refused, task
from bench.subject import LINK_MBIT, Subject, wait_for
from virtlab import cgroups
from virtlab.guest import GuestOptions
from virtlab.host import processes
from virtlab.lab import Lab, leftovers
from virtlab.proc import send_signal, start_ticks

MODULE = "migration_rescue"
SCRIPT = f"AnsiballZ_{MODULE}.py"
WATCHER = "put_back_vcpu_quota.py"
NOTES = "/run/virtops-live-migration/*.vcpu-quota"
MIB = 1 << 20
MIB_PER_S_OF_A_MBIT = 0.114  # of migration traffic
CAP = 80
# It writes as fast as its one virtual processor lets it: what it loses of that it writes less.
WRITER = GuestOptions(ram_mib=256, hot_mib=64, cold_mib=16, pages_per_s=100_000, steps_per_page=2000)
# So much that it has it on a busy machine, too, and writes as much as it was measured to.
LIMIT = ("20000", "100000")
WRITTEN_OVER_SENT = 2.5  # at 60 % less it writes as fast as is sent, at 80 % less half of that
SLOW_MBIT = 100  # at which it never ends, whatever the machine
ALLOWED = {"max_downtime_ms": 500, "postcopy": "never", "max_throttle_percent": CAP, "deadline_s": 120}


@pytest.fixture(scope="module")
def cpu_lab() -> t.Iterator[Lab]:
    problem = cgroups.problem()
    if problem:
        pytest.skip(problem)
    name = f"it-{os.getpid()}-5"
    with Lab(name) as made:
        made.up(host_count=2, link_mbit=LINK_MBIT, on=systems_asked_for(), with_cgroups=True)
        yield made
    assert leftovers(name) == []


@pytest.fixture(scope="module")
def controller(cpu_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("ansible-cpu"), cpu_lab.inventory())


@pytest.fixture
def writer(cpu_lab: Lab) -> t.Iterator[Subject]:
    for guest in passing_by(cpu_lab, "writer01", WRITER):
        cpu_lab.link_set(guest.source, mbit=SLOW_MBIT)
        if not quotas(guest):
            # Seen with version 1 of control groups only. With version 2 the module says NO_VCPU_QUOTA then.
            assert cgroups.is_unified(), "libvirt has made no control group for its virtual processor"
            pytest.skip("libvirt has made no control group for a virtual processor in the hierarchy of version 2")
        yield guest


def quotas(guest: Subject, group: str = "vcpu0", host: str = "") -> list[list[str]]:
    """What the files of a guest's control groups of this name say: quota and period of each; none where it is not."""
    script = (
        f"for d in $(find /sys/fs/cgroup -type d -path '*{guest.name}*' -name {group}); do"
        " if [ -e $d/cpu.max ]; then cat $d/cpu.max;"
        " else echo $(cat $d/cpu.cfs_quota_us $d/cpu.cfs_period_us); fi; done"
    )
    told = guest.lab.execute(host or guest.source, "sh", "-c", script).stdout.replace("-1", "max")
    return [line.split() for line in told.splitlines()]


def share(guest: Subject) -> float:
    """Of a processor that its virtual processor may have."""
    ((quota, period),) = quotas(guest)
    return 1.0 if quota == "max" else int(quota) / int(period)


def notes(guest: Subject, host: str = "") -> str:
    return guest.lab.execute(host or guest.source, "sh", "-c", f"ls {NOTES}", check=False).stdout


def watchers(lab: Lab, host: str) -> list[int]:
    return [pid for pid, words in processes(lab.host(host)).items() if any(WATCHER in word for word in words)]


def kept(guest: Subject, host: str = "") -> tuple[list[list[str]], str]:
    """On this host: its quotas, and the note of what they were."""
    return quotas(guest, host=host), notes(guest, host)


def as_it_was(quota: t.Sequence[str] = ("max", "100000")) -> tuple[list[list[str]], str]:
    return [list(quota)], ""


def no_watcher(guest: Subject) -> None:
    """It looks a few times a second whether it is needed, so it ends a little later than the module."""
    wait_for(lambda: not watchers(guest.lab, guest.source), "the watcher to end", 60)


def values(result: Result) -> list[float]:
    return [action["value"] for action in result["actions"] if action["action"] == "throttle"]


def work_rate(guest: Subject, seconds: float) -> float:
    guest.lab.guest_mark(guest.uuid)
    time.sleep(seconds)
    return float(guest.lab.guest_report(guest.uuid, since_mark=True, ask_libvirt=False).work_rate_pages_per_s)


def test_a_job_that_never_ends_is_freed_within_cap_and_contract(controller: Ansible, writer: Subject) -> None:
    quota, period = LIMIT
    writer.virsh("schedinfo", "--live", f"vcpu_quota={quota}", f"vcpu_period={period}")
    undisturbed = work_rate(writer, 5)
    mbit = round(undisturbed * 4096 / MIB / WRITTEN_OVER_SENT / MIB_PER_S_OF_A_MBIT)
    writer.lab.link_set(writer.source, mbit=mbit)
    migration = writer.migrate()
    writer.in_pass(3)
    little = {**ALLOWED, "max_throttle_percent": 20, "deadline_s": 30}
    left = controller.module(writer.source, MODULE, name="writer01", policy_overrides=little)
    assert kept(writer) == as_it_was(LIMIT)
    no_watcher(writer)
    writer.lab.guest_mark(writer.uuid)
    result = controller.module(writer.source, MODULE, name="writer01", policy_overrides=ALLOWED)
    seen = writer.lab.guest_report(writer.uuid, since_mark=True, ask_libvirt=False)
    lost_s = seen.window_s - seen.work_pages / undisturbed
    record = result.get("record", {})
    print("undisturbed pages/s", undisturbed, "link Mbit/s", mbit)
    for one in (left, result):
        decisions = one.get("record", {}).get("decisions", ())
        print([(round(each["at_s"], 1), each["reason"], each["value"]) for each in decisions], one.get("outcome"))
    print(record.get("boundaries"), record.get("vcpu_throttle"), result.get("downtime_ms"))
    print(f"of {seen.window_s:.1f} s the work of {lost_s:.1f} s was lost; {seen}")
    assert_refused(left, "LEFT")
    assert [value for value in values(left) if value] == [20]
    assert_done(result, True, outcome="completed")
    assert values(result) and max(values(result)) <= CAP
    assert result["downtime_ms"] <= ALLOWED["max_downtime_ms"]
    assert record["vcpu_throttle"] == {"most_percent": max(values(result)), "held_back_s": None, "problems": []}
    assert kept(writer, writer.source) == ([], "")
    no_watcher(writer)
    writer.arrives(migration)
    # What it was meant to have on the source it has here, and nothing of what was done to it.
    assert kept(writer) == as_it_was(LIMIT)
    after = work_rate(writer, 5)
    print("there pages/s", after)
    assert after > 0.7 * undisturbed


def test_only_its_virtual_processors_are_held_back_and_a_killed_module_leaves_nothing(
    controller: Ansible, writer: Subject
) -> None:
    migration = writer.migrate()
    writer.in_pass(2)
    running = controller.begin(writer.source, task(MODULE, name="writer01", policy_overrides=ALLOWED))
    wait_for(lambda: share(writer) < 1, "its quota to be lowered")
    assert share(writer) >= 1 - CAP / 100
    assert quotas(writer, "emulator") == [["max", "100000"]]
    assert writer.lab.kill_script(writer.source, SCRIPT) == 1
    killed_s = time.monotonic()
    wait_for(lambda: kept(writer) == as_it_was(), "its quota to be put back", 60)
    print("put back after", time.monotonic() - killed_s)
    no_watcher(writer)
    (died,) = running.wait(60).results
    assert_refused(died, "MODULE_DIED")
    assert migration.exit_code() is None, migration.output()
    writer.abort()


@pytest.mark.wide
def test_what_both_left_when_they_were_killed_the_next_run_puts_back(controller: Ansible, writer: Subject) -> None:
    writer.migrate()
    writer.in_pass(2)
    running = controller.begin(writer.source, task(MODULE, name="writer01", policy_overrides=ALLOWED))
    wait_for(lambda: share(writer) < 1, "its quota to be lowered")
    host = writer.lab.host(writer.source)
    # Stopped first, or it would start the other one again.
    modules = [pid for pid, words in processes(host).items() if len(words) > 1 and words[1].endswith(SCRIPT)]
    for pid in modules:
        send_signal(pid, start_ticks(pid), signal.SIGSTOP)
    for pid in [*watchers(writer.lab, writer.source), *modules]:
        send_signal(pid, start_ticks(pid), signal.SIGKILL)
    running.wait(60)
    time.sleep(1)
    assert share(writer) < 1
    assert notes(writer)
    writer.abort()
    again = controller.module(writer.source, MODULE, name="writer01", policy_overrides=ALLOWED)
    assert_done(again, False, outcome="none")
    assert kept(writer) == as_it_was()


@pytest.mark.wide
def test_a_watcher_that_is_killed_is_started_again_and_an_abort_gives_all_back(
    controller: Ansible, writer: Subject
) -> None:
    undisturbed = work_rate(writer, 5)
    writer.migrate()
    writer.in_pass(2)
    running = controller.begin(writer.source, task(MODULE, name="writer01", policy_overrides=ALLOWED))
    wait_for(lambda: share(writer) < 1, "its quota to be lowered")
    (watcher,) = watchers(writer.lab, writer.source)
    send_signal(watcher, start_ticks(watcher), signal.SIGKILL)
    wait_for(lambda: watchers(writer.lab, writer.source) not in ([], [watcher]), "another watcher", 60)
    wait_for(lambda: share(writer) < 1 - (CAP - 1) / 100, "the most that is allowed")
    slowed = work_rate(writer, 3)
    print("undisturbed", undisturbed, "slowed down", slowed)
    assert slowed < 0.5 * undisturbed
    writer.virsh("domjobabort")
    (result,) = running.wait(60).results
    assert result["failed"], result
    print(result["record"]["vcpu_throttle"])
    assert result["record"]["vcpu_throttle"]["problems"] == []
    assert result["record"]["vcpu_throttle"]["held_back_s"] > 1
    assert kept(writer) == as_it_was()
    no_watcher(writer)
