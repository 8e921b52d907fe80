# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role prerequisites on real hosts: what it changes, what it refuses, and that a second run changes nothing.

libvirtd, nftables, OpenSSL and the migration over TLS are real. The hosts have no service manager, so a script restarts
libvirtd. firewalld needs D-Bus and ufw the host's iptables, so that scripts stand for them, which keep their rules in a
file. The kernel's setting for userfaultfd is that of the whole machine; a file lies over it.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import tarfile
import typing as t
from pathlib import Path

import pytest
from bench.runs import COLLECTION, Ansible, Run, changed_again
from bench.subject import Subject
from virtlab.lab import Lab

HOST = "kvm02"
CONF = "/etc/libvirt/qemu.conf"
PATH = "/tmp/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RESTART = """#!/bin/sh
kill "$(cat /run/libvirtd.pid)"
while [ -d "/proc/$(cat /run/libvirtd.pid 2>/dev/null || echo none)" ]; do sleep 0.1; done
exec /usr/sbin/libvirtd --daemon --listen --pid-file /run/libvirtd.pid
"""
NFT = """#!/bin/sh
LD_LIBRARY_PATH=/tmp/nft/usr/lib/x86_64-linux-gnu exec /tmp/nft/usr/sbin/nft "$@"
"""
# They know what they are asked here, and fail for anything else.
FIREWALLD = """#!/bin/sh
rules=/tmp/firewalld
if [ "$*" = --state ]; then exit 0; fi
case "$*" in
  *--query-*) touch $rules; grep -qxF -- "$(echo "$*" | sed s/--query-/--add-/)" $rules ;;
  *--add-*) echo "$*" >>$rules ;;
  *) exit 2 ;;
esac
"""
UFW = """#!/bin/sh
rules=/tmp/ufw
if [ "$1" = --dry-run ]; then shift; dry=yes; fi
[ "$1" = allow ] || exit 2
if grep -qxF "$*" $rules 2>/dev/null; then echo "Skipping adding existing rule"; exit 0; fi
if [ -z "$dry" ]; then echo "$*" >>$rules; fi
echo "Rules updated"
"""


@pytest.fixture(scope="module")
def nft(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Debian's nftables, for a host's /tmp, as text."""
    directory = tmp_path_factory.mktemp("nft")
    packages = ["nftables", "libnftables1", "libjansson4", "libedit2", "libbsd0", "libmd0"]
    download = ["apt-get", "download", "--quiet", *packages]
    subprocess.run(download, cwd=directory, check=True, capture_output=True)
    for package in directory.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(directory / "nft")], check=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(directory / "nft", "nft")
    return base64.b64encode(packed.getvalue()).decode()


def put(lab: Lab, host: str, path: str, text: str) -> None:
    script = 'mkdir -p "$(dirname "$0")" && cat > "$0" && chmod 755 "$0"'
    lab.execute(host, "sh", "-c", script, path, input_text=text)


@pytest.fixture(scope="module")
def tools(lab: Lab) -> t.Iterator[None]:
    before = {host.name: lab.execute(host.name, "cat", CONF).stdout for host in lab.hosts}
    for host in before:
        put(lab, host, "/tmp/bin/restart-libvirtd", RESTART)
        put(lab, host, "/tmp/bin/firewall-cmd", FIREWALLD)
        put(lab, host, "/tmp/bin/ufw", UFW)
        put(lab, host, "/tmp/userfaultfd", "0\n")
        lab.execute(host, "mount", "--bind", "/tmp/userfaultfd", "/proc/sys/vm/unprivileged_userfaultfd")
    yield
    for host, text in before.items():
        lab.execute(host, "umount", "/proc/sys/vm/unprivileged_userfaultfd")
        put(lab, host, CONF, text)
        lab.restart_libvirtd(host)


@pytest.fixture
def role(ansible: Ansible, tools: None) -> t.Iterator[t.Callable[..., Run]]:
    def run(hosts: str, *options: str, twice: bool = False, **variables: t.Any) -> Run:
        given = {f"prerequisites_{key}": value for key, value in variables.items()}
        restart = {"prerequisites_restart_command": ["/tmp/bin/restart-libvirtd"]}
        return ansible.role("prerequisites", hosts, "main", *options, twice=twice, **{**restart, **given})

    ansible.environment = {"PATH": PATH}
    yield run
    ansible.environment = {}


def read(lab: Lab, path: str, host: str = HOST) -> str:
    return lab.execute(host, "cat", path, check=False).stdout


def pid(lab: Lab) -> str:
    return read(lab, "/run/libvirtd.pid")


def tasks(run: Run) -> set[str]:
    return {name.split(" : ")[-1] for name in run.changed}


def test_what_is_asked_for_and_nothing_the_second_time(
    role: t.Callable[..., Run], lab: Lab, nft: str, authority: Path, crm01: Subject
) -> None:
    chain = "add chain inet filter input { type filter hook input priority 0; policy accept; }"
    rules = f"add table inet filter; {chain}; add rule inet filter input tcp dport 9 drop"
    for host in lab.hosts:
        put(lab, host.name, "/tmp/bin/nft", NFT)
        lab.execute(host.name, "sh", "-c", "base64 -d | tar -xz -C /tmp", input_text=nft)
        lab.execute(host.name, "/tmp/bin/nft", rules)
    address = lab.host(HOST).migration_address
    wanted = {
        # A variable of each host in the inventory.
        "migration_address": "{{ migration_address }}",
        "migration_host": "{{ migration_address }}",
        "port_max": 49190,
        "firewall": "nftables",
        "firewall_sources": ["10.0.0.0/8", "fd00::/8"],
        "userfaultfd": True,
        "tls": "create",
        "tls_min_days": 1,
        "tls_days": 2,
        "tls_ca_cert": str(authority / "ca.pem"),
        "tls_ca_key": str(authority / "key.pem"),
        "mtu": 1500,
        "dedicated_interface": "fail",
    }
    parts = {
        "Daemon | Write the configuration",
        "Nftables | Keep the rules over reboots",
        "Userfaultfd | Keep it over reboots",
        "TLS | Put the authority's certificate there",
    }
    before, daemon = read(lab, CONF), pid(lab)
    predicted = role(HOST, "--check", **wanted)
    assert predicted.code == 0, predicted.output
    assert parts | {"Nftables | Say what would be opened", "TLS | Say what would be made"} <= tasks(predicted)
    assert f"libvirtd on {HOST} would be restarted" in predicted.output
    assert (read(lab, CONF), pid(lab)) == (before, daemon)
    assert "virtops" not in lab.execute(HOST, "/tmp/bin/nft", "list", "ruleset").stdout
    assert read(lab, "/etc/pki/qemu/server-cert.pem") == ""

    done = role("all", **wanted, twice=True)
    assert (done.code, changed_again(done)) == (0, []), done.output
    assert parts | {"Nftables | Open", "Userfaultfd | Allow it now", "Daemon | Restart it by command"} <= tasks(done)
    after = read(lab, CONF)
    assert f'migration_address = "{address}"\n' in after
    assert "migration_port_max = 49190\n" in after
    assert [line for line in before.splitlines() if line not in after] == []
    assert pid(lab) != daemon
    rules = lab.execute(HOST, "/tmp/bin/nft", "list", "chain", "inet", "filter", "input").stdout
    assert 'ip saddr 10.0.0.0/8 tcp dport 49152-49190 accept comment "virtops.live_migration"' in rules
    assert 'ip6 saddr fd00::/8 tcp dport 49152-49190 accept comment "virtops.live_migration"' in rules
    assert read(lab, "/proc/sys/vm/unprivileged_userfaultfd").strip() == "1"
    modes = lab.execute(HOST, "stat", "-c", "%a", "/etc/pki/qemu/server-key.pem").stdout.strip()
    assert modes == "640"
    # The certificates are good for what they were made for: each host is once the source and once the destination.
    crm01.arrives(crm01.migrate("--tls"))
    crm01.arrives(crm01.migrate("--tls"))


def test_values_that_would_do_harm(ansible: Ansible, role: t.Callable[..., Run], lab: Lab, tmp_path: Path) -> None:
    before, daemon = read(lab, CONF), pid(lab)
    refused = {
        "does not start": {"prerequisites_migration_address": "127.0.0.1"},
        "QEMU could not listen on it": {"prerequisites_migration_address": "192.0.2.77"},
        "which kvm02 takes for 127.0.0.1": {"prerequisites_migration_host": "itself"},
        "has an MTU of 1500, and not 9000": {
            "prerequisites_mtu": 9000,
            "prerequisites_migration_host": lab.host(HOST).mgmt_address,
        },
        "carries the SSH connection as well": {
            "prerequisites_dedicated_interface": "fail",
            "prerequisites_migration_host": lab.host(HOST).mgmt_address,
        },
        "sanlock, which is not installed": {"prerequisites_lock_manager": "sanlock"},
        "virtlockd does not listen": {"prerequisites_lock_manager": "lockd"},
        "are missing: ca-cert.pem": {"prerequisites_tls": "check", "prerequisites_tls_directory": "/tmp/none"},
    }
    lab.execute(HOST, "sh", "-c", "echo 127.0.0.1 itself >> /etc/hosts")
    steps = []
    for number, variables in enumerate(refused.values()):
        include = {"ansible.builtin.include_role": {"name": f"{COLLECTION}.prerequisites"}, "vars": variables}
        steps.append({"block": [include], "rescue": [{"ansible.builtin.debug": {"msg": f"refused {number}"}}]})
    path = tmp_path / "refused.yml"
    path.write_text(json.dumps([{"hosts": HOST, "gather_facts": False, "tasks": steps}]), encoding="utf-8")
    run = ansible.playbook(str(path))
    failures = [one["result"]["msg"] for one in run.tasks if one["status"] == "failed"]
    assert len(failures) == len(refused), run.output
    for failure, text in zip(failures, refused):
        assert text in failure
    assert (read(lab, CONF), pid(lab)) == (before, daemon)


def test_certificates_that_are_no_good(role: t.Callable[..., Run], lab: Lab, authority: Path, tmp_path: Path) -> None:
    """Of another authority, ending too soon, beside the key of another, readable by everybody, of another host."""
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x"]
    files = {}
    for name in ("one", "other"):
        to = ["-keyout", str(tmp_path / f"{name}-key.pem"), "-out", str(tmp_path / f"{name}-cert.pem")]
        subprocess.run([*make, *to], check=True, capture_output=True)
        files[name] = ((tmp_path / f"{name}-cert.pem").read_text(), (tmp_path / f"{name}-key.pem").read_text())
    cert, key = files["one"]
    cases = {
        "is not signed by ca-cert.pem": ((authority / "ca.pem").read_text(), cert, key, 1, "600"),
        "is not valid for another 30 days (notAfter=": (cert, cert, key, 30, "600"),
        "is not that of the key beside it": (cert, cert, files["other"][1], 1, "600"),
        "can be read by everybody: server-key.pem": (cert, cert, key, 1, "644"),
        f"is not for {lab.host(HOST).migration_address}, to which others connect": (cert, cert, key, 1, "600"),
    }
    for number, (text, (ca, certificate, private, min_days, mode)) in enumerate(cases.items()):
        directory = f"/tmp/pki-{number}"
        for name, content in (("ca-cert", ca), *((f"{who}-cert", certificate) for who in ("server", "client"))):
            put(lab, HOST, f"{directory}/{name}.pem", content)
        for who in ("server", "client"):
            put(lab, HOST, f"{directory}/{who}-key.pem", private)
            lab.execute(HOST, "chmod", mode if who == "server" else "600", f"{directory}/{who}-key.pem")
        run = role(HOST, tls="check", tls_directory=directory, tls_min_days=min_days)
        assert run.code != 0
        assert text in run.output, run.output


def test_not_while_a_migration_runs(role: t.Callable[..., Run], lab: Lab, erp01: Subject) -> None:
    erp01.migrate()
    before = read(lab, CONF, erp01.source)
    run = role(erp01.source, port_max=49185)
    assert run.code != 0
    assert "erp01 is being migrated. Nothing was changed." in run.failure
    assert read(lab, CONF, erp01.source) == before
    lab.execute(erp01.source, "/usr/sbin/virtlockd", "--daemon", "--pid-file", "/run/virtlockd.pid")
    locked = role(erp01.source, lock_manager="lockd")
    assert "erp01 would go on without locks" in locked.failure or "erp01, " in locked.failure, locked.output
    assert read(lab, CONF, erp01.source) == before
    told = role(erp01.source, lock_manager="lockd", port_max=49185, restart=False, qemu_conf="/tmp/other.conf")
    assert told.code == 0, told.output
    assert "has to be restarted for lock_manager, migration_port_max" in told.output
    assert 'lock_manager = "lockd"' in read(lab, "/tmp/other.conf", erp01.source)
    assert erp01.job()


@pytest.mark.wide
def test_a_daemon_that_does_not_come_back(role: t.Callable[..., Run], lab: Lab) -> None:
    before = read(lab, CONF)
    run = role(HOST, qemu_settings={"security_driver": "nosuch"}, wait_s=4)
    assert run.code != 0
    assert "so the former one was put back" in run.failure
    assert read(lab, CONF) == before
    assert lab.virsh(HOST, "list").returncode == 0


@pytest.mark.wide
@pytest.mark.parametrize("firewall", ["firewalld", "ufw"])
def test_other_firewalls(role: t.Callable[..., Run], lab: Lab, firewall: str) -> None:
    wanted = {"firewall": firewall, "firewall_ports": ["16514"], "firewall_sources": ["10.0.0.0/8"]}
    predicted = role(HOST, "--check", **wanted)
    assert (predicted.code, len(predicted.changed)) == (0, 1), predicted.output
    assert read(lab, f"/tmp/{firewall}") == ""
    done = role(HOST, **wanted, twice=True)
    assert (done.code, changed_again(done)) == (0, []), done.output
    rules = read(lab, f"/tmp/{firewall}").splitlines()
    if firewall == "firewalld":
        rich = 'rule family="ipv4" source address="10.0.0.0/8" port port="16514" protocol="tcp" accept'
        assert f"--add-rich-rule={rich}" in rules
        assert f"--permanent --add-rich-rule={rich}" in rules
        assert len(rules) == 4
    else:
        assert rules == [
            "allow proto tcp from 10.0.0.0/8 to any port 49152:49215",
            "allow proto tcp from 10.0.0.0/8 to any port 16514",
        ]


@pytest.mark.wide
def test_the_playbook(ansible: Ansible, tools: None, lab: Lab) -> None:
    run = ansible.playbook(
        f"{COLLECTION}.prepare_hosts",
        live_migration_hosts=HOST,
        prerequisites_mtu=1500,
        prerequisites_migration_host=lab.host(HOST).migration_address,
    )
    assert (run.code, run.changed) == (0, []), run.output
