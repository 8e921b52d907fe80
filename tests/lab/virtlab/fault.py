"""What can go wrong on real hosts, done on purpose."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

from . import host as hosts
from .errors import LabError
from .guest import Guest
from .proc import detach, run, send_signal, start_ticks, wait_for
from .state import Host

FIRST_MIGRATION_PORT, LAST_MIGRATION_PORT = 49152, 49215
DAEMON_PORT = 16509  # libvirt's own for TCP
FILLER = f"{hosts.LOCAL_DIR}/.filler"
PORT_HOLDER = """
import socket, sys, time
held = []
for port in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            s = socket.socket(family)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, port))
            s.listen(1)
            held.append(s)
        except OSError:
            pass
print(len(held), flush=True)
while True:
    time.sleep(3600)
"""


def cut_stream(source: Host, destination: Host) -> int:
    """Close the migration's TCP connections on both ends, and nothing else; returns how many ends were closed."""
    ports = f"ge :{FIRST_MIGRATION_PORT}"
    outgoing = ["ss", "-HKnt", "dst", destination.migration_address, "and", "dport", *ports.split()]
    incoming = ["ss", "-HKnt", "dst", source.migration_address, "and", "sport", *ports.split()]
    closed = 0
    for host, command in ((source, outgoing), (destination, incoming)):
        closed += len(hosts.execute(host, *command).stdout.splitlines())
    return closed


def cut_daemons(source: Host, destination: Host) -> int:
    """Close every connection from the source to the destination's daemon, on both ends; returns how many ends."""
    outgoing = ["ss", "-HKnt", "dst", destination.mgmt_address, "and", "dport", f":{DAEMON_PORT}"]
    incoming = ["ss", "-HKnt", "dst", source.mgmt_address, "and", "sport", f":{DAEMON_PORT}"]
    return sum(
        len(hosts.execute(host, *command).stdout.splitlines())
        for host, command in ((source, outgoing), (destination, incoming))
    )


def stream_bytes(source: Host, destination: Host) -> int:
    """What the open connections of a migration have carried so far; libvirt is not asked, and may be gone."""
    wanted = ["dst", destination.migration_address, "and", "dport", "ge", f":{FIRST_MIGRATION_PORT}"]
    told = hosts.execute(source, "ss", "-Hnti", *wanted).stdout
    return sum(int(found) for found in re.findall(r"\bbytes_acked:(\d+)", told))


def scripts(host: Host, name: str) -> list[int]:
    """The processes of the interpreter of a script of this name."""
    return [pid for pid, words in hosts.processes(host).items() if len(words) > 1 and Path(words[1]).name == name]


def kill_script(host: Host, name: str) -> int:
    """SIGKILL for every process of a script; how many there were."""
    return sum(send_signal(pid, start_ticks(pid), signal.SIGKILL) for pid in scripts(host, name))


def qemu_pid(host: Host, guest: Guest) -> int:
    pid = hosts.qemu_pid(host, guest.uuid)
    if pid is None:
        raise LabError(f"no QEMU of {guest.name!r} on {host.name}")
    return pid


def signal_qemu(host: Host, guest: Guest, number: int) -> None:
    pid = qemu_pid(host, guest)
    ticks = start_ticks(pid)
    send_signal(pid, ticks, number)
    if number == signal.SIGKILL:
        wait_for(lambda: start_ticks(pid) != ticks, timeout_s=20, what=f"the end of QEMU on {host.name}")


def fill_ports(host: Host, last: int = LAST_MIGRATION_PORT) -> int:
    """Listen on every port that libvirt would give to a migration, up to `last`; returns how many sockets hold them."""
    holder = ["python3", "-c", PORT_HOLDER, str(FIRST_MIGRATION_PORT), str(last)]
    process = subprocess.Popen(
        hosts.inside(host, holder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd="/",
    )
    assert process.stdout is not None
    count = int(process.stdout.readline() or 0)
    process.stdout.close()
    detach(process)
    return count


def fill_disk(host: Host, spare_mib: int = 0) -> int:
    """Fill the local storage directory but for so much; returns the bytes it took."""
    hosts.execute(host, "dd", "if=/dev/zero", f"of={FILLER}", "bs=1M", "status=none", check=False)
    if spare_mib:
        hosts.execute(host, "truncate", "-s", f"-{spare_mib}M", FILLER)
    return int(hosts.execute(host, "stat", "-c", "%s", FILLER).stdout)


def fill_memory(host: Host, spare_mib: int = 256) -> None:
    """Let new processes of libvirtd have no more address space than it has itself, and a little: QEMU cannot start."""
    pid = hosts.libvirtd_pid(host)
    if pid is None:
        raise LabError(f"libvirtd does not run on {host.name}")
    with open(f"/proc/{pid}/status") as status:
        size_kib = next(int(line.split()[1]) for line in status if line.startswith("VmSize:"))
    run(["prlimit", "--pid", str(pid), f"--as={(size_kib + spare_mib * 1024) * 1024}:unlimited"])


def clear(host: Host) -> None:
    """Take back every kind of filling."""
    for pid, words in hosts.processes(host).items():
        if PORT_HOLDER in words:
            send_signal(pid, start_ticks(pid), signal.SIGKILL)
    hosts.execute(host, "rm", "-f", FILLER)
    libvirtd = hosts.libvirtd_pid(host)
    if libvirtd is not None:
        run(["prlimit", "--pid", str(libvirtd), "--as=unlimited:unlimited"])
