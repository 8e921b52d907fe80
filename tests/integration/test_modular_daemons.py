# SPDX-License-Identifier: GPL-3.0-or-later
"""Modular daemons, started by their sockets as by systemd, beside hosts with libvirtd: a lab of its own.

kvm01 and kvm03 have modular daemons, kvm02 has libvirtd, all of libvirt 11.3. The first run builds the daemons, which
takes three minutes of a processor.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

import pytest
from bench.moving import LINK_MIB_PER_S, actions, move
from bench.runs import Ansible, Result, Running, assert_done, assert_refused, changed_again, task
from bench.subject import LINK_MBIT, Subject, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

pytestmark = pytest.mark.modular

QUIET = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=8)
BUSY = GuestOptions(ram_mib=256, hot_mib=96, cold_mib=16, pages_per_s=20_000)
WAYS = [("kvm01", "kvm02"), ("kvm02", "kvm01"), ("kvm01", "kvm03")]
CONF = "/etc/libvirt/qemu.conf"
# Neither finishes by itself: the guest would have to stand still for 2 s.
POLICIES = {
    "precopy": {"postcopy": "never", "max_throttle_percent": 0, "max_data_factor": 50},
    "postcopy": {"postcopy": "prefer", "max_throttle_percent": 0},
}
FLOWS_BYTES = 8 * 1024 * 1024
SLOW_MBIT = 40


@pytest.fixture(scope="module")
def hosts() -> t.Iterator[Lab]:
    with Lab(f"it-{os.getpid()}-modular") as made:
        systems = {"kvm01": "trixie-modular", "kvm02": "trixie", "kvm03": "trixie-modular"}
        made.up(host_count=3, link_mbit=LINK_MBIT, on=systems)
        yield made


@pytest.fixture(scope="module")
def on_all(hosts: Lab, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    return Ansible(tmp_path_factory.mktemp("ansible"), hosts.inventory())


@contextlib.contextmanager
def guest_on(hosts: Lab, way: tuple[str, str], options: GuestOptions) -> t.Iterator[Subject]:
    """A guest of its own, found unharmed afterwards."""
    guest = Subject(hosts, "erp01", options)
    guest.source, guest.destination = way
    guest.uuid = hosts.guest_start("erp01", host=guest.source, options=options).uuid
    try:
        yield guest
        running = [host for host, state in hosts.guest_states(guest.uuid).items() if state.startswith("running")]
        assert len(running) == 1
        guest.verify()
    finally:
        for host in hosts.hosts:
            hosts.start_libvirtd(host.name)
            hosts.link_set(host.name, mbit=LINK_MBIT)
        hosts.guest_stop(guest.uuid)


@pytest.fixture(params=WAYS, ids="-".join)
def quiet(hosts: Lab, request: pytest.FixtureRequest) -> t.Iterator[Subject]:
    with guest_on(hosts, request.param, QUIET) as guest:
        yield guest


@pytest.fixture
def busy(hosts: Lab, request: pytest.FixtureRequest) -> t.Iterator[Subject]:
    with guest_on(hosts, getattr(request, "param", WAYS[0]), BUSY) as guest:
        yield guest


def pid(hosts: Lab, host: str, daemon: str) -> str:
    """Empty for a daemon that does not run."""
    found = hosts.execute(host, "systemctl", "show", daemon).stdout
    number = dict(line.split("=", 1) for line in found.splitlines())["MainPID"]
    return "" if number == "0" else number


# What a host says of itself


def test_a_host_document(hosts: Lab, on_all: Ansible) -> None:
    """Its storage, its notes and its networks are those of other daemons, which come when they are asked."""
    started = [name for name in ("virtstoraged", "virtsecretd", "virtproxyd") if pid(hosts, "kvm03", name)]
    cordon = task("host_cordon")
    noted, result, lifted = on_all.run(
        "kvm03", cordon, task("migration_host_info", load_window_s=0), task("host_cordon", state="absent")
    )
    assert_done(noted, True, cordoned=True)
    assert_done(lifted, True, cordoned=False)
    host, own = result["host"], hosts.host("kvm03")
    assert (host["daemon"]["mode"], host["uuid"], host["problems"]) == ("modular", own.uuid, [])
    assert host["cordoned"] is True
    assert host["daemon"]["settings"] == {"auth_tcp": "none", "auth_unix_rw": "none", "host_uuid": own.uuid}
    assert {(one["transport"], one["address"]) for one in host["daemon"]["listeners"]} == {
        ("tcp", own.mgmt_address),
        ("ssh", own.mgmt_address),
    }
    assert {one["name"]: one["free_bytes"] > 0 for one in host["storage"]["pools"]} == {"default": True, "shared": True}
    assert "virtstoraged" not in started
    assert pid(hosts, "kvm03", "virtstoraged")
    assert pid(hosts, "kvm03", "virtsecretd")
    monolithic = on_all.module("kvm02", "migration_host_info", load_window_s=0)["host"]
    assert monolithic["daemon"]["mode"] == "monolithic"


def test_a_daemon_that_has_ended_since_nobody_needed_it(hosts: Lab, on_all: Ansible) -> None:
    """It ends after 2 minutes without guests and connections, which is shortened here, and comes again."""
    path = "/etc/default/virtqemud"
    hosts.execute("kvm03", "tee", path, input_text='VIRTQEMUD_ARGS="--timeout 2"\n')
    hosts.restart_libvirtd("kvm03")
    wait_for(lambda: not pid(hosts, "kvm03", "virtqemud"), "virtqemud to end")
    told = on_all.module("kvm03", "migration_host_info", load_window_s=0)
    assert (told["failed"], told["host"]["daemon"]["mode"]) == (False, "modular")
    wait_for(lambda: not pid(hosts, "kvm03", "virtqemud"), "virtqemud to end again")
    with guest_on(hosts, ("kvm01", "kvm03"), QUIET) as guest:
        moved = on_all.run("kvm01", move(guest, measure=False))[0]
        assert_done(moved, True, outcome="moved", runs_on="kvm03")
        guest.has_moved()
        # With a guest it stays.
        before = pid(hosts, "kvm03", "virtqemud")
        time.sleep(4)
        assert pid(hosts, "kvm03", "virtqemud") == before
        back = on_all.run("kvm03", move(guest, measure=False))[0]
        assert_done(back, True, outcome="moved", runs_on="kvm01")
        guest.has_moved()
    hosts.execute("kvm03", "rm", path)
    hosts.restart_libvirtd("kvm03")


def test_readiness(on_all: Ansible, quiet: Subject) -> None:
    look = {**task("migration_host_info", load_window_s=0), "delegate_to": quiet.destination, "register": "there"}
    uri = f"qemu+tcp://{quiet.destination}/system"
    asked: dict[str, t.Any] = {
        "name": quiet.name,
        "destination_uri": uri,
        "destination": "{{ there.host }}",
        "ask_qemu": True,
    }
    _document, result = on_all.run(quiet.source, look, task("migration_readiness_info", **asked))
    assert not result["failed"], result["msg"]
    found = {check["id"]: check for check in result["domains"][0]["checks"]}
    assert [(name, one["summary"]) for name, one in found.items() if one["status"] == "fail"] == []
    assert found["daemon_listens"]["summary"].startswith("The destination's libvirt takes connections by TCP without")
    assert found["daemon_login"]["status"] == "pass"


# Guests that move


def test_migration(on_all: Ansible, quiet: Subject) -> None:
    source, destination = quiet.source, quiet.destination
    quiet.virsh("autostart")
    first, second = on_all.run(source, move(quiet, measure=False), move(quiet))
    assert_done(first, True, outcome="moved", runs_on=destination)
    assert first["diff"]["after"] == {"autostart": True, "defined_on": [destination], "runs_on": destination}
    assert_done(second, False, outcome="already_there", runs_on=destination)
    quiet.has_moved()


@pytest.mark.parametrize("busy", WAYS, indirect=True, ids="-".join)
def test_a_busy_guest_by_postcopy(on_all: Ansible, busy: Subject) -> None:
    result = on_all.run(busy.source, move(busy, policy_overrides={"postcopy": "if_needed"}))[0]
    assert_done(result, True, outcome="moved", runs_on=busy.destination)
    assert "start_postcopy" in actions(result)
    busy.has_moved()


@pytest.mark.parametrize("busy", WAYS, indirect=True, ids="-".join)
@pytest.mark.parametrize("allowed", [{"max_downtime_ms": 8000, "postcopy": "never"}, {"postcopy": "prefer"}])
def test_rescue(on_all: Ansible, busy: Subject, allowed: dict[str, t.Any]) -> None:
    migration = busy.migrate("--postcopy")
    result = on_all.module(busy.source, "migration_rescue", name=busy.name, policy_overrides=allowed)
    assert_done(result, True, outcome="completed")
    assert ("start_postcopy" in actions(result)) is (allowed["postcopy"] == "prefer")
    busy.arrives(migration)


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_a_host_is_emptied_and_its_guests_come_home(hosts: Lab, on_all: Ansible, way: tuple[str, str]) -> None:
    home, away = way
    common: dict[str, t.Any] = {
        "live_migration_hosts": home,
        "live_migration_destination_uri": "qemu+tcp://{host}/system",
        "live_migration_link_mib_per_s": LINK_MIB_PER_S,
        "live_migration_pool": [away],
    }
    with guest_on(hosts, way, QUIET) as guest:
        emptied = on_all.playbook("virtops.live_migration.evacuate", live_migration_measure=False, **common)
        assert emptied.code == 0, emptied.output
        guest.has_moved()
        back = on_all.playbook("virtops.live_migration.return_home", **common)
        assert back.code == 0, back.output
        guest.has_moved()
        assert guest.source == home


# Daemons that are killed or restarted meanwhile


def under_way(on_all: Ansible, busy: Subject, phase: str) -> Running:
    """Of memory flows so much in this phase, and goes on for some seconds."""
    busy.lab.guest_mark(busy.uuid)
    wanted = move(busy, policy_overrides=POLICIES[phase], measure=False, force=True, compression="none")
    running = on_all.begin(busy.source, wanted)

    def flows() -> bool:
        assert running.process.poll() is None, running.said()
        return busy.lab.stream_bytes(source=busy.source, destination=busy.destination) >= FLOWS_BYTES

    def works_there() -> bool:
        report = busy.lab.guest_report(busy.uuid, since_mark=True, ask_libvirt=False)
        return report.last_heartbeat_host == busy.destination

    wait_for(flows, "the memory to flow")
    if phase == "postcopy":
        wait_for(works_there, "a heartbeat on the destination")
        busy.lab.link_set(busy.source, mbit=SLOW_MBIT)
    return running


def harm(busy: Subject, how: str, end: str, daemon: str) -> None:
    host = getattr(busy, end)
    if how == "killed":
        before = pid(busy.lab, host, daemon)
        busy.lab.kill_daemon(host, daemon)
        wait_for(lambda: pid(busy.lab, host, daemon) not in ("", before), f"{daemon} to be started again")
    else:
        busy.lab.execute(host, "systemctl", "restart", daemon)
    busy.lab.link_set(busy.source, mbit=LINK_MBIT)


def run_again(on_all: Ansible, busy: Subject) -> Result:
    """What everybody is told to do after a failure; the guest is alone on the destination then."""
    order = move(busy, measure=False, policy_overrides={"postcopy": "if_needed"})
    (result,) = on_all.run(busy.source, order)
    assert not result["failed"], result["msg"]
    busy.has_moved()
    return result


# Which daemon, on which host, on which way; and what its end does to a pre-copy, as the result tells it.
ENDS = [
    pytest.param(WAYS[0], "source", "virtqemud", ("ENDED_BY_RESTART",), id="virtqemud of the source"),
    pytest.param(WAYS[1], "destination", "virtqemud", ("CONNECTION_LOST", "DESTINATION_LOST"),
                 id="virtqemud of the destination"),
    pytest.param(WAYS[1], "destination", "virtproxyd", ("CONNECTION_LOST",), id="virtproxyd of the destination"),
    pytest.param(WAYS[2], "destination", "virtproxyd", ("CONNECTION_LOST",), id="virtproxyd between modular ones"),
]  # fmt: skip


@pytest.mark.parametrize("how", ["killed", "restarted"])
@pytest.mark.parametrize(("busy", "end", "daemon", "reasons"), ENDS, indirect=["busy"])
def test_a_daemon_ends_in_precopy(
    on_all: Ansible, busy: Subject, end: str, daemon: str, reasons: tuple[str, ...], how: str
) -> None:
    """The guest stays where it was, is told to be there, and moves when the task is run again."""
    running = under_way(on_all, busy, "precopy")
    harm(busy, how, end, daemon)
    (result,) = running.wait().results
    assert_refused(result, result.get("reason", ""))
    assert result["reason"] in reasons, result["msg"]
    assert result["runs_on"] == busy.source
    assert busy.state().startswith("running")
    assert run_again(on_all, busy)["outcome"] == "moved"


@pytest.mark.parametrize("how", ["killed", "restarted"])
@pytest.mark.parametrize(("busy", "end", "daemon", "_reasons"), ENDS, indirect=["busy"])
def test_a_daemon_ends_in_postcopy(
    on_all: Ansible, busy: Subject, end: str, daemon: str, _reasons: tuple[str, ...], how: str
) -> None:
    """QEMU finishes it. Whoever is not told that finds it so when the task is run again."""
    running = under_way(on_all, busy, "postcopy")
    harm(busy, how, end, daemon)
    (result,) = running.wait().results
    if result["failed"]:
        assert_refused(result, "CONNECTION_LOST")
        assert run_again(on_all, busy)["runs_on"] == busy.source
    else:
        assert_done(result, True, outcome="moved", runs_on=busy.destination)
        busy.has_moved()
    assert busy.state(busy.destination) == ""


@pytest.mark.parametrize("phase", list(POLICIES))
def test_the_proxy_of_the_source_has_no_part_in_it(hosts: Lab, on_all: Ansible, busy: Subject, phase: str) -> None:
    hosts.virsh(busy.destination, "-c", f"qemu+tcp://{busy.source}/system", "list")
    running = under_way(on_all, busy, phase)
    harm(busy, "killed", "source", "virtproxyd")
    busy.load(0)
    (result,) = running.wait().results
    assert_done(result, True, outcome="moved", runs_on=busy.destination)
    busy.has_moved()


@pytest.mark.parametrize(
    ("busy", "end", "daemon"), [each.values[:3] for each in ENDS], indirect=["busy"], ids=[each.id for each in ENDS]
)
def test_a_daemon_is_killed_under_a_rescue(on_all: Ansible, busy: Subject, end: str, daemon: str) -> None:
    """It says that the guest has stayed, or that it cannot tell; never that it has moved."""
    migration = busy.migrate()
    running = on_all.begin(busy.source, task("migration_rescue", name=busy.name, policy_overrides=POLICIES["precopy"]))
    wait_for(lambda: f"] {busy.name}: " in running.said(), "the first line of its progress")
    harm(busy, "killed", end, daemon)
    (result,) = running.wait().results
    assert_refused(result, result.get("reason", ""))
    assert migration.wait() != 0
    assert busy.state().startswith("running")
    again = on_all.module(busy.source, "migration_rescue", name=busy.name)
    assert_done(again, False, outcome="none")
    assert run_again(on_all, busy)["outcome"] == "moved"


# The role that configures them


def test_the_role_restarts_the_daemon_that_reads_the_file(hosts: Lab, on_all: Ansible) -> None:
    """By the service manager; the others go on, and so do guests."""
    asked = {"prerequisites_port_max": 49190}
    before = hosts.execute("kvm01", "cat", CONF).stdout
    hosts.virsh("kvm02", "-c", "qemu+tcp://kvm01/system", "list")
    with guest_on(hosts, WAYS[0], QUIET) as guest:
        daemons = {name: pid(hosts, "kvm01", name) for name in ("virtqemud", "virtproxyd")}
        done = on_all.role("prerequisites", "kvm01", "main", twice=True, **asked)
        assert (done.code, changed_again(done)) == (0, []), done.output
        assert "virtqemud on kvm01 is restarted for migration_port_max" in done.output
        after = {name: pid(hosts, "kvm01", name) for name in daemons}
        assert after["virtqemud"] not in ("", daemons["virtqemud"])
        assert after["virtproxyd"] == daemons["virtproxyd"]
        path = on_all.module("kvm01", "migration_host_info", load_window_s=0)["host"]["migration"]
        assert path["port_max"] == 49190
        assert guest.state().startswith("running")

        failed = on_all.role(
            "prerequisites", "kvm01", "main", prerequisites_qemu_settings={"security_driver": "nosuch"},
            prerequisites_wait_s=8,
        )  # fmt: skip
        assert failed.code != 0
        assert "virtqemud on kvm01 did not come back" in failed.failure, failed.output
        assert "so the former one was put back" in failed.failure
        assert "migration_port_max = 49190" in hosts.execute("kvm01", "cat", CONF).stdout
        assert guest.state().startswith("running")
    hosts.execute("kvm01", "tee", CONF, input_text=before)
    hosts.restart_libvirtd("kvm01")


@pytest.mark.parametrize(
    ("host", "service", "left"),
    [("kvm02", "libvirtd", "virtqemud-sock"), ("kvm01", "virtqemud", "libvirtd.pid")],
)
def test_what_the_other_kind_has_left_behind(hosts: Lab, on_all: Ansible, host: str, service: str, left: str) -> None:
    """A socket or the file of a process that no longer is."""
    path = f"/run/libvirt/{left}" if left.endswith("sock") else f"/run/{left}"
    hosts.execute(host, "sh", "-c", f"echo 1 >{path}")
    try:
        run = on_all.role("prerequisites", host, "main", "--check", prerequisites_port_max=49190)
    finally:
        hosts.execute(host, "rm", path)
    assert f"{service} on {host} would be restarted" in run.output
