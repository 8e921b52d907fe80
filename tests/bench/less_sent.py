# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a guest takes of whose touched memory half is free or a cache, with and without the balloon, and by virsh.

The same guest goes to and fro, in one run and in an order by chance; before each it touches and frees its memory again.
The time is from the order to the verified end, of ours with Ansible and SSH. The limit is what virsh sends, which is
the memory that the guest has touched, over the rate at which it does. A nice value as in the benchmark of evacuations:
the controller would be another machine.

The guest is small and the link slow, since QEMU without KVM prepares to send for seconds: for each page it goes through
its whole table of addresses, which is the larger the more the guest has just touched. With KVM that takes no time.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
import typing as t
from pathlib import Path

from bench.moving import move
from bench.runs import Ansible, assert_done
from bench.subject import Subject, wait_for
from virtlab.guest import GuestOptions
from virtlab.lab import Lab

from .emptying.compared import NICE

_MIB = 1 << 20
OURS, WITHOUT, VIRSH = "ours, shrink: balloon", "ours, shrink: never", "virsh"
_NEVER, _BALLOON = {"shrink": "never"}, {"shrink": "balloon", "shrink_keep_mib": 64}


class Moved(t.NamedTuple):
    total_s: float
    sent_bytes: int
    rate_bytes_per_s: int


def touched_bytes(guest: Subject) -> int:
    return guest.memory_statistics()["rss"] * 1024


def loosen(guest: Subject, mib: int) -> None:
    """It touches so much and frees it, as it did when it booted."""
    guest.lab.guest_hold(guest.uuid, mib=mib, timeout_s=300)
    guest.lab.guest_hold(guest.uuid, mib=0)
    least = (mib + 100) * _MIB
    wait_for(lambda: touched_bytes(guest) > least, f"{mib} MiB to be touched")


def by_virsh(guest: Subject) -> Moved:
    began_s = time.monotonic()
    migration = guest.migrate()
    assert migration.wait(600) == 0, migration.output()
    total_s = time.monotonic() - began_s
    return counted(guest, total_s)


def by_ours(guest: Subject, ansible: Ansible, policy: t.Mapping[str, t.Any]) -> Moved:
    began_s = time.monotonic()
    (result,) = ansible.run(guest.source, move(guest, policy_overrides=dict(policy)))
    total_s = time.monotonic() - began_s
    assert_done(result, True, outcome="moved", runs_on=guest.destination)
    if policy is _BALLOON:
        assert result["shrink"]["given_back"], result["shrink"]
    return counted(guest, total_s)


def counted(guest: Subject, total_s: float) -> Moved:
    figures = guest.completed_job(guest.destination)
    guest.has_moved()
    guest.verify()
    return Moved(total_s, figures["data_processed"], figures["memory_bps"])


def line(name: str, found: t.Sequence[Moved], limit_s: float) -> str:
    totals = [one.total_s for one in found]
    sent = statistics.median(one.sent_bytes for one in found) / _MIB
    middle = statistics.median(totals)
    return (
        f"{name:<22} {middle:5.1f} s ({min(totals):.1f} to {max(totals):.1f}), {middle / limit_s:.2f} of the limit,"
        f" {sent:.0f} MiB sent"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mbit", type=int, default=50)
    parser.add_argument("--free-mib", type=int, default=448)
    parser.add_argument("--used-mib", type=int, default=320)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    options = GuestOptions(
        ram_mib=asked.free_mib + asked.used_mib + 320,
        hot_mib=24,
        cold_mib=asked.used_mib,
        pages_per_s=200,
        balloon=True,
        freed_mib=asked.free_mib,
    )
    found: dict[str, list[Moved]] = {VIRSH: [], WITHOUT: [], OURS: []}
    with tempfile.TemporaryDirectory(prefix="less.") as directory, Lab(f"less-{os.getpid()}") as lab:
        lab.up(host_count=2, link_mbit=asked.mbit)
        ansible = Ansible(Path(directory), lab.inventory())
        guest = Subject(lab, "loose01", options)
        guest.start()
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        for _repeat in range(asked.repeats):
            for name in random.sample(list(found), len(found)):
                loosen(guest, asked.free_mib)
                if name == VIRSH:
                    found[name].append(by_virsh(guest))
                else:
                    found[name].append(by_ours(guest, ansible, _BALLOON if name == OURS else _NEVER))
                print(name, found[name][-1], flush=True)
        versions = lab.virsh("kvm01", "version").stdout.splitlines()
    rate = statistics.median(one.rate_bytes_per_s for one in found[VIRSH])
    touched = statistics.median(one.sent_bytes for one in found[VIRSH])
    limit_s = touched / rate
    print(f"{asked.mbit} Mbit/s; {'; '.join(one for one in versions if one)}")
    print(f"{touched / _MIB:.0f} MiB touched at {rate / _MIB:.1f} MiB/s: the limit is {limit_s:.1f} s")
    for name, each in found.items():
        print(line(name, each, limit_s))


if __name__ == "__main__":
    main()
