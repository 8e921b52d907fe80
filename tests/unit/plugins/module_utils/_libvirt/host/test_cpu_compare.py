# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.connection import Connection
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.host.cpu_compare import CpuQuestions
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Call, FakeLibvirt

CPU = "<cpu/>"
ASKED = ("x86_64", "pc-q35-7.2", "kvm")


@pytest.mark.parametrize(
    ("call", "fits", "says"),
    [
        (Call("compareHypervisorCPU", None, *ASKED, CPU, 1).returns(0), False, "incompatible"),
        (Call("compareHypervisorCPU", None, *ASKED, CPU, 1).returns(1), True, "identical"),
        (Call("compareHypervisorCPU", None, *ASKED, CPU, 1).returns(2), True, "more than is needed"),
        (
            Call("compareHypervisorCPU", None, *ASKED, CPU, 1).raises(
                91, "the CPU is incompatible with host CPU: Host CPU does not provide required features: avx512f"
            ),
            False,
            "avx512f",
        ),
        (Call("compareHypervisorCPU", None, *ASKED, CPU, 1).raises(3, "not supported"), None, "not supported"),
    ],
)
def test_answers(libvirt: FakeLibvirt, call: Call, fits: bool | None, says: str) -> None:
    libvirt.expect(Call("open", "qemu:///system"), call)
    with Connection("qemu:///system") as connection:
        questions = CpuQuestions(connection)
        answer = questions.ask(CPU, *t.cast(t.Any, ASKED))
        assert (answer.fits, says in answer.text) == (fits, True)
        assert questions.ask(CPU, *t.cast(t.Any, ASKED)) == answer  # asked once
