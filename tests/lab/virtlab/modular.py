"""libvirt's modular daemons, built from Debian's own source: Debian packages only the one daemon for all drivers.

The drivers themselves (`libvirt_driver_qemu.so` and the others) and the library are those of Debian's packages: a
modular daemon is the small program that loads one of them. So only that program is built for each, with its units of
systemd, and laid over the release that it was built on.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .chroot import TIMEOUT_S, inside, install
from .errors import LabError
from .proc import run

SUFFIX = "-modular"
# Without virtinterfaced, whose driver is in a package of its own; nothing here asks it.
DAEMONS = ["virtqemud", "virtproxyd", "virtnetworkd", "virtstoraged", "virtsecretd", "virtnwfilterd", "virtnodedevd"]
PACKAGES = ["dpkg-dev", "gcc", "gettext", "libacl1-dev", "libc6-dev", "libglib2.0-dev", "libgnutls28-dev",
            "libjson-c-dev", "libnl-route-3-dev", "libpcap-dev", "libpciaccess-dev", "libsasl2-dev", "libtirpc-dev",
            "libudev-dev", "libxml2-dev", "libxml2-utils", "meson", "ninja-build", "patch", "pkgconf",
            "python3-docutils", "xsltproc"]  # fmt: skip
# Debian's own paths and choices where the daemons have them; what only drivers have is left out.
OPTIONS = ["--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "--libexecdir=/usr/lib/libvirt",
           "--buildtype=plain", "-Doptimization=1", "-Drunstatedir=/run", "-Dinitconfdir=/etc/default",
           "-Dunitdir=/usr/lib/systemd/system", "-Dinit_script=systemd", "-Dno_git=true", "-Drpath=disabled",
           "-Dauto_features=disabled", "-Dremote_default_mode=legacy",
           *(f"-D{name}=enabled" for name in (
               "driver_remote", "driver_libvirtd", "driver_qemu", "driver_network", "driver_secrets",
               "storage_dir", "json_c", "libnl", "libpcap", "udev", "pciaccess",
               "sasl"))]  # fmt: skip
SOURCES = "/usr/src/libvirt"
# The archive's two parts, which apt compares with its signed index; the third one only describes them. With all patches
# of Debian, as the packages have.
UNPACK = """set -e
mkdir -p /usr/src/libvirt
cd /usr/src/libvirt
apt-get -q source --tar-only libvirt
apt-get -q source --diff-only libvirt
mkdir source
tar -x --strip-components=1 -C source -f libvirt_*.orig.tar.xz
cd source
tar -xf ../libvirt_*.debian.tar.xz
sed '/^#/d' debian/patches/series | while read -r name; do patch -s -p1 <"debian/patches/$name"; done
"""
# One processor, and that one last: tests may be running beside it.
BUILD = """set -e
cd /usr/src/libvirt/source
meson setup "$@" build
nice -n 19 ninja -j1 -C build {targets}
"""


def version_of(root: Path) -> str:
    """libvirt's version without Debian's revision of it, such as 11.3.0."""
    return inside(root, "dpkg-query", "-W", "-f", "${Version}", "libvirt-daemon").partition("-")[0]


def build(base: Path, target: Path) -> None:
    """The directory `target` gets what is laid over the system in `base`."""
    work = target.with_name(f"{target.name}.work")
    shutil.rmtree(work, ignore_errors=True)
    run(["cp", "--archive", str(base), str(work)], timeout_s=TIMEOUT_S)
    sources = (work / "etc/apt/sources.list").read_text()
    (work / "etc/apt/sources.list.d").mkdir(exist_ok=True)
    (work / "etc/apt/sources.list.d/source.list").write_text(sources.replace("deb ", "deb-src "))
    install(work, PACKAGES)
    inside(work, "sh", "-c", UNPACK)
    offered = next((work / SOURCES.lstrip("/")).glob("libvirt_*.orig.tar.xz")).name
    if version_of(base) not in offered:
        raise LabError(f"{base} has libvirt {version_of(base)}, and the mirror the source {offered}: remove {base}")
    inside(work, "sh", "-c", BUILD.format(targets=" ".join(f"src/{name}" for name in DAEMONS)), "sh", *OPTIONS)
    made = work / SOURCES.lstrip("/") / "source/build/src"
    for folder in ("usr/sbin", "usr/lib/systemd/system"):
        (target / folder).mkdir(parents=True)
    for name in DAEMONS:
        shutil.copy2(made / name, target / "usr/sbin" / name)
        for unit in [*made.glob(f"{name}.service"), *made.glob(f"{name}*.socket")]:
            shutil.copy(unit, target / "usr/lib/systemd/system")
    shutil.rmtree(work)
