# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks are told of how guests are sent reaches libvirt, on the way out and on the way home.

Seen by what libvirt notes of a job, by the connections that there are, and by what arrives.
"""

from __future__ import annotations

import contextlib
import re
import typing as t
from pathlib import Path

import pytest
from bench.house import HOME, LINK_MIB_PER_S, QUIET, House, opened, three_hosts
from bench.runs import Run
from bench.shared_disk import IMAGES, served
from bench.subject import LIMIT_S, wait_for
from virtlab.guest import GuestOptions

EVACUATE = "virtops.live_migration.evacuate"
STATUS = "/run/libvirt/qemu"
TLS, PARALLEL = 1 << 16, 1 << 17  # VIR_MIGRATE_*


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[House]:
    yield from three_hosts(tmp_path_factory.mktemp("ways"), {"crm01": QUIET})


@pytest.fixture(autouse=True)
def at_home(house: House) -> t.Iterator[None]:
    yield
    house.gather()
    house.unharmed()


def asked(**variables: t.Any) -> dict[str, t.Any]:
    return {
        "live_migration_hosts": HOME,
        "live_migration_pool": ["kvm02"],
        "live_migration_destination_uri": "qemu+tcp://{host}/system",
        "live_migration_link_mib_per_s": LINK_MIB_PER_S,
        "live_migration_measure": False,
        **variables,
    }


def flags(house: House, host: str, name: str) -> int:
    """Of the job that runs, as libvirt notes them; 0 for none."""
    text = house.lab.execute(host, "cat", f"{STATUS}/{name}.xml", check=False).stdout
    found = re.search(r"<job [^>]*async='migration out'[^>]* flags='0x([0-9a-f]+)'", text)
    return int(found[1], 16) if found else 0


def streams(house: House, source: str, destination: str) -> int:
    """Connections to ports of migrations at the address that is only for them."""
    wanted = ["dst", house.lab.host(destination).migration_address, "and", "dport", "ge", ":49152"]
    return len(house.lab.execute(source, "ss", "-Hnt", *wanted).stdout.splitlines())


@pytest.fixture
def certified(house: House, authority: Path) -> None:
    given = {
        "prerequisites_tls": "create",
        "prerequisites_tls_days": 2,
        "prerequisites_tls_min_days": 1,
        "prerequisites_tls_ca_cert": str(authority / "ca.pem"),
        "prerequisites_tls_ca_key": str(authority / "key.pem"),
        # As it is configured already, so that no daemon is restarted.
        "prerequisites_migration_host": "{{ migration_address }}",
    }
    made = house.ansible.role("prerequisites", "all", **given)
    assert made.code == 0, made.output


def test_how_a_guest_is_sent(house: House, certified: None) -> None:
    """Encrypted, over two connections, no faster than said, and to the address of the network for migrations; the site
    says in the inventory that all is encrypted."""
    address = {name: house.lab.host(name).migration_address for name in (HOME, "kvm02")}
    words = asked(
        live_migration_tls_required=True,
        live_migration_parallel_connections=2,
        live_migration_compression="none",
        live_migration_bandwidth_mib_per_s=6,
        live_migration_return=True,
    )
    running = house.ansible.begin_playbook(EVACUATE, **words)
    seen: dict[tuple[str, str], tuple[int, int]] = {}

    def watched() -> bool:
        for way in ((HOME, "kvm02"), ("kvm02", HOME)):
            found = flags(house, way[0], "crm01")
            if found and way not in seen and (count := streams(house, *way)) >= 3:
                limit = house.lab.virsh(way[0], "migrate-getspeed", house.uuids["crm01"], check=False).stdout.strip()
                assert limit == "6", limit
                seen[way] = (found & (TLS | PARALLEL), count)
        return len(seen) == 2 or running.process.poll() is not None

    wait_for(watched, "both ways", 300)
    run = running.wait()
    assert run.code == 0, run.output
    assert address[HOME] != house.lab.host(HOME).mgmt_address
    # One connection for what is said, and two for memory.
    assert seen == {(HOME, "kvm02"): (TLS | PARALLEL, 3), ("kvm02", HOME): (TLS | PARALLEL, 3)}, run.output
    assert house.where()["crm01"] == HOME


def sent(house: House, **variables: t.Any) -> Run:
    run = house.ansible.playbook(EVACUATE, **asked(**variables))
    assert run.code == 0, run.output
    return run


FILES = GuestOptions(ram_mib=128, hot_mib=8, cold_mib=16, disk="local", disk_mib=24)


def content(house: House, host: str) -> str:
    path = f"{IMAGES}/{house.uuids['files 01']}.img"
    return house.lab.execute(host, "sha256sum", path, check=False).stdout.split(" ")[0]


def test_one_disk_is_copied_and_one_is_on_both_hosts(house: House) -> None:
    """By a pattern of names in the inventory; there and back, and the one that both have is never copied."""
    with contextlib.ExitStack() as undo:
        house.start({"files 01": FILES})
        undo.callback(house.end, "files 01")
        undo.enter_context(served(house.lab, HOME, house.uuids["files 01"]))
        before = content(house, HOME)
        options = [{"name": "files*", "copy_storage": "all", "copy_disks": ["vda"]}]
        sent(house, live_migration_guest_options=options)
        assert house.where() == {"crm01": "kvm02", "files 01": "kvm02"}
        assert content(house, "kvm02") == before
        assert "protocol='nbd'" in house.lab.virsh("kvm02", "dumpxml", house.uuids["files 01"]).stdout
        house.unharmed()
        home = {**asked(live_migration_guest_options=options), "live_migration_pool": ["kvm02"]}
        back = house.ansible.playbook("virtops.live_migration.return_home", **home)
        assert back.code == 0, back.output
        assert house.where()["files 01"] == HOME
        assert content(house, HOME) == before
        house.unharmed()


def test_a_host_to_which_a_guest_is_coming_is_not_empty(house: House) -> None:
    """Its memory does not get through, so that the migration there goes on; nothing is planned for it, and the host is
    not said to be empty."""
    sent(house)
    lab, uuid = house.lab, house.uuids["crm01"]
    assert house.where()["crm01"] == "kvm02"
    opened(lab, HOME)
    lab.drop_packets(HOME, "-p", "tcp", "--dport", "49152:49215")
    try:
        coming = lab.migrate(uuid, source="kvm02", destination=HOME)
        wait_for(lambda: flags(house, "kvm02", "crm01"), "the job")
        wait_for(lambda: house.arriving(HOME) == 1, "its other half")
        run = house.ansible.playbook(EVACUATE, **asked())
        assert run.code != 0
        assert "crm01" in run.failure, run.output
    finally:
        lab.drop_none(HOME)
    assert coming.wait(LIMIT_S) == 0, coming.output()
    assert house.where()["crm01"] == HOME
