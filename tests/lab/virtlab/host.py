"""One host: its configuration files, its start, and commands inside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import cgroups, daemons, image, ssh
from .errors import LabError
from .net import in_netns, netns_path
from .proc import cmdline, detach, inner_pid, namespace_id, pids_in_namespace, run, send_signal, start_ticks, wait_for
from .state import CACHE_DIR, Host, LabState, host_dir, lab_dir

IMAGE_DIR = "/var/lib/libvirt/memguest"
CONSOLE_DIR = "/var/log/libvirt/memguest"
COMMAND_DIR = "/var/lib/libvirt/memguest-in"
LOCAL_DIR = "/var/lib/libvirt/images"
SHARED_DIR = "/var/lib/libvirt/shared"
IMAGES_MIB = 512
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LANG": "C.UTF-8",
}


def pool_xml(name: str, path: str) -> str:
    return f"<pool type='dir'><name>{name}</name><target><path>{path}</path></target></pool>\n"


def hosts_file(state: LabState) -> str:
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    for host in state.hosts:
        lines.append(f"{host.mgmt_address} {host.name}")
        lines.append(f"{host.migration_address} {host.name}-migration")
    return "\n".join(lines) + "\n"


def files(state: LabState, host: Host) -> dict[str, tuple[str, int]]:
    """Everything that is written inside the host, by path."""
    found = {
        "/etc/hostname": (host.name + "\n", 0o644),
        "/etc/hosts": (hosts_file(state), 0o644),
        "/etc/machine-id": (host.uuid.replace("-", "") + "\n", 0o444),
        **daemons.files(host, controllers='"cpu"' if state.cgroups else " "),
    }
    for name, path in (("default", LOCAL_DIR), ("shared", SHARED_DIR)):
        found[f"/etc/libvirt/storage/{name}.xml"] = (pool_xml(name, path), 0o600)
        found[f"/etc/libvirt/storage/autostart/{name}.xml"] = (pool_xml(name, path), 0o600)
    found.update(ssh.files(state, host))
    return found


def spec(state: LabState, host: Host, root: str) -> dict[str, Any]:
    own = host_dir(state, host)
    capabilities = CACHE_DIR / f"capabilities-{host.version}"
    for directory in (own / "scratch", own / "lib", own / "log", own / "console", own / "in", capabilities):
        directory.mkdir(parents=True, exist_ok=True)
    binds = [
        (own / "lib", "/var/lib/libvirt"),
        (own / "log", "/var/log/libvirt"),
        (own / "console", CONSOLE_DIR),
        (own / "in", COMMAND_DIR),
        (image.IMAGES, IMAGE_DIR),
        (lab_dir(state.name) / "shared", SHARED_DIR),
        # What libvirtd finds out about QEMU is the same for all hosts, and takes a second to find out.
        (capabilities, "/var/cache/libvirt/qemu/capabilities"),
    ]
    return {
        "hostname": host.name,
        "root": root,
        "scratch": str(own / "scratch"),
        "binds": [(str(source), target) for source, target in binds],
        "images_mib": IMAGES_MIB,
        "files": files(state, host),
        "environment": ENVIRONMENT,
        "cgroup": cgroups.make(state, host) if state.cgroups else None,
        "daemons": [ssh.SSHD, daemons.boot_command(host)],
    }


def launch(state: LabState, host: Host) -> subprocess.Popen[str]:
    """Start the host's first process; it waits for its orders, and ends when the one who would give them dies."""
    own = host_dir(state, host)
    own.mkdir(parents=True, exist_ok=True)
    unshare = ["unshare", "--mount", "--uts", "--pid", "--fork", "--propagation", "private"]
    with (own / "init.log").open("w") as log:
        return subprocess.Popen(
            in_netns(host.netns, *unshare, sys.executable, "-m", "virtlab.hostinit"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
        )


def order(process: subprocess.Popen[str], orders: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(orders) + "\n")
    process.stdin.flush()


def finish(state: LabState, host: Host, process: subprocess.Popen[str]) -> None:
    """Wait until the host is ready, and note its first process."""
    assert process.stdout is not None
    answer = process.stdout.readline().strip()
    if answer != "ready":
        raise LabError(f"{host.name}: {answer or 'its first process died'} (see {host_dir(state, host)}/init.log)")
    network = namespace_id(netns_path(host.netns))
    assert network is not None
    first = [pid for pid in pids_in_namespace("net", network) if inner_pid(pid) == 1]
    if len(first) != 1:
        raise LabError(f"{host.name}: its first process is not to be found")
    host.init_pid, host.init_ticks = first[0], start_ticks(first[0])
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    detach(process)


def init_pid(host: Host) -> int:
    if host.init_pid is None or start_ticks(host.init_pid) != host.init_ticks:
        raise LabError(f"{host.name} is not up")
    return host.init_pid


def inside(host: Host, command: Sequence[str]) -> list[str]:
    """The command line that runs a command inside the host."""
    environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    enter = ["nsenter", "--target", str(init_pid(host)), "--mount", "--uts", "--net", "--pid", "--root"]
    return [*enter, "env", "-i", "--chdir=/root", *environment, *command]


def execute(
    host: Host, *command: str, input_text: str | None = None, check: bool = True, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    return run(inside(host, command), input_text=input_text, check=check, timeout_s=timeout_s)


def virsh(
    host: Host, *arguments: str, input_text: str | None = None, check: bool = True, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    return execute(host, "virsh", *arguments, input_text=input_text, check=check, timeout_s=timeout_s)


def processes(host: Host) -> dict[int, list[str]]:
    """Every process of the host, by its pid on the machine, with its command line."""
    own = namespace_id(f"/proc/{init_pid(host)}/ns/pid")
    assert own is not None
    return {pid: cmdline(pid) for pid in pids_in_namespace("pid", own)}


def qemu_pid(host: Host, uuid: str) -> int | None:
    for pid, words in processes(host).items():
        if words and "qemu" in words[0] and uuid in words:
            return pid
    return None


def daemon_pid(host: Host, name: str) -> int | None:
    for pid, words in processes(host).items():
        if words and words[0].endswith(f"/{name}"):
            return pid
    return None


def libvirtd_pid(host: Host) -> int | None:
    """The daemon that runs guests: on a host with modular daemons it is virtqemud, in all that follows."""
    return daemon_pid(host, daemons.main_daemon(host))


def libvirtd_runs(host: Host) -> bool:
    """Whether it answers who connects: with socket activation it need not be there before."""
    if daemons.is_modular(host):
        return execute(host, daemons.SYSTEMCTL, "is-active", "virtqemud.socket", check=False).returncode == 0
    return libvirtd_pid(host) is not None


def kill_daemon(host: Host, name: str) -> None:
    """SIGKILL, and what the host's service manager does about it is its own affair."""
    pid = daemon_pid(host, name)
    if pid is None:
        raise LabError(f"{name} does not run on {host.name}")
    ticks = start_ticks(pid)
    send_signal(pid, ticks, signal.SIGKILL)
    wait_for(lambda: start_ticks(pid) != ticks, timeout_s=20, what=f"the end of {name} on {host.name}")


def signal_libvirtd(host: Host, number: int) -> None:
    pid = libvirtd_pid(host)
    if pid is None:
        raise LabError(f"libvirtd does not run on {host.name}")
    send_signal(pid, start_ticks(pid), number)


def stop_libvirtd(host: Host, *, kill: bool, timeout_s: float = 20) -> None:
    """It stays away until `start_libvirtd`."""
    pid = libvirtd_pid(host)
    if daemons.is_modular(host):
        execute(host, daemons.SYSTEMCTL, "lab-hold", "virtqemud.service")
    if pid is None:
        return
    ticks = start_ticks(pid)
    send_signal(pid, ticks, signal.SIGKILL if kill else signal.SIGTERM)
    try:
        wait_for(lambda: start_ticks(pid) != ticks, timeout_s=timeout_s, what=f"the end of libvirtd on {host.name}")
    except LabError:
        if kill:
            raise
        stop_libvirtd(host, kill=True)


def ended_by_signal(state: LabState, host: Host) -> list[str]:
    """A line for each orphan of the host (daemons and QEMU) that a signal has ended: time, name and signal."""
    logs = [host_dir(state, host) / "init.log"]
    if daemons.is_modular(host):
        logs.append(host_dir(state, host) / "log/systemctl.log")
    lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
    return [line for line in lines if " exited with " not in line]


def reboot(host: Host) -> None:
    """All of its processes are gone at once, and what lies in memory; what is on its disks is kept. Returns when it
    answers again."""
    first = init_pid(host)
    for pid in processes(host):
        if pid != first:
            send_signal(pid, start_ticks(pid), signal.SIGKILL)
    wait_for(lambda: set(processes(host)) <= {first}, timeout_s=20, what=f"the end of all processes on {host.name}")
    execute(host, "sh", "-c", "rm -rf /run/libvirt/* /run/virt*.pid /run/libvirtd.pid /run/sshd.pid /tmp/*")
    execute(host, *ssh.SSHD)
    execute(host, *daemons.boot_command(host))
    start_libvirtd(host)


def start_libvirtd(host: Host) -> None:
    if libvirtd_pid(host) is None or not libvirtd_runs(host):
        execute(host, *daemons.start_command(host), timeout_s=100)
    started_at = time.monotonic()
    wait_for(
        lambda: virsh(host, "version", check=False).returncode == 0,
        timeout_s=30,
        what=f"libvirtd on {host.name} (since {started_at:.0f})",
    )
