"""Other versions of libvirt and QEMU: releases of Debian in directories, made once, which are hosts' roots.

Packages come from the mirror that this machine's own apt uses, with its settings. A release that moves (testing)
stays what it was on the day on which it was made, until its directory is removed.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from . import modular
from .chroot import TIMEOUT_S, apt_settings, inside, install
from .errors import LabError
from .proc import run
from .state import CACHE_DIR

MACHINE = "machine"  # the system of the machine itself
# Suites, and debootstrap's script for each where it has none of that name.
SUITES = {"trixie": "", "testing": "sid"}
# The same release with libvirt's modular daemons (modular.py).
MODULAR = {f"trixie{modular.SUFFIX}": "trixie"}
NAMES = [MACHINE, *SUITES, *MODULAR]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = [
    "iproute2",
    "libvirt-clients",
    "libvirt-daemon-lock",
    "libvirt-daemon-plugin-lockd",
    "libvirt-daemon-system",
    "openssh-server",
    "openssl",
    "procps",
    "python3",
    "python3-jmespath",
    "python3-libvirt",
    "qemu-system-x86",
    "qemu-utils",
]


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
    raise LabError(f"apt on this machine has no source for {code}, and so no mirror to take another Debian from")


def build(root: Path, suite: str) -> None:
    source = mirror()
    keyring = [f"--keyring={KEYRING}"] if Path(KEYRING).exists() else []
    script = [f"/usr/share/debootstrap/scripts/{SUITES[suite]}"] if SUITES[suite] else []
    run(["debootstrap", "--variant=minbase", *keyring, suite, str(root), source, *script], timeout_s=TIMEOUT_S)
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
    install(root, PACKAGES)
    inside(root, "apt-get", "clean")
    for path in (root / "etc/ssh").glob("ssh_host_*"):
        path.unlink()


def made(name: str, made_from: str, build_in: Callable[[Path], None]) -> Path:
    """The cache's directory of this name; it is made when it is not there, or was made from something else."""
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    root = CACHE_DIR / name
    with (CACHE_DIR / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = root / "var/lib/virtops-lab-packages"
        if not stamp.exists() or stamp.read_text() != made_from:
            half_made = CACHE_DIR / f"{name}.new"
            shutil.rmtree(half_made, ignore_errors=True)
            build_in(half_made)
            stamp_there = half_made / stamp.relative_to(root)
            stamp_there.parent.mkdir(parents=True, exist_ok=True)
            stamp_there.write_text(made_from)
            shutil.rmtree(root, ignore_errors=True)
            half_made.rename(root)
    return root


def root_of(system: str) -> str:
    """The directories with this system, made when they are not there, the upper one first, with a colon in between, as
    an overlay takes them; empty for the machine's own."""
    if system not in NAMES:
        raise LabError(f"no such system: {system}; there are {', '.join(NAMES)}")
    if system == MACHINE:
        return ""
    if system in SUITES:
        return str(made(system, " ".join(PACKAGES), lambda root: build(root, system)))
    base = Path(root_of(MODULAR[system]))
    recipe = [modular.version_of(base), *modular.PACKAGES, *modular.OPTIONS, *modular.DAEMONS]
    return f"{made(system, ' '.join(recipe), lambda root: modular.build(base, root))}:{base}"
