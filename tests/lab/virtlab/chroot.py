"""Commands in a directory that holds another system."""

from __future__ import annotations

import re
from pathlib import Path

from .proc import run

TIMEOUT_S = 1200.0


def inside(root: Path, *command: str) -> str:
    """Run a command with the directory as its root, in namespaces that take their mounts with them; what it printed."""
    prepare = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND": "noninteractive",
        "HOME": "/root",
        "LANG": "C.UTF-8",
    }
    isolate = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    return run([*isolate, "sh", "-c", prepare, str(root), *command], timeout_s=TIMEOUT_S, env=environment).stdout


def apt_settings() -> str:
    """How this machine's apt reaches its mirror (proxies, certificates, old snapshots)."""
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    return "".join(line + "\n" for line in lines if re.match(r"Acquire::(https?|Check-|Retries)", line))


def install(root: Path, packages: list[str]) -> None:
    inside(root, "apt-get", "-q", "update")
    inside(root, "apt-get", "-q", "install", "-y", "--no-install-recommends", *packages)
