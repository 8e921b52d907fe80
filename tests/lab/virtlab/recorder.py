"""The recorder's own process: follows every console below a lab's directory, and appends what is new to the records."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

LOOK_EVERY_S = 0.005
SCAN_EVERY_S = 0.1


class Console:
    """One guest's console on one host, read as it grows."""

    def __init__(self, path: Path, record: Path) -> None:
        self.host = path.parents[1].name.encode()
        self.source = os.open(path, os.O_RDONLY)
        self.record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.offset = 0
        self.rest = b""

    def look(self) -> None:
        size = os.fstat(self.source).st_size
        if size == self.offset:
            return
        if size < self.offset:
            self.offset, self.rest = 0, b""
        stamp = b"%d " % (time.monotonic_ns() // 1000)
        data = os.pread(self.source, size - self.offset, self.offset)
        self.offset += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        if lines:
            os.write(self.record, b"".join(stamp + self.host + b" " + line.rstrip(b"\r") + b"\n" for line in lines))


def follow(directory: Path) -> None:
    consoles: dict[Path, Console] = {}
    scan_at = 0.0
    while True:
        now = time.monotonic()
        if now >= scan_at:
            scan_at = now + SCAN_EVERY_S
            for folder in (directory / "hosts").glob("*/console"):
                for entry in os.scandir(folder):
                    path = Path(entry.path)
                    if path not in consoles and path.suffix == ".log":
                        consoles[path] = Console(path, directory / "record" / f"{path.stem}.rec")
        for console in consoles.values():
            console.look()
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    # The guests keep both cores busy; a stamp that waits for them would show standstills that never were.
    os.nice(-15)
    follow(Path(sys.argv[1]))
