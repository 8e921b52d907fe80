"""What a guest boots: the distribution's cloud kernel and an initramfs with one static program in it.

Built once for each version of its sources, into a cache that all labs share.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from .errors import LabError
from .proc import run
from .state import CACHE_DIR

IMAGES = CACHE_DIR / "images"
SOURCE = Path(__file__).parents[1] / "guest" / "memguest.c"
GCC = ["gcc", "-static", "-O2", "-Wall", "-Wextra", "-pthread"]


def newest_kernel() -> Path:
    def numbers(path: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", path.name)]

    found = sorted(Path("/boot").glob("vmlinuz-*cloud-amd64"), key=numbers)
    if not found:
        raise LabError("no /boot/vmlinuz-*cloud-amd64; install the package linux-image-cloud-amd64")
    return found[-1]


def cpio_entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """One file of a "newc" archive, the format an initramfs has."""
    encoded = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0]
    header = b"070701" + b"".join(b"%08x" % value for value in fields) + encoded
    return header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4)


def initramfs(program: bytes, drivers: Sequence[Path] = ()) -> bytes:
    entries = [
        cpio_entry("dev", 0o040755),
        cpio_entry("dev/console", 0o020600, device=(5, 1)),
        cpio_entry("init", 0o100755, program),
    ]
    if drivers:
        order = "".join(f"{one.name}\n" for one in drivers).encode()
        entries += [cpio_entry("modules", 0o040755), cpio_entry("modules/order", 0o100644, order)]
        entries += [cpio_entry(f"modules/{one.name}", 0o100644, one.read_bytes()) for one in drivers]
    entries.append(cpio_entry("TRAILER!!!", 0))
    return gzip.compress(b"".join(entries), 1, mtime=0)


def driver_files(kernel: Path, wanted: Iterable[str]) -> list[Path]:
    """Drivers of the distribution's kernel by name, with what they need, in the order in which they are loaded."""
    root = Path("/lib/modules") / kernel.name.removeprefix("vmlinuz-")
    needs = dict(line.split(":", 1) for line in (root / "modules.dep").read_text().splitlines())
    by_name = {Path(name).name.split(".")[0]: name for name in needs}
    found: list[Path] = []
    for driver in wanted:
        name = by_name[driver]
        found += [root / one for one in [*reversed(needs[name].split()), name]]
    return list(dict.fromkeys(found))


def digest_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def compiled(work: Path) -> bytes:
    run([*GCC, "-o", f"{work}/init", str(SOURCE)])
    return (work / "init").read_bytes()


def keep(made: Path, name: str) -> None:
    """Put a finished image in its place."""
    try:
        os.rename(made, IMAGES / name)
    except OSError:
        # Another lab was faster; its result is the same.
        if not (IMAGES / name).is_dir():
            raise


def build(*drivers: str) -> str:
    """The name of the directory below `IMAGES` that holds `vmlinuz` and `initramfs`; made when it is not there.

    `drivers`: names of drivers of the kernel that the guest loads at its start.
    """
    kernel = newest_kernel()
    digest = hashlib.sha256(SOURCE.read_bytes() + Path(__file__).read_bytes() + kernel.name.encode())
    digest.update(str(kernel.stat().st_mtime_ns).encode())
    name = "-".join([digest.hexdigest()[:16], *drivers])
    if (IMAGES / name).is_dir():
        return name
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=IMAGES, prefix=".build-") as temporary:
        work = Path(temporary)
        program = compiled(work)
        made = work / "made"
        made.mkdir(mode=0o755)
        shutil.copyfile(kernel, made / "vmlinuz")
        (made / "initramfs").write_bytes(initramfs(program, driver_files(kernel, drivers)))
        keep(made, name)
    return name
