# SPDX-License-Identifier: GPL-3.0-or-later
"""The processor time of the event source over many real migrations that never end, on real libvirtd.

The guests are as small as can be, a boot sector that rewrites 512 KiB at each tick of the clock, and may send 1 MiB/s:
a pass takes half a second, and 100 ms of downtime are not enough, however QEMU's rates vary. So they give the source
more to do than guests of the usual size, whose passes take seconds. Several hosts, as a libvirtd has 20 workers, of
which each migration holds one.

Processor time does not depend on what else the machine does, so that the figure is the same on a busy one.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import typing as t
from pathlib import Path

from bench.events import Watcher, uris
from bench.subject import wait_for
from virtlab.lab import Lab

HOSTS = 4
WAIT_S = 300
TELLING_S = 40.0  # until most are told to be stuck: two passes after each other that leave too much
_TICK = os.sysconf("SC_CLK_TCK")
_SAID = "/tmp/small-migrations.log"
_IMAGE = "/var/lib/libvirt/images/rewriter.img"
# xor ax,ax; mov ss,ax; mov sp,7c00; sti; again: hlt; mov eax,cr0; xor eax,10000; mov cr0,eax; mov ax,1000; next:
# mov es,ax; inc word [es:0]; add ax,100; cmp ax,9000; jb next; jmp again
# CR0.WP changes to have the TLB flushed: before 9.0, QEMU without KVM misses writes to pages that stay in it (commit
# "physmem: Fix migration dirty bitmap coherency with TCG memory access"), and such a guest would arrive.
_CODE = bytes.fromhex(
    "31c0 8ed0 bc007c fb f4 0f20c0 663500000100 0f22c0 b80010 8ec0 26ff060000 050001 3d0090 72f1 ebdf"
)
_SECTOR = _CODE + bytes(510 - len(_CODE)) + b"\x55\xaa"
_GUEST = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>16</memory>
  <os><type machine='pc'>hvm</type><boot dev='fd'/></os>
  <devices>
    <disk type='file' device='floppy'><driver name='qemu' type='raw'/><source file='{image}'/><target dev='fda'/>
      <readonly/></disk>
    <memballoon model='none'/>
  </devices>
</domain>"""


def processor_s(pid: int) -> float:
    """Of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def share(watcher: Watcher, seconds: float) -> float:
    """Of one processor, in percent."""
    assert watcher.process is not None
    began_s, before_s = time.monotonic(), processor_s(watcher.process.pid)
    time.sleep(seconds)
    used_s = processor_s(watcher.process.pid) - before_s
    return round(100 * used_s / (time.monotonic() - began_s), 2)


def begin(lab: Lab, host: str, count: int) -> list[str]:
    """Start guests, and return their names."""
    names = [f"{host}-small{number:02}" for number in range(count)]
    for name in names:
        xml = _GUEST.format(name=name, image=_IMAGE)
        lab.execute(host, "sh", "-c", f'printf %s "{xml}" > /tmp/small.xml && virsh create /tmp/small.xml')
    return names


def all_are(lab: Lab, watcher: Watcher, kind: str, guests: int) -> None:
    """Wait until the source has told this of all guests; else say of how many, and what virsh said."""
    try:
        wait_for(lambda: len({one["uuid"] for one in watcher.events(kind)}) >= guests, kind, WAIT_S)
    except AssertionError as exc:
        seen = len({one["uuid"] for one in watcher.events(kind)})
        said = [lab.execute(host.name, "sh", "-c", f"tail -n 3 {_SAID}").stdout for host in lab.hosts]
        last = watcher.events()[-1:]
        raise AssertionError(f"{exc}: {seen} of {guests} are; virsh said {said}; the last event is {last}") from None


def measure(lab: Lab, directory: Path, guests: int, seconds: float) -> dict[str, t.Any]:
    """``idle_percent``: while nothing migrates; ``migrating_percent``: while all do."""
    names = [host.name for host in lab.hosts]
    octal = "".join(f"\\{byte:03o}" for byte in _SECTOR)
    for name in names:
        lab.execute(name, "sh", "-c", f"printf '{octal}' > {_IMAGE}")
    running = {
        name: begin(lab, name, guests // len(names) + (at < guests % len(names))) for at, name in enumerate(names)
    }
    with Watcher(directory, hosts=uris(lab)) as watcher:
        time.sleep(5)
        idle = share(watcher, min(seconds, 20))
        for at, (host, started) in enumerate(running.items()):
            to = names[(at + 1) % len(names)]
            limit, migrate = "virsh migrate-setmaxdowntime $g 100", "virsh migrate --live --p2p --bandwidth 1 $g"
            command = f"{limit}; {migrate} qemu+tcp://{to}/system >>{_SAID} 2>&1 &"
            lab.execute(host, "sh", "-c", f"for g in {' '.join(started)}; do {command} done")
        all_are(lab, watcher, "started", guests)
        time.sleep(TELLING_S)
        before, ended = len(watcher.events()), len(watcher.events("ended"))
        migrating = share(watcher, seconds)
        return {
            "guests": guests,
            "hosts": len(names),
            "told_to_be_stuck": len({one["uuid"] for one in watcher.events("stuck")}),
            "seconds": seconds,
            "idle_percent": idle,
            "migrating_percent": migrating,
            "events": len(watcher.events()) - before,
            "ended": len(watcher.events("ended")) - ended,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guests", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, Lab(f"events-{os.getpid()}") as lab:
        lab.up(host_count=HOSTS, link_mbit=400)
        print(json.dumps(measure(lab, Path(directory), asked.guests, asked.seconds)))


if __name__ == "__main__":
    main()
