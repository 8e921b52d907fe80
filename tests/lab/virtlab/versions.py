"""A second version of libvirt and QEMU: a Debian 13 in a directory, made once, that hosts have as their root.

Packages come from the mirror that this machine's own apt uses, with its settings.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import LabError
from .proc import run
from .state import CACHE_DIR

ROOT = CACHE_DIR / "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = [
    "iproute2",
    "libvirt-clients",
    "libvirt-daemon-system",
    "openssh-server",
    "procps",
    "python3",
    "python3-libvirt",
    "qemu-system-x86",
    "qemu-utils",
]
TIMEOUT_S = 1200.0


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """The paragraphs of a deb822 sources file."""
    for part in re.split(r"\n\s*\n", text):
        lines = [line for line in part.splitlines() if not line.startswith("#")]
        found = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", "\n".join(lines), re.MULTILINE))
        if found:
            yield found


def mirror() -> str:
    """Where this machine's own release comes from."""
    release = Path("/etc/os-release").read_text()
    named = re.search(r"^VERSION_CODENAME=(\S+)", release, re.MULTILINE)
    code = named[1] if named else "bookworm"
    for path in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        for each in stanzas(path.read_text()):
            if each.get("Enabled", "yes") != "no" and code in each.get("Suites", "").split():
                return each["URIs"].split()[0]
    lists = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.list"))]
    for path in lists:
        text = path.read_text() if path.exists() else ""
        found = re.search(rf"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+{re.escape(code)}\s", text, re.MULTILINE)
        if found:
            return found[1]
    raise LabError(f"apt on this machine has no source for {code}, so that there is no mirror to take Debian 13 from")


def apt_settings() -> str:
    """How this machine's apt reaches its mirror (proxies, certificates, old snapshots)."""
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    return "".join(line + "\n" for line in lines if re.match(r"Acquire::(https?|Check-|Retries)", line))


def inside(root: Path, *command: str) -> None:
    """Run a command with the directory as its root, in namespaces that take their mounts with them."""
    prepare = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "DEBIAN_FRONTEND": "noninteractive",
        "HOME": "/root",
        "LANG": "C.UTF-8",
    }
    isolate = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    run([*isolate, "sh", "-c", prepare, str(root), *command], timeout_s=TIMEOUT_S, env=environment)


def build(root: Path) -> None:
    source = mirror()
    keyring = [f"--keyring={KEYRING}"] if Path(KEYRING).exists() else []
    run(["debootstrap", "--variant=minbase", *keyring, "trixie", str(root), source], timeout_s=TIMEOUT_S)
    (root / "etc/apt/apt.conf.d/90lab").write_text(apt_settings())
    # The machine's certificates and name resolution, for a mirror that needs them.
    for name in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).unlink(missing_ok=True)
            shutil.copyfile(Path("/", name), root / name)
    # Nothing may start while packages are installed: it would run on this machine, outside any lab.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    inside(root, "apt-get", "-q", "update")
    inside(root, "apt-get", "-q", "install", "-y", "--no-install-recommends", *PACKAGES)
    inside(root, "apt-get", "clean")
    for path in (root / "etc/ssh").glob("ssh_host_*"):
        path.unlink()


def trixie() -> str:
    """The directory with Debian 13; made when it is not there."""
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    with (CACHE_DIR / "trixie.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ROOT.is_dir():
            half_made = CACHE_DIR / "trixie.new"
            shutil.rmtree(half_made, ignore_errors=True)
            build(half_made)
            half_made.rename(ROOT)
    return str(ROOT)
