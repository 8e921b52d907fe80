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
import threading
import time
import typing as t
from pathlib import Path

import pytest
from bench.runs import COLLECTION, Ansible, Run, changed_again
from bench.subject import Subject, wait_for
from virtlab.lab import Lab

HOST = "kvm02"
CONF = "/etc/libvirt/qemu.conf"
UNSENT = "/proc/sys/net/ipv4/tcp_notsent_lowat"  # of the lab's host, since it is of the network namespace
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
    unsent = read(lab, UNSENT)
    for host in before:
        put(lab, host, "/tmp/bin/restart-libvirtd", RESTART)
        put(lab, host, "/tmp/bin/firewall-cmd", FIREWALLD)
        put(lab, host, "/tmp/bin/ufw", UFW)
        put(lab, host, "/tmp/userfaultfd", "0\n")
        lab.execute(host, "mount", "--bind", "/tmp/userfaultfd", "/proc/sys/vm/unprivileged_userfaultfd")
    yield
    for host, text in before.items():
        lab.execute(host, "umount", "/proc/sys/vm/unprivileged_userfaultfd")
        lab.execute(host, "tee", UNSENT, input_text=unsent)
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
        "unsent_kib": 128,
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
        "Kernel | Keep its settings over reboots",
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
    assert parts | {"Nftables | Open", "Kernel | Set it now", "Daemon | Restart it by command"} <= tasks(done)
    after = read(lab, CONF)
    assert f'migration_address = "{address}"\n' in after
    assert "migration_port_max = 49190\n" in after
    assert [line for line in before.splitlines() if line not in after] == []
    assert pid(lab) != daemon
    rules = lab.execute(HOST, "/tmp/bin/nft", "list", "chain", "inet", "filter", "input").stdout
    assert 'ip saddr 10.0.0.0/8 tcp dport 49152-49190 accept comment "virtops.live_migration"' in rules
    assert 'ip6 saddr fd00::/8 tcp dport 49152-49190 accept comment "virtops.live_migration"' in rules
    assert read(lab, "/proc/sys/vm/unprivileged_userfaultfd").strip() == "1"
    assert read(lab, UNSENT).strip() == "131072"
    kept = read(lab, "/etc/sysctl.d/60-virtops-live-migration.conf").splitlines()[1:]
    assert kept == ["vm.unprivileged_userfaultfd = 1", "net.ipv4.tcp_notsent_lowat = 131072"]
    modes = lab.execute(HOST, "stat", "-c", "%a", "/etc/pki/qemu/server-key.pem").stdout.strip()
    assert modes == "640"
    # The certificates are good for what they were made for: each host is once the source and once the destination.
    crm01.arrives(crm01.migrate("--tls"))
    crm01.arrives(crm01.migrate("--tls"))
    # Other tests want hosts without certificates.
    for host in lab.hosts:
        lab.execute(host.name, "rm", "-rf", "/etc/pki/qemu")


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
        "carries SSH connections as well": {
            "prerequisites_dedicated_interface": "fail",
            "prerequisites_migration_host": lab.host(HOST).mgmt_address,
        },
        "Give 16 to 1048576": {"prerequisites_unsent_kib": 8},
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


LARGE = """<domain type='qemu'><name>large</name><memory unit='TiB'>2</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><interface type='direct'><source dev='eth1' mode='bridge'/></interface></devices></domain>
"""


def test_an_interface_that_is_not_only_for_migrations(role: t.Callable[..., Run], lab: Lab) -> None:
    """By its IPv6 address; a guest of 2 TiB is defined on it, whose size decides how fast it has to be."""
    address = "fd00:231::12"
    lab.execute(HOST, "ip", "address", "add", f"{address}/64", "dev", "eth1", "nodad")
    lab.execute(HOST, "virsh", "define", "/dev/stdin", input_text=LARGE)
    asked = {"migration_host": address, "min_speed_mbit_per_s": -1}
    try:
        warned = role(HOST, "--check", dedicated_interface="warn", **asked)
        failed = role(HOST, "--check", dedicated_interface="fail", **asked)
        without = role(HOST, "--check", dedicated_interface="fail", **{**asked, "min_speed_mbit_per_s": 0})
        slow = role(HOST, "--check", **{**asked, "min_speed_mbit_per_s": 10_000})
        lab.virsh(HOST, "undefine", "large")
        fine = role(HOST, "--check", dedicated_interface="fail", **asked)
    finally:
        lab.virsh(HOST, "undefine", "large", check=False)
        lab.execute(HOST, "ip", "address", "del", f"{address}/64", "dev", "eth1")
    shared = f"eth1 of {HOST} is to carry migrations, but carries guests on eth1 as well"
    large = f"eth1 of {HOST} has no speed that is known, but has guests of more than 1 TiB"
    assert warned.code == 0, warned.output
    (told,) = [record["result"]["msg"] for record in warned.tasks if record["task"].endswith("Interface | Warn of it")]
    assert [shared in told[0], large in told[1]] == [True, True], told
    assert (shared in failed.failure, large in failed.failure) == (True, True), failed.output
    assert (shared in without.failure, large in without.failure) == (True, False), without.output
    # A wire of the lab says 10000, as all of its kind do.
    assert "has no speed that is known, but should have at least 10000" in slow.failure, slow.output
    assert fine.code == 0, fine.output


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


OPENSSL = """#!/bin/sh
# Of a host in wrong hands: it gives a request of its own choice.
if [ "$1 $2" != "req -new" ]; then exec /usr/bin/openssl "$@"; fi
for key; do :; done
cp /tmp/evil/key.pem "$key"
cat /tmp/evil/request.pem
"""
SUBJECT = ["-nodes", "-subj", "/CN=kvm01", "-addext", "subjectAltName=DNS:kvm01,DNS:*.example.org,IP:10.231.1.11"]
ELLIPTIC = ["-newkey", "ec", "-pkeyopt"]
AUTHORITY = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
# How openssl makes them.
REQUESTS = {
    "an authority": [*ELLIPTIC, "ec_paramgen_curve:prime256v1", *AUTHORITY],
    "another algorithm": ["-newkey", "rsa:2048", *AUTHORITY],
    "a weak key": ["-newkey", "rsa:1024"],
    "a weak curve": [*ELLIPTIC, "ec_paramgen_curve:secp192k1"],
    "a curve of one's own": [*ELLIPTIC, "ec_paramgen_curve:prime256v1", "-pkeyopt", "ec_param_enc:explicit"],
}


def requests(directory: Path) -> dict[str, tuple[str, str]]:
    """What a hostile host may give for a request, and the key that goes with it."""
    found = {}
    for name, options in REQUESTS.items():
        key, request = directory / "key.pem", directory / "request.pem"
        files = ["-keyout", str(key), "-out", str(request)]
        subprocess.run(["openssl", "req", "-new", *options, *SUBJECT, *files], check=True, capture_output=True)
        found[name] = (request.read_text(), key.read_text())
    good, key = found["an authority"]
    lines = good.splitlines()
    der = bytearray(base64.b64decode("".join(lines[1:-1])))
    der[-1] ^= 1
    forged = "\n".join([lines[0], base64.b64encode(der).decode(), lines[-1]]) + "\n"
    texts = {
        "another signature": forged,
        "two of them": good + good,
        "a key before it": key + good,
        "words behind it": good + "a word\n",
        "nothing": "",
        "no PEM": "x" * 100,
        "a certificate": good.replace(" REQUEST", ""),
        "cut off": "\n".join([lines[0], lines[1], lines[-1]]) + "\n",
        "a long one": "\n".join([lines[0], *["A" * 64] * 20_000, lines[-1]]) + "\n",
        "a template": "{{ lookup('ansible.builtin.pipe', 'touch /tmp/template-was-run') }}",
    }
    return {**found, **{name: (text, key) for name, text in texts.items()}}


FIRST = ["an authority", "another algorithm", "another signature", "two of them"]


@pytest.mark.parametrize("rest", [False, pytest.param(True, marks=pytest.mark.wide)], ids=["first", "rest"])
def test_a_host_cannot_become_an_authority(
    ansible: Ansible, role: t.Callable[..., Run], lab: Lab, authority: Path, tmp_path: Path, rest: bool
) -> None:
    """A request gives its public key and nothing else, and that only when it is what was asked for."""
    given = {name: one for name, one in requests(tmp_path).items() if (name not in FIRST) == rest}
    lab.execute(HOST, "rm", "-rf", "/tmp/evil")
    put(lab, HOST, "/tmp/bin/openssl", OPENSSL)
    wanted = {
        "tls": "create",
        "tls_min_days": 1,
        "tls_days": 2,
        "tls_ca_cert": str(authority / "ca.pem"),
        "tls_ca_key": str(authority / "key.pem"),
        "migration_host": lab.host(HOST).migration_address,
        # No daemon has to know of these.
        "qemu_conf": "/tmp/certified.conf",
        "restart": False,
    }
    steps: list[dict[str, t.Any]] = []
    for number, (request, key) in enumerate(given.values()):
        put(lab, HOST, f"/tmp/evil/{number}.pem", request)
        put(lab, HOST, f"/tmp/evil/{number}-key.pem", key)
        take = f"cp /tmp/evil/{number}.pem /tmp/evil/request.pem; cp /tmp/evil/{number}-key.pem /tmp/evil/key.pem"
        variables = {f"prerequisites_{name}": value for name, value in wanted.items()}
        variables["prerequisites_tls_directory"] = f"/tmp/evil/pki-{number}"
        include = {"ansible.builtin.include_role": {"name": f"{COLLECTION}.prerequisites"}, "vars": variables}
        rescue = [{"ansible.builtin.debug": {"msg": "refused"}}]
        steps += [{"ansible.builtin.command": {"argv": ["sh", "-c", take]}}, {"block": [include], "rescue": rescue}]
    play = {"hosts": HOST, "gather_facts": False, "environment": ansible.environment, "tasks": steps}
    path = tmp_path / "hostile.yml"
    path.write_text(json.dumps([play]), encoding="utf-8")
    run = ansible.playbook(str(path), timeout_s=600)
    lab.execute(HOST, "rm", "/tmp/bin/openssl")
    assert run.code == 0, run.output
    for number, name in enumerate(given):
        # No key and no request is left behind.
        left = lab.execute(HOST, "ls", "-A", f"/tmp/evil/pki-{number}").stdout.split()
        if name != "an authority":
            assert (name, left) == (name, ["ca-cert.pem"])
            continue
        ours = ["ca-cert.pem", "client-cert.pem", "client-key.pem", "server-cert.pem", "server-key.pem"]
        assert left == ours
        text = lab.execute(
            HOST, "openssl", "x509", "-noout", "-text", "-in", f"/tmp/evil/pki-{number}/server-cert.pem"
        ).stdout
        # OpenSSL 3.2 and later write it without spaces.
        assert f"Subject: CN={lab.host(HOST).migration_address}" in text.replace(" = ", "=")
        assert "CA:FALSE" in text
        assert "CA:TRUE" not in text
        assert "Digital Signature, Key Encipherment" in text
        assert "TLS Web Server Authentication, TLS Web Client Authentication" in text
        for foreign in ("DNS:kvm01", "example.org", "10.231.1.11"):
            assert foreign not in text
        assert f"IP Address:{lab.host(HOST).migration_address}" in text
        assert f"DNS:{HOST}" in text
    failures = [one["result"]["msg"] for one in run.tasks if one["status"] == "failed" and not one["ignored"]]
    assert len(failures) == len(given) - ("an authority" in given), run.output
    for failure in failures:
        assert "Nothing was signed or changed" in failure
    assert not Path("/tmp/template-was-run").exists()


def test_names_are_those_of_the_inventory(role: t.Callable[..., Run], lab: Lab, authority: Path) -> None:
    """What a host calls itself in its own qemu.conf is not signed."""
    put(lab, HOST, "/tmp/names.conf", 'migration_host = "kvm01"\nvnc_password = "swordfish"\n')
    wanted = {
        "tls": "create",
        "tls_directory": "/tmp/pki-names",
        "qemu_conf": "/tmp/names.conf",
        "tls_min_days": 1,
        "tls_ca_cert": str(authority / "ca.pem"),
        "tls_ca_key": str(authority / "key.pem"),
    }
    run = role(HOST, "-vvv", **wanted)
    assert "others connect to kvm01, as /tmp/names.conf of the host has it" in run.failure, run.output
    assert read(lab, "/tmp/pki-names/server-cert.pem") == ""
    assert "swordfish" not in run.output


def test_a_renewal_leaves_no_key_behind(role: t.Callable[..., Run], lab: Lab, authority: Path) -> None:
    wanted = {
        "tls": "create",
        "tls_directory": "/tmp/pki-renewed",
        "tls_min_days": 1,
        "tls_days": 2,
        "tls_ca_cert": str(authority / "ca.pem"),
        "tls_ca_key": str(authority / "key.pem"),
        "migration_host": lab.host(HOST).migration_address,
        # No daemon has to know of these.
        "qemu_conf": "/tmp/certified.conf",
        "restart": False,
    }
    first = role(HOST, **wanted)
    assert first.code == 0, first.output
    key = read(lab, "/tmp/pki-renewed/server-key.pem")
    old = "/tmp/pki-renewed/server-key.pem.4711.2026-01-01@00:00:00~"
    # An older version left one, and somebody opened the key to everybody. The directory is the administrator's. And one
    # certificate is gone, so that both are made anew.
    script = f"cp $0/server-key.pem {old}; rm $0/client-cert.pem; mkdir $0/.virtops-tls.x;"
    script += "chmod 644 $0/*key.pem; chmod 750 $0"
    lab.execute(HOST, "sh", "-c", script, "/tmp/pki-renewed")
    watch = "while [ ! -e /tmp/seen ]; do stat -c '%a %i' /tmp/pki-renewed/*-key.pem; done | sort -u > /tmp/modes.new"
    watch += "; mv /tmp/modes.new /tmp/modes"
    lab.execute(HOST, "sh", "-c", f'rm -f /tmp/seen /tmp/modes; nohup sh -c "{watch}" >/dev/null 2>&1 &')
    again = role(HOST, **wanted)
    lab.execute(HOST, "touch", "/tmp/seen")
    assert again.code == 0, again.output
    left = lab.execute(HOST, "ls", "-A", "/tmp/pki-renewed").stdout.split()
    assert left == ["ca-cert.pem", "client-cert.pem", "client-key.pem", "server-cert.pem", "server-key.pem"]
    assert read(lab, "/tmp/pki-renewed/server-key.pem") not in ("", key)
    assert read(lab, "/tmp/pki-renewed/client-key.pem") == read(lab, "/tmp/pki-renewed/server-key.pem")
    stat = lab.execute(HOST, "stat", "-c", "%a", "/tmp/pki-renewed", "/tmp/pki-renewed/server-key.pem").stdout.split()
    assert stat == ["750", "640"]
    # The new files were never there with another mode than their own.
    inodes = lab.execute(HOST, "sh", "-c", "stat -c %i /tmp/pki-renewed/*-key.pem").stdout.split()
    modes = str(wait_for(lambda: read(lab, "/tmp/modes"), "what was seen of the files"))
    seen = [line.split() for line in modes.splitlines()]
    assert {mode for mode, inode in seen if inode in inodes} <= {"640"}


@pytest.mark.fast
def test_no_secret_is_shown(role: t.Callable[..., Run], lab: Lab) -> None:
    """Neither those of the file nor those that are asked for: with a diff, in check mode, and with all verbosity."""
    secrets = ("swordfish", "trout", "salmon", "herring", "mackerel")
    path = "/tmp/secrets.conf"
    text = 'vnc_password = "swordfish" # once: trout\n# spice_password = "salmon"\nmax_queued = 5\nmax_queued = 6\n'
    put(lab, HOST, path, text)
    lab.execute(HOST, "chmod", "640", path)
    settings = {"vnc_password": "herring", "spice_password": "mackerel", "max_queued": 7}
    wanted = {"qemu_conf": path, "qemu_settings": settings, "restart": False}
    runs = [role(HOST, "--check", "--diff", "-vvv", **wanted), role(HOST, "--diff", "-vvv", twice=True, **wanted)]
    for run in runs:
        assert run.code == 0, run.output
        words = json.dumps([one["result"] for one in run.tasks])
        assert [secret for secret in secrets if secret in run.output or secret in words] == []
        for line in ("-max_queued = 5", "-max_queued = 6", "+max_queued = 7", "+vnc_password = (a new value"):
            assert line in run.output, run.output
    assert changed_again(runs[1]) == []
    assert read(lab, path) == (
        'vnc_password = "herring"\n# spice_password = "salmon"\nspice_password = "mackerel"\nmax_queued = 7\n'
        "#max_queued = 6\n"
    )
    modes = lab.execute(HOST, "sh", "-c", f"stat -c %a {path}*").stdout.split()
    assert modes == ["640", "640"]
    refused = role(HOST, "-vvv", qemu_settings={"vnc_password": ["herring"]})
    assert "vnc_password must be a text" in refused.output
    assert "herring" not in refused.output


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


@pytest.mark.fast
def test_a_migration_that_begins_meanwhile(
    role: t.Callable[..., Run], lab: Lab, erp01: Subject, tmp_path: Path
) -> None:
    """After the first look and before the restart; whoever asks for the URI hears what was done meanwhile."""
    before = read(lab, CONF, erp01.source)
    daemon = lab.execute(erp01.source, "cat", "/run/libvirtd.pid").stdout
    asked, answer = tmp_path / "asked", tmp_path / "answer"
    script = tmp_path / "uri"
    wait = f"touch {asked}; while [ ! -e {answer} ]; do sleep 0.1; done; rm {answer}; echo qemu:///system"
    script.write_text(f"#!/bin/sh\n{wait}\n", encoding="utf-8")
    script.chmod(0o755)
    done = threading.Event()

    def migrate_when_written() -> None:
        while not done.is_set():
            if asked.exists():
                if "49187" in read(lab, CONF, erp01.source) and not erp01.job():
                    erp01.migrate()
                asked.unlink()
                answer.touch()
            time.sleep(0.1)

    thread = threading.Thread(target=migrate_when_written)
    thread.start()
    try:
        uri = f"{{{{ lookup('ansible.builtin.pipe', '{script}') }}}}"
        run = role(erp01.source, port_max=49187, uri=uri)
    finally:
        done.set()
        thread.join()
    assert "erp01 is being migrated. Nothing was changed." in run.failure, run.output
    assert "Daemon | Write the configuration" in tasks(run)
    assert read(lab, CONF, erp01.source) == before
    assert lab.execute(erp01.source, "cat", "/run/libvirtd.pid").stdout == daemon
    assert erp01.job()


@pytest.mark.wide
def test_a_daemon_that_does_not_come_back(role: t.Callable[..., Run], lab: Lab) -> None:
    before = read(lab, CONF)
    files = lab.execute(HOST, "ls", "-A", "/etc/libvirt").stdout
    secret = {"security_driver": "nosuch", "vnc_password": "swordfish"}
    run = role(HOST, qemu_settings=secret, wait_s=4)
    assert run.code != 0
    assert "so the former one was put back" in run.failure
    assert "swordfish" not in run.output
    assert read(lab, CONF) == before
    assert lab.execute(HOST, "ls", "-A", "/etc/libvirt").stdout == files
    assert lab.virsh(HOST, "list").returncode == 0


@pytest.mark.wide
def test_a_file_that_was_not_there_is_not_left_behind(role: t.Callable[..., Run], lab: Lab) -> None:
    run = role(HOST, qemu_conf="/tmp/none.conf", port_max=49187, restart_command=["/bin/false"])
    assert run.code != 0
    assert lab.execute(HOST, "sh", "-c", "ls /tmp/none.conf*", check=False).stdout == ""
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


@pytest.mark.fast
def test_the_playbook(ansible: Ansible, tools: None, lab: Lab) -> None:
    run = ansible.playbook(
        f"{COLLECTION}.prepare_hosts",
        live_migration_hosts=HOST,
        prerequisites_mtu=1500,
        prerequisites_migration_host=lab.host(HOST).migration_address,
    )
    assert (run.code, run.changed) == (0, []), run.output
