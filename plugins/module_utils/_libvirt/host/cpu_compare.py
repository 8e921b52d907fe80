# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a host's libvirt whether it can run a guest's processor."""

from __future__ import annotations

import typing as t

from ..._core.libvirt_errors.codes import Err
from ..connection import Connection, libvirt

_FAIL_INCOMPATIBLE = 1  # VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE
_INCOMPATIBLE, _IDENTICAL = 0, 1  # VIR_CPU_COMPARE_*; what is above is a superset


class CpuAnswer(t.NamedTuple):
    """``fits`` is None when libvirt could not say."""

    fits: t.Optional[bool]
    text: str


class CpuQuestions:
    """Asks a host's libvirt about guests' processors, once for those that are alike."""

    def __init__(self, connection: Connection) -> None:
        self._raw = connection.raw
        self._known: dict[tuple[str, ...], CpuAnswer] = {}

    def ask(self, cpu_xml: str, arch: str, machine: str, virt_type: str) -> CpuAnswer:
        key = (cpu_xml, arch, machine, virt_type)
        if key not in self._known:
            self._known[key] = self._answer(*key)
        return self._known[key]

    def _answer(self, cpu_xml: str, arch: str, machine: str, virt_type: str) -> CpuAnswer:
        try:
            result = self._raw.compareHypervisorCPU(None, arch, machine, virt_type, cpu_xml, _FAIL_INCOMPATIBLE)
        except libvirt.libvirtError as exc:
            if exc.get_error_code() == Err.CPU_INCOMPATIBLE:
                return CpuAnswer(False, str(exc.get_error_message()))
            return CpuAnswer(None, str(exc.get_error_message()))
        if result == _INCOMPATIBLE:
            return CpuAnswer(False, "the processor is incompatible")
        return CpuAnswer(True, "identical" if result == _IDENTICAL else "the host has more than is needed")
