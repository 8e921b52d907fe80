# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.cgroup import (
    GroupPlace,
    processor_groups,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import parse_mounts

V2_MOUNTS = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = """\
31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
"""
SCOPE = "/machine.slice/machine-qemu\\x2d3\\x2derp01.scope"
V2 = f"0::{SCOPE}/libvirt/vcpu1\n"
V1 = f"11:memory:{SCOPE}\n4:cpu,cpuacct:{SCOPE}/vcpu1\n1:name=systemd:{SCOPE}\n0::/\n"


def test_version_2_with_systemd() -> None:
    found = processor_groups(V2, parse_mounts(V2_MOUNTS))
    assert found == [GroupPlace(f"/sys/fs/cgroup{SCOPE}/libvirt/vcpu1", True)]


def test_version_1_beside_an_empty_version_2() -> None:
    found = processor_groups(V1, parse_mounts(V1_MOUNTS))
    assert found == [GroupPlace(f"/sys/fs/cgroup/cpu,cpuacct{SCOPE}/vcpu1", False)]


def test_a_mount_of_a_part_of_the_hierarchy() -> None:
    """As processes see it that have the mounts of a namespace and not the namespace itself."""
    mounts = parse_mounts("263 262 0:29 /lab/kvm01 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n")
    text = "1:cpu:/lab/kvm01/machine/qemu-1-erp01.libvirt-qemu/vcpu0\n0::/\n"
    expected = "/sys/fs/cgroup/cpu/machine/qemu-1-erp01.libvirt-qemu/vcpu0"
    assert processor_groups(text, mounts) == [GroupPlace(expected, False)]
    assert processor_groups("1:cpu:/lab/kvm011/machine/vcpu0\n", mounts) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0::\n",
        "nonsense\n",
        "4:memory:/machine/vcpu0\n",
        "0::/../../machine/vcpu0\n",
        "0::relative/vcpu0\n",
        "1:cpu:/machine/vcpu0\n",
        "3:cpuset:/machine/vcpu0\n",
    ],
)
def test_what_is_not_there_or_out_of_sight(text: str) -> None:
    """With version 1 of the controller no mount of version 2 has it."""
    assert processor_groups(text, parse_mounts(V2_MOUNTS)) == []
