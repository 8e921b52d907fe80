# SPDX-License-Identifier: GPL-3.0-or-later
"""Which systems the two hosts of the lab have, and which tests each pair is for."""

from __future__ import annotations

import typing as t

# Files whose tests make a lab of their own, or none: the systems of the hosts do not change what they show.
OWN_LAB = ("test_readiness_versions.py", "test_modular_daemons.py", "test_firewall_truth.py", "test_gauntlet.py",
           "test_bench_emptying.py", "test_demo.py", "test_patch_night.py", "test_evacuation_trouble.py",
           "test_return_home.py")  # fmt: skip
# For pairs of two versions: from the older one to the newer one and back, where QEMU allows that.
SLICE = ("test_host_info.py", "test_readiness.py", "test_job_info.py", "test_migration.py", "test_postcopy.py",
         "test_rescue.py", "test_recover.py", "test_abort.py", "test_downtime.py", "test_suspend.py")  # fmt: skip
# What `make test` runs on the newest stable release: the fast tests of these files.
FAST = ("test_job_info.py", "test_downtime.py", "test_recover_by_monitor.py")


class Pair(t.NamedTuple):
    """The systems of kvm01 and kvm02 (tests/lab/virtlab/systems.py), and whether all tests are for them."""

    first: str
    second: str
    whole: bool

    @property
    def name(self) -> str:
        return f"{self.first}-{self.second}"

    @property
    def title(self) -> str:
        return f"{RELEASES[self.first]} to {RELEASES[self.second]}"


RELEASES = {"machine": "Debian 12", "trixie": "Debian 13", "testing": "testing"}
PAIRS = (
    Pair("machine", "machine", True),
    Pair("trixie", "trixie", True),
    Pair("testing", "testing", True),
    Pair("machine", "trixie", False),
    Pair("trixie", "testing", False),
)
FAST_PAIR = PAIRS[1]
