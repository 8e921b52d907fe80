# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests come home while a host does not answer: nobody is started who may run there, and nobody is forgotten."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from bench.house import HOME, LINK_MIB_PER_S, QUIET, House, three_hosts
from bench.runs import Result, Run, Task, assert_done
from bench.subject import wait_for

QUICK = {"measure": False, "bandwidth_mib_per_s": 0}
CLONE = "9a1f0b5e-3a8a-4f0e-9f0c-6b1c8f1f7d10"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[House]:
    yield from three_hosts(tmp_path_factory.mktemp("return"), dict.fromkeys(("payroll", "crm01", "web01"), QUIET))


def obeyed(home: House, host: str, wanted: Task, name: str) -> Result:
    """The result of a task that shuts this guest down, which does as it is told."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(home.ansible.run, host, wanted)
        uuid = home.uuids[name]
        wait_for(lambda: running.done() or 'strategy="shutdown"' in mark(home, host, uuid), "the mark")
        home.lab.guest_power(name, again=False)
        return running.result()[0]


def mark(home: House, host: str, uuid: str) -> str:
    return home.lab.virsh(host, "dumpxml", uuid).stdout.replace("'", '"')


def brought_home(home: House) -> Run:
    return home.ansible.playbook(
        "virtops.live_migration.return_home",
        live_migration_hosts=HOME,
        live_migration_destination_uri="qemu+tcp://{host}/system",
        live_migration_link_mib_per_s=LINK_MIB_PER_S,
        live_migration_pool=["kvm02", "kvm03"],
    )


def test_nobody_is_started_while_a_host_does_not_answer(home: House) -> None:
    """One was shut down at home, one as a visitor; of the first there is a clone, which carries its mark."""
    away = home.evacuation({"crm01": "kvm02", "web01": "kvm02"}, **QUICK)
    away["virtops.live_migration.evacuation"]["guests"].append({"uuid": home.uuids["payroll"], "strategy": "shutdown"})
    assert_done(obeyed(home, HOME, away, "payroll"), True, empty=True)
    off = home.evacuation({}, purpose="return", guests=[{"uuid": home.uuids["crm01"], "strategy": "shutdown"}])
    assert_done(obeyed(home, "kvm02", off, "crm01"), True)
    definition = mark(home, HOME, home.uuids["payroll"])
    copied = definition.replace("<name>payroll</name>", "<name>payroll-copy</name>")
    copied = copied.replace(f"<uuid>{home.uuids['payroll']}</uuid>", f"<uuid>{CLONE}</uuid>")
    write = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    home.lab.execute(HOME, "python3", "-c", write, "/root/clone.xml", copied)
    home.lab.virsh(HOME, "define", "/root/clone.xml")
    home.lab.kill_libvirtd("kvm03")
    try:
        run = brought_home(home)
    finally:
        home.lab.start_libvirtd("kvm03")
    assert run.code != 0
    assert "kvm03" in run.failure
    told = {row["name"]: (row["outcome"], row["reason"]) for row in run.stats["live_migration_return_home"][HOME]}
    refused = ("failed", "HOSTS_NOT_ASKED")
    assert told == {"web01": ("moved", ""), "payroll": refused, "crm01": refused}, run.output
    assert home.where() == {"web01": HOME, "payroll": "", "crm01": ""}

    again = brought_home(home)
    assert again.code == 0, again.output
    assert home.where() == dict.fromkeys(("payroll", "crm01", "web01"), HOME)
    assert home.lab.virsh(HOME, "domstate", CLONE).stdout.strip() == "shut off"
    assert home.homes(HOME) == home.homes("kvm02") == {}
    home.lab.virsh(HOME, "undefine", CLONE)
    home.unharmed()
