# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks are told of how guests are sent reaches libvirt, on the way out and on the way home.

Seen by what libvirt notes of a job, by the connections that there are, and by what arrives.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from bench.house import HOME, LINK_MIB_PER_S, QUIET, House, three_hosts
from bench.subject import wait_for

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
