# SPDX-License-Identifier: GPL-3.0-or-later

"""The readers that need no host: each with files of its own in the place of the host's."""

from __future__ import annotations

import json
import os
import socket
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host import network as host_network
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    HugePages,
    Memory,
    NumaNode,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._host import (
    clock,
    configuration,
    files,
    firewall,
    memory,
    network,
    security,
    sockets,
    tls,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._host.files import Programs
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured

Write = t.Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write_file


def test_memory_of_nodes(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("node0/meminfo", "Node 0 MemTotal: 100 kB\nNode 0 MemFree: 40 kB\n")
    write("node0/hugepages/hugepages-2048kB/free_hugepages", "3\n")
    write("node0/hugepages/hugepages-2048kB/nr_hugepages", "8\n")
    write("node1/hugepages/hugepages-1048576kB/free_hugepages", "1\n")
    write("power/other", "")
    monkeypatch.setattr(memory, "_NODES", str(tmp_path))
    found = memory.read_memory(Memory(nodes=[NumaNode(0, cpus=[0]), NumaNode(1, 500)]))
    assert found.nodes == [NumaNode(0, 102400, 40960, [0]), NumaNode(1, 500, None)]
    assert found.hugepages == [HugePages(0, 2 << 20, 8, 3), HugePages(1, 1 << 30, None, 1)]
    assert found.available_bytes
    assert found.total_bytes
    assert found.available_bytes <= found.total_bytes


@pytest.mark.parametrize(
    ("sysctl", "device", "user", "grants", "usable"),
    [
        ("0", False, "+0", False, True),
        ("1", False, "+107", False, True),
        ("0", True, "+107", True, True),
        ("0", True, "+107", False, False),
        ("0", False, "+107", True, False),
        ("", False, "+107", True, None),
    ],
)
def test_userfaultfd(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch,
    sysctl: str, device: bool, user: str, grants: bool, usable: bool | None,
) -> None:  # fmt: skip
    if sysctl:
        write("sysctl", sysctl)
    if device:
        write("device", "")
    monkeypatch.setattr(security, "_SYSCTL", str(tmp_path / "sysctl"))
    monkeypatch.setattr(security, "_DEVICE", str(tmp_path / "device"))
    found = security.read_userfaultfd(user, grants)
    assert found.usable is usable
    assert found.reason


@pytest.mark.parametrize(("files", "mode"), [(["virtqemud"], "modular"), (["libvirtd"], "monolithic"), ([], "")])
def test_configuration(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, files: list[str], mode: str
) -> None:
    write("libvirtd.conf", 'listen_tcp = 1\nauth_tcp = "sasl"\n')
    # Each of the modular daemons takes all settings, and heeds those that are its own: that of the guests gives the
    # host its UUID, the proxy takes connections from elsewhere.
    write("virtqemud.conf", 'host_uuid = "u"\nauth_tcp = "none"\ntls_port = "1"\nauth_unix_rw = "polkit"\n')
    write(
        "virtproxyd.conf", 'tls_port = "16515"\nadmin_keepalive_interval = 5\nhost_uuid = "p"\nauth_unix_rw = "none"\n'
    )
    write("qemu.conf", 'migration_port_min = 50000\nvnc_password = "swordfish"\n')
    monkeypatch.setattr(configuration, "_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(configuration, "_mode", lambda: mode)
    found = configuration.read_configuration()
    assert found.qemu == {"migration_port_min": 50000}
    assert found.readable
    if mode == "modular":
        assert found.daemon == {"host_uuid": "u", "auth_unix_rw": "polkit", "tls_port": "16515"}
        assert configuration.number_of(found.daemon, "tls_port", 16514) == 16515
    else:
        assert found.daemon == {"listen_tcp": 1, "auth_tcp": "sasl"}
        assert configuration.text_of(found.daemon, "auth_tcp") == "sasl"
    assert configuration.number_of({"port": ["x"]}, "port", 1) == configuration.number_of({"port": "x"}, "port", 1) == 1


@pytest.mark.parametrize(
    ("alive", "sockets", "mode"),
    [
        ({"virtqemud": "virtqemud"}, [], "modular"),
        ({"libvirtd": "libvirtd"}, [], "monolithic"),
        # The one that lives counts, whatever sockets the other kind has left behind.
        ({"libvirtd": "libvirtd"}, ["virtqemud-sock", "libvirt-sock"], "monolithic"),
        ({"virtqemud": "virtqemud"}, ["virtqemud-sock", "libvirt-sock"], "modular"),
        # Killed once; its number is another program's now.
        ({"virtqemud": "bash", "libvirtd": "libvirtd"}, ["virtqemud-sock"], "monolithic"),
        ({"virtqemud": "virtqemud", "libvirtd": "sshd"}, ["libvirt-sock"], "modular"),
        ({"virtqemud": ""}, ["libvirt-sock"], "monolithic"),
        # Neither runs: with socket activation it comes when it is asked for. The proxy has libvirtd's socket.
        ({}, ["virtqemud-sock", "libvirt-sock"], "modular"),
        ({}, ["libvirt-sock"], "monolithic"),
        ({}, [], ""),
    ],
)
def test_which_daemons_there_are(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch,
    alive: dict[str, str], sockets: list[str], mode: str,
) -> None:  # fmt: skip
    """``alive``: the daemons with a file of their process's number, and the name of the process of that number."""
    monkeypatch.setattr(configuration, "_RUN", str(tmp_path))
    monkeypatch.setattr(configuration, "_PROC", str(tmp_path))
    monkeypatch.setattr(configuration, "_DIRECTORY", str(tmp_path))
    for number, (daemon, process) in enumerate(alive.items(), 100):
        write(f"{daemon}.pid", str(number))
        if process:
            (tmp_path / str(number)).mkdir()
            write(f"{number}/comm", f"{process}\n")
    (tmp_path / "libvirt").mkdir()
    for name in sockets:
        write(f"libvirt/{name}", "")
    assert configuration.read_configuration().mode == mode


def test_a_configuration_that_libvirt_would_not_take(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(configuration, "_mode", lambda: "monolithic")
    assert configuration.read_configuration().problems == [f"{tmp_path}/qemu.conf: not readable, defaults are assumed."]
    write("libvirtd.conf", "listen_tcp = 1\n")
    write("qemu.conf", 'user = "root"\nvnc_password = swordfish\n')
    found = configuration.read_configuration()
    assert (found.qemu, found.readable, found.daemon) == ({}, False, {"listen_tcp": 1})
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path}/qemu.conf: Line 2 is nothing that libvirt takes")
    assert "swordfish" not in problem


def test_tls_files(tmp_path: Path, write: Write) -> None:
    write("ca-cert.pem", captured("certificate.pem"))
    write("server-cert.pem", "damaged")
    write("server-key.pem", "a secret")
    write("daemon-ca.pem", captured("certificate.pem"))
    found = tls.read_tls({"migrate_tls_x509_cert_dir": str(tmp_path)}, {"ca_file": str(tmp_path / "daemon-ca.pem")})
    assert found.files
    files = {(one.purpose, one.role): one for one in found.files}
    ca = files["migration", "ca"]
    assert (ca.present, ca.readable, ca.not_after_epoch_s, ca.names[0]) == (True, True, 2110976447, "kvm01")
    assert files["migration", "server"].problem == "there is no certificate in it"
    key = files["migration", "server-key"]
    assert (key.present, key.readable, key.not_after_epoch_s) == (True, True, None)
    assert not files["migration", "client"].present
    assert files["daemon", "ca"].not_after_epoch_s == 2110976447
    assert found.migration_directory == str(tmp_path)


def test_the_clock_against_a_reference() -> None:
    began_s = time.monotonic()
    ahead = clock.read_clock(time.time() - 60, began_s)
    assert ahead.offset_ms
    assert 59_000 < ahead.offset_ms < 61_000
    assert clock.read_clock(None, began_s).offset_ms is None
    assert ahead.synchronised in (True, False)


def test_connections_to_this_machine() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert sockets.connect("127.0.0.1", port, 2.0)[0] == "refused"  # bound, and nobody listens
        server.listen(1)
        assert sockets.connect("127.0.0.1", port, 2.0)[0] == "accepted"
        found = sockets.read_sockets()
        assert found
        (own,) = [one for one in found if one.port == port and one.listening]
        (pid, name), *others = sockets.holders({own.inode, 0}).values()
        assert (pid, others) == (os.getpid(), [])
        assert name == Path(f"/proc/{pid}/comm").read_text().strip()
        assert sockets.holders({0}) == {}
    assert sockets.connect("host.invalid", 22, 2.0)[0] not in ("accepted", "refused")


def test_names() -> None:
    assert "127.0.0.1" in (sockets.addresses_of("localhost") or [])
    assert sockets.addresses_of("host.invalid") is None


def test_who_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    all_sockets = [
        sockets.Socket("10.231.0.11", 22, False, True),
        sockets.Socket("0.0.0.0", 22, True, False),
        sockets.Socket("10.231.1.11", 22, False, False),
    ]
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert sockets.ssh_addresses(all_sockets) == {"10.231.0.11"}
    monkeypatch.setenv("SSH_CONNECTION", "10.231.0.1 33312 10.231.1.11 22")
    assert sockets.ssh_addresses(all_sockets) == {"10.231.1.11"}


def answering(answers: t.Mapping[str, str]) -> Programs:
    """Programs of which one answers by one of its words; the others fail."""

    def run(words: list[str]) -> tuple[int, str]:
        return next(((0, answers[word]) for word in words if word in answers), (1, ""))

    return Programs(run)


@pytest.fixture(autouse=True)
def _every_program_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "program", lambda name: f"/usr/sbin/{name}")


def test_what_ip_does_not_answer() -> None:
    assert network.read_interfaces(answering({})) is None
    assert network.default_route_interfaces(answering({})) is None


def test_default_routes_of_several_ways() -> None:
    answers = {"-4": '[{"dst":"default","nexthops":[{"dev":"eth0"},{"dev":"eth2"}]}]', "-6": ""}
    assert network.default_route_interfaces(answering(answers)) == {"eth0", "eth2"}


DROPPED = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
BY_NFT = f"# Generated by iptables-save v1.8.9 (nf_tables)\n{DROPPED}"
CHAIN = {"family": "inet", "table": "f", "name": "i", "type": "filter", "hook": "input"}
NFT = json.dumps({"nftables": [{"chain": CHAIN}]})
XT = json.dumps(
    {
        "nftables": [
            {"chain": {**CHAIN, "family": "ip", "table": "filter", "name": "INPUT"}},
            {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "expr": [{"xt": None}]}},
        ]
    }
)


def read_firewall(
    monkeypatch: pytest.MonkeyPatch, answers: t.Mapping[str, str], texts: t.Mapping[str, str]
) -> host_network.Firewall:
    by_program = {f"/usr/sbin/{name}": text for name, text in answers.items()}
    monkeypatch.setattr(firewall, "read", texts.get)
    monkeypatch.setattr(firewall, "read_int", lambda _path: None)
    return firewall.read_firewall(answering(by_program), {"migration": (49152, 49215)}, "eth1")


@pytest.mark.parametrize(
    ("answers", "kind", "verdict"),
    [
        ({"iptables-save": DROPPED}, "iptables", "closed"),
        ({"iptables-save": BY_NFT}, "iptables", "closed"),
        ({"iptables-save": "", "ip6tables-save": ""}, "none", "open"),
        ({"iptables-save": "# Table `filter' is incompatible, use 'nft' tool.\n"}, "iptables", "unknown"),
        ({"ip6tables-save": DROPPED}, "iptables", "unknown"),
        ({"nft": NFT, "iptables-save": DROPPED}, "nftables", "open"),
        ({"nft": "not JSON"}, "nftables", "unknown"),
        ({"nft": '{"nftables": []}'}, "none", "open"),
        # What nft does not tell, iptables does; only iptables' own program for nftables.
        ({"nft": XT}, "iptables", "unknown"),
        ({"nft": XT, "iptables-nft-save": DROPPED}, "iptables", "closed"),
        ({"nft": XT, "iptables-save": BY_NFT}, "iptables", "closed"),
        ({"nft": XT, "iptables-save": DROPPED}, "iptables", "unknown"),
        ({}, "unknown", "unknown"),
    ],
)
def test_which_firewall(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str], kind: str, verdict: str) -> None:
    found = read_firewall(monkeypatch, answers, {})
    assert (found.kind, [one.verdict for one in found.openings]) == (kind, [verdict])


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"nft": NFT, "iptables-legacy-save": DROPPED}, "closed"),
        ({"nft": NFT, "iptables-save": DROPPED}, "closed"),
        ({"nft": NFT, "iptables-save": BY_NFT}, "unknown"),
        ({"nft": NFT}, "unknown"),
        ({"iptables-save": "# (nf_tables)\n*filter\nCOMMIT\n", "iptables-legacy-save": DROPPED}, "closed"),
    ],
)
def test_old_tables_beside_nftables(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str], verdict: str) -> None:
    found = read_firewall(monkeypatch, answers, {"/proc/net/ip_tables_names": "filter\n"})
    assert [one.verdict for one in found.openings] == [verdict]


def test_the_sets_of_ipset_are_read_where_rules_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m set --match-set a dst -j ACCEPT\n"
    answers = {"iptables-save": rules, "ipset": "create a bitmap:port range 0-65535\nadd a 49152-49215\n"}
    assert read_firewall(monkeypatch, answers, {}).openings[0].verdict == "open"


def test_a_table_that_is_not_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = json.dumps({"nftables": [{"chain": {**CHAIN, "policy": "drop"}}]})
    monkeypatch.setattr(firewall, "read", lambda _path: None)
    monkeypatch.setattr(firewall, "read_int", lambda _path: None)
    answers = {"-t": "table inet f {\n\tflags dormant\n}\n", "-j": closed}
    assert firewall.read_firewall(answering(answers), {"migration": (1, 2)}, "").openings[0].verdict == "open"


def test_firewalld_by_its_files(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("own/firewalld.conf", "# comment\nDefaultZone=public\n")
    write("own/zones/migration.xml", "<zone><interface name='eth1'/><service name='libvirt-range'/></zone>")
    write("shipped/zones/public.xml", "<zone><service name='ssh'/></zone>")
    write("shipped/services/libvirt-range.xml", "<service><port port='49152-49215' protocol='tcp'/></service>")
    monkeypatch.setattr(firewall, "_FIREWALLD", (str(tmp_path / "own"), str(tmp_path / "shipped")))
    monkeypatch.setattr(firewall, "_firewalld_runs", lambda: True)
    for interface, verdict in (("eth1", "open"), ("eth0", "closed")):
        found = firewall.read_firewall(answering({}), {"migration": (49152, 49215)}, interface)
        assert (found.kind, found.openings[0].verdict) == ("firewalld", verdict)


def test_counters_of_this_machine() -> None:
    assert "lo" in network.read_counters()
