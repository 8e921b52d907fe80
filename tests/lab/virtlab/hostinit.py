"""The first process of a host: gives it directories of its own, starts its daemons, and reaps what dies.

It is PID 1 of the host's pid namespace, so that killing it ends everything in the host, QEMU included. What it is to do
comes as one JSON line on its standard input; it answers one line, `ready` or what went wrong.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
CLONE_NEWCGROUP = 0x02000000
libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()):
        code = ctypes.get_errno()
        raise OSError(code, f"mount {kind or 'bind'} {source} on {target}: {os.strerror(code)}")


def overlay(lower: str, target: str, upper_dir: Path) -> None:
    """The directory as it is on the machine, with this host's changes on top, in memory.

    Several directories, with colons in between, lie over each other, the first one uppermost.
    """
    for part in ("upper", "work"):
        (upper_dir / part).mkdir(parents=True)
    mode = Path(lower.split(":")[-1]).stat().st_mode & 0o7777
    (upper_dir / "upper").chmod(mode)
    mount("overlay", target, "overlay", 0, f"lowerdir={lower},upperdir={upper_dir}/upper,workdir={upper_dir}/work")


def make_file_tree(spec: dict[str, Any]) -> None:
    """Mount the host's private directories; nothing of it is seen outside, and it goes with the last process."""
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    scratch = Path(spec["scratch"])
    mount("tmpfs", str(scratch), "tmpfs", 0, "mode=755")
    # Opened before an overlay or a tmpfs covers the path under which they lie.
    binds = [(os.open(source, os.O_PATH), target) for source, target in spec["binds"]]
    root = ""
    if spec["root"]:
        root = str(scratch / "root")
        os.mkdir(root)
        overlay(spec["root"], root, scratch / "root-layers")
        mount("/dev", f"{root}/dev", "", MS_BIND | MS_REC)
    else:
        for directory in ("etc", "root", "var"):
            overlay(f"/{directory}", f"/{directory}", scratch / directory)
    # A copy of another namespace's mount would keep that namespace alive after its own lab is gone.
    libc.umount2(b"/run/netns", MNT_DETACH)
    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("sysfs", f"{root}/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    if spec["cgroup"]:
        mount_cgroup(root, spec["cgroup"])
    mount("tmpfs", f"{root}/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    for directory in ("run/libvirt", "run/lock", "run/sshd"):
        os.mkdir(f"{root}/{directory}", 0o755)
    os.mkdir(scratch / "libvirt-etc")
    binds.append((os.open(scratch / "libvirt-etc", os.O_PATH), "/etc/libvirt"))
    for handle, target in binds:
        os.makedirs(root + target, exist_ok=True)
        mount(f"/proc/self/fd/{handle}", root + target, "", MS_BIND)
        os.close(handle)
    images = f"{root}/var/lib/libvirt/images"
    os.makedirs(images, exist_ok=True)
    # A disk of its own for local storage, small enough to be filled by a test.
    mount("tmpfs", images, "tmpfs", 0, f"mode=711,size={spec['images_mib']}m")
    if root:
        os.chroot(root)
    os.chdir("/")


def enter_cgroup(group: dict[str, Any]) -> None:
    """Make the control group of this host the root of all that it and its processes see of control groups."""
    path, unified = Path(group["path"]), group["unified"]
    (path / "cgroup.procs").write_text("0")
    if libc.unshare(CLONE_NEWCGROUP):
        raise OSError(ctypes.get_errno(), "a namespace for control groups")
    if unified:
        # Only a group without processes of its own gives controllers to those below it.
        (path / "init").mkdir()
        (path / "init" / "cgroup.procs").write_text("0")
        (path / "cgroup.subtree_control").write_text("+cpu")


def mount_cgroup(root: str, group: dict[str, Any]) -> None:
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    if group["unified"]:
        mount("cgroup2", f"{root}/sys/fs/cgroup", "cgroup2", flags)
        return
    mount("tmpfs", f"{root}/sys/fs/cgroup", "tmpfs", flags, "mode=755")
    os.mkdir(f"{root}/sys/fs/cgroup/cpu")
    mount("cgroup", f"{root}/sys/fs/cgroup/cpu", "cgroup", flags, "cpu")


def write_files(files: dict[str, tuple[str, int]]) -> None:
    for name, (text, mode) in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_text(text)
        path.chmod(mode)


def unlock_root() -> None:
    """Without PAM, sshd turns away an account whose password field is locked with "!", even with the right key."""
    shadow = Path("/etc/shadow")
    lines = shadow.read_text().splitlines()
    shadow.write_text("\n".join("root:*:19000::::::" if line.startswith("root:") else line for line in lines) + "\n")


def start_daemon(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} does not start: {done.stderr.strip() or done.stdout.strip()}")


def reap_forever() -> None:
    """Take every exit code, and note on standard error which processes ended by a signal: a daemon may have crashed."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            time.sleep(0.5)
            continue
        if ended is None:
            continue
        if ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED):
            name = Path(f"/proc/{ended.si_pid}/comm").read_text().strip()
            at = time.strftime("%H:%M:%S")
            print(f"{at} {name} ended by {signal.Signals(ended.si_status).name}", file=sys.stderr, flush=True)
        os.waitpid(ended.si_pid, 0)


def main() -> None:
    line = sys.stdin.readline()
    if not line.endswith("\n"):  # whoever started this is gone
        return
    spec = json.loads(line)
    try:
        if spec["cgroup"]:
            enter_cgroup(spec["cgroup"])
        make_file_tree(spec)
        socket.sethostname(spec["hostname"])
        write_files(spec["files"])
        unlock_root()
        os.environ.clear()
        os.environ.update(spec["environment"])
        for command in spec["daemons"]:
            start_daemon(command)
    except Exception as problem:
        print(f"{type(problem).__name__}: {problem}", flush=True)
        raise
    print("ready", flush=True)
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1):
        os.dup2(null, number)
    reap_forever()


if __name__ == "__main__":
    main()
