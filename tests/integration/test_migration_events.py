# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source on real libvirtd, without ansible-rulebook: what it says of migrations that virsh has started."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from bench.events import Watcher, uris
from bench.subject import Subject, wait_for
from bench.tls import behind_tls
from virtlab import ssh
from virtlab.lab import Lab


@pytest.fixture
def watcher(lab: Lab, tmp_path: Path) -> t.Iterator[Watcher]:
    with Watcher(tmp_path, hosts=uris(lab), progress_s=2, policy_overrides={"max_downtime_ms": 8000}) as made:
        # What begins before it is there is told later, and as of a later pass.
        wait_for(lambda: all(made.is_connected(host) for host in lab.hosts), "a connection to each host")
        yield made


@pytest.mark.fast
def test_stuck_and_then_over(watcher: Watcher, erp01: Subject) -> None:
    migration = erp01.migrate()
    started = watcher.wait_for("started", erp01.uuid)
    assert (started["host"], started["name"], started["destination"]) == (erp01.source, "erp01", erp01.destination)
    assert started["job"]["pass"] in (0, 1)
    stuck = watcher.wait_for("stuck", erp01.uuid)
    found = stuck["diagnosis"]
    assert (found["verdict"], found["reason"]) == ("stuck", "DOWNTIME_LIMIT_LOW")
    assert found["evidence"]["firm"] is True
    assert len(found["evidence"]["boundaries"]) >= 2
    assert found["evidence"]["max_downtime_ms"] == 300
    assert {one["action"] for one in found["remedies"]} >= {"downtime", "postcopy", "abort"}
    assert [one["action"] for one in stuck["would_do"]] == ["set_downtime"]
    assert [one["apply"] for one in stuck["would_do"]] == [False]
    # It looks and does nothing.
    assert erp01.virsh("migrate-getmaxdowntime") == "300"
    erp01.virsh("migrate-setmaxdowntime", "8000")
    ended = watcher.wait_for("ended", erp01.uuid)
    assert ended["outcome"] == "completed"
    assert ended["downtime_ms"] > 300
    assert ended["job"]["sent_bytes"] > 0
    assert len(watcher.events("started", erp01.uuid)) == 1
    assert watcher.events("guest_on_two_hosts") == []
    progress = [one["at"] for one in watcher.events("progress", erp01.uuid)]
    assert progress == sorted(progress)
    erp01.arrives(migration)


def test_an_abort_is_noticed_although_no_event_tells_it(watcher: Watcher, erp01: Subject) -> None:
    erp01.migrate()
    watcher.wait_for("started", erp01.uuid)
    erp01.virsh("domjobabort")
    assert watcher.wait_for("ended", erp01.uuid)["outcome"] == "failed"


def test_a_stalled_stream(watcher: Watcher, erp01: Subject, lab: Lab) -> None:
    erp01.migrate()
    erp01.in_pass(2)
    lab.link_down(erp01.destination)
    stuck = watcher.wait_for("stuck", erp01.uuid)
    assert (stuck["diagnosis"]["verdict"], stuck["diagnosis"]["reason"]) == ("stalled", "NETWORK_STALL")
    assert stuck["diagnosis"]["evidence"]["silent_s"] >= 5


def test_a_broken_postcopy(watcher: Watcher, erp01: Subject, lab: Lab) -> None:
    erp01.migrate("--postcopy")
    erp01.in_pass(2)
    erp01.switch_to_postcopy(4)
    lab.cut_stream(source=erp01.source, destination=erp01.destination)
    broken = watcher.wait_for("postcopy_broken", erp01.uuid)
    assert broken["host"] == erp01.source
    assert broken["destination"] == erp01.destination
    assert broken["diagnosis"]["reason"] == "POSTCOPY_BROKEN"
    assert [one["module"] for one in broken["diagnosis"]["remedies"]][-1] == "migration_recover"
    erp01.recover()
    assert watcher.wait_for("ended", erp01.uuid)["outcome"] == "completed"
    assert watcher.events("guest_on_two_hosts") == []


def test_it_is_killed_and_comes_back(watcher: Watcher, erp01: Subject) -> None:
    erp01.migrate()
    watcher.wait_for("stuck", erp01.uuid)
    watcher.kill()
    watcher.start()
    again = watcher.wait_for("started", erp01.uuid, nth=2)
    assert again["job"]["pass"] > 1
    watcher.wait_for("stuck", erp01.uuid, nth=2)
    erp01.virsh("domjobabort")
    watcher.wait_for("ended", erp01.uuid)


def test_a_daemon_that_comes_back(watcher: Watcher, erp01: Subject, lab: Lab) -> None:
    erp01.migrate()
    watcher.wait_for("started", erp01.uuid)
    lab.restart_libvirtd(erp01.source)
    assert watcher.wait_for("host_lost")["host"] == erp01.source
    assert watcher.wait_for("host_back")["host"] == erp01.source
    assert watcher.wait_for("ended", erp01.uuid)["outcome"] == "failed"  # libvirtd cancels a pre-copy when it starts
    erp01.migrate()
    watcher.wait_for("started", erp01.uuid, nth=2)


def test_a_guest_on_two_hosts(watcher: Watcher, lab: Lab) -> None:
    """As after a switch-over whose answer was lost: two QEMUs with one UUID."""
    uuid = "5f0ff1e0-6b5e-4b0e-9d53-0d4c3e1e5a77"
    memory = "<memory unit='MiB'>16</memory>"
    xml = f"<domain type='qemu'><name>twin</name><uuid>{uuid}</uuid>{memory}<os><type>hvm</type></os></domain>"
    try:
        for host in lab.hosts:
            lab.execute(host.name, "sh", "-c", f'echo "{xml}" > /tmp/twin.xml && virsh create /tmp/twin.xml')
        told = watcher.wait_for("guest_on_two_hosts")
        assert (told["name"], told["uuid"], told["hosts"]) == ("twin", uuid, ["kvm01", "kvm02"])
    finally:
        for host in lab.hosts:
            lab.virsh(host.name, "destroy", "twin", check=False)
    assert len(watcher.events("guest_on_two_hosts")) == 1


def test_over_ssh(lab: Lab, erp01: Subject, tmp_path: Path) -> None:
    key = ssh.client_key(lab.state)
    hosts = {
        host.name: f"qemu+ssh://root@{host.mgmt_address}/system?keyfile={key}&no_verify=1&no_tty=1"
        for host in lab.hosts
    }
    with Watcher(tmp_path, hosts=hosts, uri_allow=["keyfile", "no_verify"]) as watcher:
        erp01.migrate()
        assert watcher.wait_for("started", erp01.uuid)["host"] == erp01.source
        assert watcher.wait_for("stuck", erp01.uuid)["destination"] == erp01.destination
        erp01.virsh("domjobabort")
        watcher.wait_for("ended", erp01.uuid)


def test_over_tls(lab: Lab, erp01: Subject, tmp_path: Path) -> None:
    with behind_tls(lab, tmp_path) as certificates:
        hosts = {host.name: f"qemu+tls://{host.mgmt_address}/system?pkipath={certificates}" for host in lab.hosts}
        with Watcher(tmp_path, hosts=hosts, uri_allow=["pkipath"]) as watcher:
            erp01.migrate()
            started = watcher.wait_for("started", erp01.uuid)
            assert (started["host"], started["destination"]) == (erp01.source, erp01.destination)
            watcher.wait_for("stuck", erp01.uuid)
            erp01.virsh("domjobabort")
            watcher.wait_for("ended", erp01.uuid)
        # Without a certificate nothing is watched, and it is said why.
        (tmp_path / "none").mkdir()
        hosts = {name: uri.replace(str(certificates), str(tmp_path / "none")) for name, uri in hosts.items()}
        with Watcher(tmp_path / "none", hosts=hosts, uri_allow=["pkipath"]) as watcher:
            assert watcher.wait_for("host_lost")["reason"] == "TLS_FAILED"
