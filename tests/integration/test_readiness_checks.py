# SPDX-License-Identifier: GPL-3.0-or-later
"""Every readiness check on real hosts: it passes on healthy ones, and finds a real fault.

Two hosts and some guests are looked at while all is well and while much is not; each check is a test of its own that
looks up what it found. What the lab cannot be is named below with the reason, and is tested with documents of such
hosts in tests/unit/plugins/module_utils/_core/readiness/test_checks.py. What needs two versions of libvirt is in
test_readiness_versions.py.
"""

from __future__ import annotations

import contextlib
import subprocess
import typing as t
from pathlib import Path

import pytest
from bench.lending import borrowed
from bench.runs import Ansible, Result, Task, task
from bench.subject import Subject, wait_for
from virtlab.lab import Lab

from ansible_collections.virtops.live_migration.tests.unit.layout.run_scripts import run_script

pytestmark = pytest.mark.wide

NO_FAULT_HERE = {
    "host_devices": "there is no device to give to a guest",
    "tpm": "there is no TPM, and no emulator of one",
    "launch_security": "there is no processor with encrypted memory",
    "tsc": "guests have no counter of their own without KVM",
    "guest_size": "the kernel gives no process more memory than the machine has",
    "hugepages": "they would be taken from the machine that the lab is on",
    "numa_nodes": "both hosts have one node",
    "disk_cache": "it takes a QEMU before 4.0",
    "confinement": "the kernel has neither SELinux nor AppArmor",
    "interface_load": "virtual wires tell no speed that is theirs",
    "interface_speed": "virtual wires tell no speed that is theirs",
    "vsock": "it takes the kernel's vhost-vsock, and a guest with it on either host",
    "device_state": "no guest of the lab has such a device; definitions with them are in tests/unit",
    "other_devices": "libvirt writes no device that it does not know itself, and all of those are looked at",
    "sends_free_memory": "it takes a guest with a kernel that drives the balloon: test_shrink.py",
    "machine_type": "it takes two versions: test_readiness_versions.py",
    "versions": "it takes two versions: test_readiness_versions.py",
}
NOTHING_TO_PASS_HERE = {
    "known_bugs": "each libvirt that there is has some",
    "interface_load": "virtual wires tell no speed that is theirs",
    "interface_speed": "virtual wires tell no speed that is theirs",
    "sends_free_memory": "it takes a guest with a kernel that drives the balloon: test_shrink.py",
    "backing_images": "that is for a copy of disks that have one",
    "clocks": "nothing of which the kernel knew keeps the lab's clock right",
}
# What is found where nothing is well; one of what the check can say.
FAULTS = {
    "same_host": ("fail", "have the same host UUID"),
    "uuid_free": ("fail", "another guest with this UUID, 'twin'"),
    "name_free": ("fail", "another guest of this name"),
    "destination_name": ("fail", "leads to the source itself"),
    "cordon": ("fail", "takes no guests"),
    "guest_state": ("warn", "It is paused"),
    "guest_jobs": ("fail", "Block jobs run on vda"),
    "snapshots": ("fail", "1 snapshot"),
    "graphics": ("fail", "which is no address of the destination"),
    "firmware": ("fail", "/usr/share/OVMF/OVMF_CODE.fd"),
    "shared_directories": ("fail", "tmp (path)"),
    "shared_memory": ("fail", "is not the master"),
    "device_files": ("warn", "/dev/zero"),
    "qemu_arguments": ("warn", "past libvirt"),
    "qemu_blockers": ("fail", "'peer mode' in device 'ivshmem'"),
    "cpu_compatible": ("fail", "avx512f"),
    "emulator_path": ("warn", "/root/own-qemu"),
    "cpu_count": ("warn", "processors"),
    "memory_available": ("fail", "are available on the destination"),
    "left_slowed": ("warn", "which were not put back"),
    "left_small": ("warn", "256.0 MiB of the 512.0 MiB"),
    "secrets": ("fail", "does not have the secrets uuid:00000000-0000-4000-8000-0000000000ff"),
    "disks_reachable": ("fail", "is a local file system (tmpfs)"),
    "disk_room": ("fail", "are needed in /var/lib/libvirt/images"),
    "disk_kind": ("fail", "vdb thrown away after use"),
    "backing_images": ("warn", "problem.img"),
    "boot_files": ("warn", "/var/lib/libvirt/images/kernel"),
    "lock_manager": ("warn", "may let the guest run on both"),
    "guest_networks": ("fail", "there is no bridge 'guests0'"),
    "guest_mtu": ("fail", "1500 on the source, 1400 on the destination"),
    "migration_route": ("fail", "no route to 192.0.2.1"),
    "destination_reachable": ("fail", "refused"),
    "daemon_login": ("fail", "cannot log in"),
    "migration_mtu": ("warn", "1400 on the destination"),
    "dedicated_interface": ("warn", "eth1 of kvm02 with guests on eth1"),
    "daemon_listens": ("warn", "without any login"),
    "ports_free": ("fail", "0 of the ports"),
    "ports_open": ("fail", "does not let migrations in"),
    "known_bugs": ("warn", "known bugs"),
    "tls": ("fail", "server-cert.pem is missing"),
    "clocks": ("fail", "apart"),
    "dirty_rate": ("warn", "do not get shorter"),
    "working_set": ("warn", "more than the"),
    "forecast": ("fail", "does not finish within the policy"),
    "postcopy_possible": ("warn", "userfaultfd"),
    "postcopy_advisable": ("warn", "named as critical"),
    "requested_pages": ("warn", "behind 4.0 MiB that the source's kernel has taken"),
}

SHRUNK_NAMESPACE = "https://github.com/virtops/ansible-live-migration/shrunk"
HEAD = "<domain type='qemu'><name>{name}</name><uuid>00000000-0000-4000-8000-0000000000{end}</uuid>"
# Its processors never run; parts of it are trouble for a migration.
PROBLEM = f"""{HEAD}<memory unit='KiB'>{{memory_kib}}</memory><vcpu>{{vcpus}}</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type>
<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
<nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/libvirt/images/problem.nvram</nvram>
<kernel>/var/lib/libvirt/images/kernel</kernel></os><features><acpi/></features>
<devices><emulator>/root/own-qemu</emulator>
<disk type='file' device='disk'><driver type='raw' cache='none'/>
<source file='/var/lib/libvirt/images/problem.img'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='disk'><driver type='raw' cache='none'/>
<source file='/var/lib/libvirt/images/problem-2.img'/><target dev='vdb' bus='virtio'/><transient/></disk>
<interface type='bridge'><source bridge='guests0'/></interface>
<interface type='bridge'><source bridge='lan0'/></interface>
<graphics type='vnc' port='-1' autoport='yes' listen='{{listen}}'/>
<filesystem type='mount'><source dir='/tmp'/><target dir='tmp'/></filesystem>
<shmem name='shared'><model type='ivshmem-plain'/><size unit='M'>1</size></shmem>
<rng model='virtio'><backend model='random'>/dev/zero</backend></rng>
</devices></domain>"""
# Runs, and QEMU itself has something against its migration that libvirt does not know of. It wants to be busy.
BLOCKED = f"""{HEAD.replace("'qemu'>", "'qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>")}
<memory unit='MiB'>256</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><controller type='usb' model='none'/>
<disk type='file' device='disk'><driver type='raw' cache='none'/>
<source file='/var/lib/libvirt/shared/blocked.img'/><target dev='vda' bus='virtio'/></disk></devices>
<qemu:commandline><qemu:arg value='-object'/><qemu:arg value='memory-backend-ram,id=shm0,size=1M,share=on'/>
<qemu:arg value='-device'/><qemu:arg value='ivshmem-plain,memdev=shm0,master=off,addr=0x9'/>
</qemu:commandline></domain>"""
# Could be started on no host of the lab, whose QEMU emulates its processors. The secret of its disk is on none either.
DEMANDING = f"""{HEAD}<memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
<cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model>
<feature policy='require' name='avx512f'/></cpu>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='/var/lib/libvirt/shared/sealed.qcow2'><encryption format='luks'>
<secret type='passphrase' uuid='00000000-0000-4000-8000-0000000000ff'/></encryption></source>
<target dev='vda' bus='virtio'/></disk></devices></domain>"""
# As it stands in the guest's metadata when nobody has given back what a migration took.
LEFT_SMALL = "<shrunk uuid='{uuid}' former-kib='524288' set-kib='262144' state='held' period-s='0' transient='1'/>"
# Others on the destination, one of them on the interface of migrations.
OTHER = f"""{HEAD}<memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><interface type='direct'><source dev='eth1' mode='bridge'/></interface></devices></domain>"""
# Runs, with all that can be had without trouble.
HEALTHY = f"""{HEAD}<memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
<cpu mode='custom' match='exact'><model fallback='forbid'>qemu64</model></cpu>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/>
<disk type='file' device='disk'><driver type='raw' cache='none'/>
<source file='/var/lib/libvirt/images/healthy.img'/><target dev='vda' bus='virtio'/></disk>
<interface type='bridge'><source bridge='lan0'/></interface>
<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/></devices></domain>"""

LAN = ("link", "add", "lan0", "type", "bridge")
DROP = ("INPUT", "-p", "tcp", "--dport", "49152:49215", "-j", "DROP")
QEMU_CONF, DAEMON_CONF, PKI = "/etc/libvirt/qemu.conf", "/etc/libvirt/libvirtd.conf", "/etc/pki/qemu"
LOCKS = 'lock_manager = "lockd"'
SHARED = 'shared_filesystems = [ "/var/lib/libvirt/shared" ]'
LATE = {"LD_PRELOAD": "/tmp/faketime/libfaketime.so.1", "FAKETIME": "+600s"}
MEASURE = {"windows_s": [1, 2]}

_NEWER = "{{{{ {0}.host | combine({{'versions': {{'libvirt': '10.8.0'}}}}, recursive=True) }}}}"
AS_IF_NEWER = {"source": _NEWER.format("here"), "destination": _NEWER.format("there")}

Found = dict[str, dict[str, Result]]


def registry() -> list[str]:
    """The ids of all checks, from the checks themselves, as the reference page has them."""
    return [check.id for check in run_script("reference").checks()]


CHECKS = registry()


def lines_of(lab: Lab, host: str, path: str) -> list[str]:
    return lab.execute(host, "cat", path).stdout.splitlines()


def write(lab: Lab, host: str, path: str, lines: t.Iterable[str]) -> None:
    lab.execute(host, "tee", path, input_text="\n".join(lines) + "\n")


def put(lab: Lab, host: str, path: str, content: bytes) -> None:
    """A file that is no text."""
    line = lab.command_line(host, ["sh", "-c", 'mkdir -p "$(dirname "$0")"; cat > "$0"', path])
    subprocess.run(line, input=content, check=True)


def start(lab: Lab, xml: str, *, paused: bool = False) -> None:
    lab.execute("kvm01", "virsh", "create", "/dev/stdin", *(["--paused"] if paused else []), input_text=xml)


@pytest.fixture(scope="module")
def faketime(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Namespaces of time leave the clock of the day alone; Debian's libfaketime tells programs another one."""
    directory = tmp_path_factory.mktemp("faketime")
    subprocess.run(["apt-get", "download", "-q", "libfaketime"], cwd=directory, check=True, capture_output=True)
    (package,) = directory.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", str(package), str(directory / "root")], check=True)
    return next(directory.rglob("libfaketime.so.1")).read_bytes()


@pytest.fixture(scope="module")
def hosts(lab: Lab, ansible: Ansible, faketime: bytes, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Lab]:
    """Both hosts with bridges, certificates and lock managers; put back in the end, whatever was done to them."""
    names = [host.name for host in lab.hosts]
    paths = (QEMU_CONF, DAEMON_CONF, "/etc/hosts")
    before = {(name, path): lines_of(lab, name, path) for name in names for path in paths}
    with contextlib.ExitStack() as undo:
        for name in names:
            undo.callback(lab.restart_libvirtd, name)
            for path in paths:
                undo.callback(write, lab, name, path, before[name, path])
            for command in (("rm", "-rf", PKI), ("ip", "link", "del", "lan0"), ("iptables", "-D", *DROP)):
                undo.callback(lab.execute, name, *command, check=False)
            undo.callback(lab.execute, name, "ip", "link", "set", "eth1", "mtu", "1500")
            undo.callback(lab.clear, name)
            undo.callback(ansible.module, name, "host_cordon", state="absent")
            lab.execute(name, "ip", *LAN)
            # Not restarted for it: with a real lock manager the guests that run already would have no locks.
            write(lab, name, QEMU_CONF, [*before[name, QEMU_CONF], LOCKS, SHARED])
            certify(lab, name, tmp_path_factory.mktemp(name))
        put(lab, "kvm02", LATE["LD_PRELOAD"], faketime)
        undo.callback(lab.execute, "kvm01", "sh", "-c", "cd /var/lib/libvirt && rm -f */problem* */healthy* */blocked*")
        undo.callback(lab.execute, "kvm01", "umount", "/usr/share", check=False)
        for host, end in (("kvm01", "aa"), ("kvm01", "bb"), ("kvm01", "cc"), ("kvm01", "dd"), ("kvm02", "aa"),
                          ("kvm02", "ee")):  # fmt: skip
            undo.callback(forget, lab, host, end)
        undo.callback(lab.execute, "kvm01", "sh", "-c", "rm -f /run/virtops-live-migration/*.vcpu-quota")
        yield lab


def forget(lab: Lab, host: str, end: str) -> None:
    uuid = f"00000000-0000-4000-8000-0000000000{end}"
    lab.virsh(host, "destroy", uuid, check=False)
    lab.virsh(host, "undefine", uuid, "--snapshots-metadata", "--nvram", check=False)


def certify(lab: Lab, name: str, directory: Path) -> None:
    """A certificate of its own for each role, signed by itself: only what stands in it is looked at."""
    names = f"subjectAltName=IP:{lab.host(name).migration_address},DNS:{name}"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", f"/CN={name}"]
    to = ["-addext", names, "-keyout", str(directory / "key"), "-out", str(directory / "cert")]
    subprocess.run([*make, *to], check=True, capture_output=True)
    for role in ("ca", "server", "client"):
        put(lab, name, f"{PKI}/{role}-cert.pem", (directory / "cert").read_bytes())
        put(lab, name, f"{PKI}/{role}-key.pem", (directory / "key").read_bytes())


def look(host: str, register: str, environment: t.Mapping[str, str] | None = None, **options: t.Any) -> Task:
    """The document of a host, for later tasks of the play."""
    taken = {"load_window_s": 0, "reference_epoch_s": "{{ now().timestamp() }}", **options}
    return {
        **task("migration_host_info", **taken),
        "delegate_to": host,
        "register": register,
        "environment": dict(environment or {}),
    }


def ask(name: str, there: str, **options: t.Any) -> Task:
    given = {"source": "{{ here.host }}", "destination": f"{{{{ {there}.host }}}}", "name": name, **options}
    return task("migration_readiness_info", **given)


def findings(*results: Result) -> list[dict[str, Result]]:
    """What came of each call of migration_readiness_info."""
    for result in results:
        assert not result["failed"], result["msg"]
        assert not result["changed"]
    return [{check["id"]: check for check in one["domains"][0]["checks"]} for one in results if "domains" in one]


@pytest.fixture(scope="module")
def healthy(hosts: Lab, ansible: Ansible) -> dict[str, Result]:
    """The healthy guest, as it is seen while all is well."""
    hosts.execute("kvm01", "truncate", "-s", "1M", "/var/lib/libvirt/images/healthy.img")
    start(hosts, HEALTHY.format(name="healthy", end="cc"))
    uri = f"qemu+tcp://{hosts.host('kvm02').mgmt_address}/system"
    peers = {"peers": [hosts.host("kvm02").migration_address]}
    given = {"copy_storage": "all", "tls": True, "ask_qemu": True, "bandwidth_mib_per_s": 45, "destination_uri": uri}
    # The daemon asks who comes only by the file; the login that is tried is the real one.
    write(hosts, "kvm02", DAEMON_CONF, [one.replace('auth_tcp = "none"', 'auth_tcp = "sasl"') for one in
                                        lines_of(hosts, "kvm02", DAEMON_CONF)])  # fmt: skip
    results = ansible.run(
        "kvm01",
        look("kvm02", "there"),
        look("kvm01", "here", **peers),
        {**task("migration_dirty_rate_info", name="healthy", **MEASURE), "register": "measured"},
        ask("healthy", "there", dirty_rates="{{ [measured.dirty_rate] }}", **given),
    )
    (found,) = findings(*results)
    return found


@pytest.fixture(scope="module")
def faulty(healthy: dict[str, Result], hosts: Lab, ansible: Ansible, guests: dict[str, Subject]) -> list[t.Any]:
    """Everything that is found while much is wrong, in several calls, and what libvirt says when it is tried."""
    source, destination = hosts.host("kvm01"), hosts.host("kvm02")
    uri = f"qemu+tcp://{destination.mgmt_address}/system"
    with contextlib.contextmanager(borrowed)(guests["erp01"]) as erp01:
        measured = ansible.module(erp01.source, "migration_dirty_rate_info", name="erp01", **MEASURE)
    # Later on post-copy is not possible.
    slow = (look("kvm02", "there"), look("kvm01", "here"), ask("healthy", "there", bandwidth_mib_per_s=5))
    waits = findings(*ansible.run("kvm01", *slow))
    assert ansible.module("kvm02", "host_cordon", state="present")["changed"]
    spoil_source(hosts)
    spoil_destination(hosts)
    busy = {
        "dirty_rates": [{**measured["dirty_rate"], "name": "blocked", "uuid": ""}],
        "contract": {"postcopy": "never", "max_throttle_percent": 0, "max_downtime_ms": 100},
        "bandwidth_mib_per_s": 45,
    }
    nowhere = f"qemu+tcp://{destination.mgmt_address}:1/system"
    tried = ("migrate", "--live", "--p2p", "problem", uri)
    refusals = [hosts.virsh("kvm01", *tried, check=False).stderr]
    results = ansible.run(
        "kvm01",
        look("kvm02", "there", LATE),
        look("kvm02", "astray", migration_address="192.0.2.1"),
        look("kvm01", "here", peers=[destination.migration_address]),
        ask("problem", "there", destination_uri=uri),
        ask("problem", "there", copy_storage="all", tls=True),
        ask("problem", "there", copy_storage="incremental"),
        ask("demanding", "there", destination_uri=uri),
        # The lab's libvirt does not know shared_filesystems yet, and nothing that the lab has is shared to it.
        ask("blocked", "there", ask_qemu=True, critical=["blocked"], **AS_IF_NEWER),
        ask("blocked", "astray", destination_uri=nowhere, **busy),
    )
    found = findings(*results)
    # The destination announces a name, as it does without migration_host, and the source takes it for its own.
    for host in (source, destination):
        own = [f"127.0.1.1 {destination.name}" if destination.name in line else line for line in
               lines_of(hosts, host.name, "/etc/hosts")]  # fmt: skip
        write(hosts, host.name, "/etc/hosts", own)
    settings = [one for one in lines_of(hosts, "kvm02", QEMU_CONF) if not one.startswith("migration_host")]
    write(hosts, "kvm02", QEMU_CONF, settings)
    found += findings(*ansible.run(
        "kvm01", look("kvm02", "there"), look("kvm01", "here"), ask("problem", "there")
    ))  # fmt: skip
    return [*found, *waits, refusals]


def spoil_source(lab: Lab) -> None:
    """A guest that no host would like to have, and one with which QEMU has a problem of its own."""
    # Nearly all that the machine has: what is available changes with the guests of other labs.
    words = lab.execute("kvm02", "grep", "MemTotal", "/proc/meminfo").stdout.split()
    lab.execute("kvm01", "sh", "-c", "mkdir /tmp/up /tmp/work && mount -t overlay overlay"
                " -o lowerdir=/usr/share,upperdir=/tmp/up,workdir=/tmp/work /usr/share && mkdir /usr/share/OVMF"
                " && truncate -s 256K /usr/share/OVMF/OVMF_CODE.fd /usr/share/OVMF/OVMF_VARS.fd")  # fmt: skip
    lab.execute("kvm01", "ln", "-sf", "/usr/bin/qemu-system-x86_64", "/root/own-qemu")
    lab.execute("kvm01", "ip", "link", "add", "guests0", "type", "bridge")
    lab.execute("kvm01", "truncate", "-s", "1G", "/var/lib/libvirt/images/problem.img")
    lab.execute("kvm01", "truncate", "-s", "1M", "/var/lib/libvirt/images/problem-2.img")
    lab.execute("kvm01", "sh", "-c", "cp /boot/vmlinuz-*-cloud-* /var/lib/libvirt/images/kernel")
    lab.execute("kvm01", "truncate", "-s", "1M", "/var/lib/libvirt/shared/blocked.img")
    problem = PROBLEM.format(
        name="problem", end="aa", memory_kib=int(words[1]) - 64 * 1024, vcpus=12, listen=lab.host("kvm01").mgmt_address
    )
    start(lab, problem, paused=True)
    start(lab, BLOCKED.format(name="blocked", end="bb"))
    uuid = lab.virsh("kvm01", "domuuid", "blocked").stdout.strip()
    lab.virsh("kvm01", "metadata", "blocked", SHRUNK_NAMESPACE, "--key", "shrunk", "--live",
              "--set", LEFT_SMALL.format(uuid=uuid))  # fmt: skip
    # As a module and its watcher leave it that were both killed.
    lab.execute("kvm01", "install", "-D", "/dev/null", f"/run/virtops-live-migration/{uuid}.vcpu-quota")
    overlay = "vda,snapshot=external,file=/var/lib/libvirt/images/problem.qcow2"
    lab.virsh("kvm01", "snapshot-create-as", "problem", "first", "--disk-only", "--diskspec", overlay,
              "--diskspec", "vdb,snapshot=no")  # fmt: skip
    lab.virsh("kvm01", "blockcopy", "problem", "vda", "/var/lib/libvirt/images/problem.copy", "--shallow",
              "--transient-job")  # fmt: skip
    lab.execute("kvm01", "virsh", "define", "/dev/stdin", input_text=DEMANDING.format(name="demanding", end="dd"))


def spoil_destination(lab: Lab) -> None:
    """kvm02 as a clone of kvm01, whose QEMU may not use userfaultfd, with ports taken, a firewall, and smaller MTUs."""
    daemon = [one for one in lines_of(lab, "kvm02", DAEMON_CONF) if not one.startswith(("host_uuid", "auth_tcp"))]
    clone = f'host_uuid = "{lab.host("kvm01").uuid}"'
    write(lab, "kvm02", DAEMON_CONF, [*daemon, clone, 'auth_tcp = "none"'])
    for host in ("kvm01", "kvm02"):
        settings = [one for one in lines_of(lab, host, QEMU_CONF) if one != LOCKS and not one.startswith("user")]
        write(lab, host, QEMU_CONF, [*settings, 'user = "nobody"' if host == "kvm02" else 'user = "root"'])
    lab.restart_libvirtd("kvm02")
    wait_for(lambda: lab.virsh("kvm02", "uri", check=False).returncode == 0, "libvirtd")
    lab.fill_ports("kvm02")
    for name, end in (("problem", "ee"), ("twin", "aa")):
        lab.execute("kvm02", "virsh", "define", "/dev/stdin", input_text=OTHER.format(name=name, end=end))
    lab.execute("kvm02", "iptables", "-A", *DROP)
    for device in ("eth1", "lan0"):
        lab.execute("kvm02", "ip", "link", "set", device, "mtu", "1400")
    lab.execute("kvm02", "rm", f"{PKI}/server-cert.pem")


@pytest.mark.parametrize("check", [check for check in CHECKS if check not in NOTHING_TO_PASS_HERE])
def test_it_passes(check: str, healthy: dict[str, Result]) -> None:
    assert healthy[check]["status"] == "pass", healthy[check]


@pytest.mark.parametrize("check", [check for check in CHECKS if check not in NO_FAULT_HERE])
def test_it_finds_a_fault(check: str, faulty: list[t.Any]) -> None:
    status, text = FAULTS[check]
    said = [found[check] for found in faulty[:-1]]
    matching = [one for one in said if one["status"] == status and text in one["summary"]]
    assert matching, said
    assert all(one["remedy"] for one in matching)


def test_libvirt_refuses_too(faulty: list[t.Any]) -> None:
    """Of all that is wrong it tells one thing at a time."""
    assert "cannot migrate domain with 1 snapshots" in faulty[-1][0]


def test_every_check_has_its_place() -> None:
    assert set(FAULTS) | set(NO_FAULT_HERE) == set(CHECKS)
    assert set(FAULTS) & set(NO_FAULT_HERE) == set()
    assert set(NOTHING_TO_PASS_HERE) <= set(CHECKS)
