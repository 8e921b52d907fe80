# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups of a guest's virtual processors, in trees as the kernel and libvirt make them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.vcpu_quota import VcpuQuota
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import groups
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu.groups import VcpuGroup, vcpu_groups
from ansible_collections.virtops.live_migration.tests.unit.plugins.vcpu_host import UUID, VcpuHost


@pytest.fixture(params=[True, False], ids=["version-2", "version-1"])
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VcpuHost:
    return VcpuHost(tmp_path, monkeypatch, unified=request.param)


def refused(host: VcpuHost, name: str = "erp01", uuid: str = UUID) -> str:
    with pytest.raises(MigrationError) as raised:
        vcpu_groups(name, uuid, status=str(host.status))
    assert raised.value.reason == "NO_VCPU_QUOTA"
    return raised.value.problem


def test_one_for_each_virtual_processor(host: VcpuHost) -> None:
    found = vcpu_groups("erp01", UUID, status=str(host.status))
    assert found == [VcpuGroup(str(path), host.unified) for path in host.groups]
    assert [group.quota() for group in found] == [VcpuQuota(None, 100_000)] * 2
    assert [group.held_back_s() for group in found] == [0.25] * 2


def test_what_is_in_which_file(host: VcpuHost) -> None:
    group = vcpu_groups("erp01", UUID, status=str(host.status))[0]
    found = {Path(path).name: text for path, text in group.files(VcpuQuota(2000, 10_000))}
    former = {Path(path).name: text for path, text in group.files(VcpuQuota(None, 100_000))}
    if host.unified:
        assert found == {"cpu.max": "2000 10000"}
        assert former == {"cpu.max": "max 100000"}
    else:
        assert found == {"cpu.cfs_quota_us": "2000", "cpu.cfs_period_us": "10000"}
        assert list(former.items()) == [("cpu.cfs_quota_us", "-1"), ("cpu.cfs_period_us", "100000")]


@pytest.mark.parametrize(("name", "uuid"), [("crm01", UUID), ("erp01", "another"), ("../erp01", UUID)])
def test_another_guest(host: VcpuHost, name: str, uuid: str) -> None:
    assert "not known here" in refused(host, name, uuid)


def test_a_group_that_has_another_thread_in_it(host: VcpuHost) -> None:
    """QEMU's own would be held back as well, and with it what sends the guest."""
    host.members(0, "102", "100")
    assert "no control group with a quota of its own" in refused(host)


def test_all_threads_in_one_group(host: VcpuHost) -> None:
    """As without the controller: libvirt makes no groups for virtual processors then."""
    host.place(0, host.machine)
    assert "no control group with a quota of its own" in refused(host)


def test_without_control_groups(host: VcpuHost) -> None:
    host.mounts.write_text("24 1 0:22 / /sys rw - sysfs sysfs rw\n")
    assert "cgroup_controllers in qemu.conf" in refused(host)


def test_without_the_controller(host: VcpuHost) -> None:
    for path in host.groups:
        for file in path.glob("cpu.*"):
            file.unlink()
    assert "no control group with a quota of its own" in refused(host)


def test_out_of_sight(host: VcpuHost) -> None:
    host.place(1, "/../../machine/vcpu1")
    assert "virtual processor 1 has no control group" in refused(host)


def test_mounts_that_are_not_understood(host: VcpuHost) -> None:
    host.mounts.write_text("nonsense\n")
    assert "mountinfo" in refused(host)


def test_a_thread_that_is_not_there(host: VcpuHost) -> None:
    (host.tasks / "103" / "cgroup").unlink()
    assert "virtual processor 1 is not seen" in refused(host)


def test_a_group_behind_a_link(host: VcpuHost, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    host.groups[0].rename(elsewhere)
    host.groups[0].symlink_to(elsewhere)
    assert "by a link" in refused(host)


def test_files_that_may_not_be_written_to(host: VcpuHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups.os, "access", lambda *_arguments: False)
    assert "may not be changed from here" in refused(host)


def test_gone(host: VcpuHost) -> None:
    group = vcpu_groups("erp01", UUID, status=str(host.status))[0]
    assert not group.gone
    host.end()
    assert group.gone
    assert group.quota() is None
    assert group.held_back_s() is None


@pytest.mark.parametrize("vcpus", ["", "<vcpu id='x' pid='102'/>", "<vcpu id='0' pid=''/>", "<vcpu/>"])
def test_threads_that_are_not_told(host: VcpuHost, vcpus: t.Any) -> None:
    host.status_file(vcpus)
    assert "not known here" in refused(host)
