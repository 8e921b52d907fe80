"""A guest image with the QEMU guest agent: the lab's own program, and beside it Debian's agent with a few services.

Made of Debian's packages, the libraries of this machine, and a `systemctl` of our own, which keeps the state of its
units in files: the agent is real, what it is asked to stop need not be.
"""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from . import image
from .errors import LabError
from .proc import run

SOURCES = Path(__file__).parents[1] / "guest"
PACKAGES = ["qemu-guest-agent", "busybox-static"]
APPLETS = ["sh", "cat", "tee", "rm", "insmod", "mount", "mkdir", "ls", "sleep", "echo", "touch", "dd"]
DRIVERS = ("virtio_console", "virtio_blk", "virtio_pci")  # of the agent's channel, and of disks
UNITS = {
    "reports.service": "active",
    "backup.timer": "active",
    "idle.service": "inactive",
    "stubborn.service": "active",
}


def directories(names: set[str]) -> list[str]:
    parents = {str(parent) for name in names for parent in Path(name).parents}
    return sorted(parents - {"."})


def libraries(program: Path) -> Iterator[tuple[str, Path]]:
    listed = run(["ldd", str(program)]).stdout
    if "not found" in listed:
        raise LabError(f"libraries of the guest agent are missing on this machine:\n{listed}")
    for name in re.findall(r"(/\S+) \(0x", listed):
        yield name.lstrip("/"), Path(name).resolve()


def unpack(work: Path) -> Path:
    # The mirror's user may not write to a directory of root's; the warning is harmless, the download works.
    run(["env", "-C", str(work), "apt-get", "download", "--quiet", *PACKAGES], timeout_s=300)
    tree = work / "tree"
    for package in sorted(work.glob("*.deb")):
        run(["dpkg-deb", "-x", str(package), str(tree)])
    return tree


def base_files(program: bytes, tree: Path, kernel: Path) -> dict[str, bytes]:
    """The lab's program, the agent, a shell, and the drivers that they need."""
    agent = tree / "usr/sbin/qemu-ga"
    loaded = image.driver_files(kernel, DRIVERS)
    files = {
        "memguest": program,
        "bin/busybox": (tree / "bin/busybox").read_bytes(),
        "bin/qemu-ga": agent.read_bytes(),
        "modules/order": "".join(f"{path.name}\n" for path in loaded).encode(),
    }
    files.update((f"modules/{path.name}", path.read_bytes()) for path in loaded)
    files.update((name, path.read_bytes()) for name, path in libraries(agent))
    return files


def packed(files: dict[str, bytes]) -> bytes:
    links = {f"bin/{applet}": b"busybox" for applet in APPLETS}
    empty = {"dev/console", "proc/x", "sys/x", "run/x", "tmp/x", "var/run/x"}
    entries = [image.cpio_entry(name, 0o040755) for name in directories({*files, *links, *empty})]
    entries.append(image.cpio_entry("dev/console", 0o020600, device=(5, 1)))
    entries += [image.cpio_entry(name, 0o100755, data) for name, data in files.items()]
    entries += [image.cpio_entry(name, 0o120777, data) for name, data in links.items()]
    return gzip.compress(b"".join([*entries, image.cpio_entry("TRAILER!!!", 0)]), 1, mtime=0)


def built(kind: str, sources: Iterable[Path], more_files: Callable[[], dict[str, bytes]]) -> str:
    """As `image.build`, for a guest with an agent; `kind` is a part of its name. Made anew when its sources change."""
    base = image.build()
    kernel = image.newest_kernel()
    name = f"{base}-{kind}{image.digest_of([Path(__file__), *sources])}"
    if (image.IMAGES / name).is_dir():
        return name
    with tempfile.TemporaryDirectory(dir=image.IMAGES, prefix=".build-") as temporary:
        work = Path(temporary)
        made = work / "made"
        made.mkdir(mode=0o755)
        files = base_files(image.compiled(work), unpack(work), kernel) | more_files()
        shutil.copyfile(image.IMAGES / base / "vmlinuz", made / "vmlinuz")
        (made / "initramfs").write_bytes(packed(files))
        image.keep(made, name)
    return name


def build() -> str:
    """With a `systemctl` of our own."""

    def more_files() -> dict[str, bytes]:
        scripts = {"init": "agent-init.sh", "bin/systemctl": "systemctl.sh"}
        files = {path: (SOURCES / name).read_bytes() for path, name in scripts.items()}
        return files | {f"etc/units/{unit}": f"{state}\n".encode() for unit, state in UNITS.items()}

    return built("", sorted(SOURCES.glob("*.sh")), more_files)
