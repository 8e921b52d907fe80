# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a guest stands still at the switch to post-copy, by what the source's kernel may have waiting to be sent.

The same guest goes to and fro by plain ``virsh``, in one run, with and without a limit (``tcp_notsent_lowat``) in an
order by chance. The gap is the longest time between two of its heartbeats since the switch, the rate that of libvirt's
statistics of the whole job.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
import typing as t

from bench.subject import Subject
from virtlab.guest import FINE_BEAT_MS, FINE_SLICE_MS, GuestOptions
from virtlab.lab import Lab

UNSENT = "net.ipv4.tcp_notsent_lowat"
NO_LIMIT = 4_294_967_295
PAGES_PER_S_OF_A_MBIT = 50  # more than is sent: it never ends in pre-copy


class Measured(t.NamedTuple):
    gap_ms: float
    rate_mb_per_s: float


def moved_by_postcopy(guest: Subject, unsent: int) -> Measured:
    """Once to the other host; its memory is checked after it."""
    for host in (guest.source, guest.destination):
        guest.lab.execute(host, "sysctl", "-qw", f"{UNSENT}={unsent}")
    migration = guest.migrate("--postcopy")
    guest.in_pass(2)
    guest.lab.guest_mark(guest.uuid)
    guest.virsh("migrate-postcopy")
    guest.arrives(migration)
    time.sleep(1)  # the last page that it asked for may still have kept it waiting
    gap_ms = guest.lab.guest_report(guest.uuid, since_mark=True, ask_libvirt=False).longest_gap_ms
    rate = guest.completed_job(guest.destination)["memory_bps"]
    guest.verify()
    return Measured(gap_ms, rate / 1e6)


def line(name: str, found: t.Sequence[Measured]) -> str:
    gaps, rates = [one.gap_ms for one in found], [one.rate_mb_per_s for one in found]
    return (
        f"{name:<12} gap {statistics.median(gaps):5.0f} ms ({min(gaps):.0f} to {max(gaps):.0f}),"
        f" {statistics.median(rates):5.1f} MB/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mbit", type=int, default=400)
    parser.add_argument("--unsent-kib", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--system", default="machine", help="of both hosts: machine, trixie or testing")
    asked = parser.parse_args()
    limits = {"no limit": NO_LIMIT, f"{asked.unsent_kib} KiB": asked.unsent_kib * 1024}
    found: dict[str, list[Measured]] = {name: [] for name in limits}
    pages_per_s = asked.mbit * PAGES_PER_S_OF_A_MBIT
    fine = {"beat_ms": FINE_BEAT_MS, "slice_ms": FINE_SLICE_MS}
    options = GuestOptions(ram_mib=256, hot_mib=96, cold_mib=64, pages_per_s=pages_per_s, **fine)
    with Lab(f"gaps-{os.getpid()}") as lab:
        lab.up(host_count=2, link_mbit=asked.mbit, on=dict.fromkeys(("kvm01", "kvm02"), asked.system))
        guest = Subject(lab, "erp01", options)
        guest.start()
        for _repeat in range(asked.repeats):
            for name in random.sample(list(limits), len(limits)):
                found[name].append(moved_by_postcopy(guest, limits[name]))
        versions = lab.virsh("kvm01", "version").stdout.splitlines()
    print(f"{asked.mbit} Mbit/s; {'; '.join(one for one in versions if one)}")
    for name, each in found.items():
        print(line(name, each))
    without, limited = (statistics.median(one.gap_ms for one in each) for each in found.values())
    print(f"ratio of the gaps {limited / without:.2f}")


if __name__ == "__main__":
    main()
