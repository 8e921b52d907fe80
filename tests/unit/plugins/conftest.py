# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import time
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host import status_file, supervision_lock
from ansible_collections.virtops.live_migration.plugins.module_utils._host.vcpu import groups
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import (
    connection,
    events,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import (
    timeout as guard,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.job import migrate_call as transfer
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration import (
    destination_monitor as path,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    CallThread,
    FakeLibvirt,
    VirtualQueue,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

UTILS = "ansible_collections.virtops.live_migration.plugins.module_utils."


@pytest.fixture
def libvirt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> t.Iterator[FakeLibvirt]:
    """The scripted binding in the place of the real one, which need not be installed, and virtual time."""
    fake = FakeLibvirt()
    for name, module in list(sys.modules.items()):
        if not name.startswith((UTILS + "_libvirt.", UTILS + "_ansible.")):
            continue
        for attribute, stand_in in (("libvirt", fake), ("LIBVIRT_IMPORT_ERROR", None), ("_loop_started", False)):
            if hasattr(module, attribute):
                monkeypatch.setattr(module, attribute, stand_in)
        if getattr(module, "time", None) is time:
            monkeypatch.setattr(module, "time", fake.clock)
    queues = SimpleNamespace(Queue=lambda: VirtualQueue(fake.clock), Empty=VirtualQueue.Empty)
    monkeypatch.setattr(events, "queue", queues)
    no_thread = SimpleNamespace(Thread=lambda **_options: SimpleNamespace(start=lambda: None))
    monkeypatch.setattr(connection, "threading", no_thread)  # the fake has no event loop to run
    monkeypatch.setattr(path, "threading", no_thread)  # it would ask at moments of its own
    monkeypatch.setattr(path, "_paths", {})
    at_once = SimpleNamespace(Thread=lambda target, **_options: CallThread(fake, target))
    monkeypatch.setattr(guard, "threading", at_once)
    monkeypatch.setattr(transfer, "threading", at_once)
    monkeypatch.setattr(supervision_lock, "DIRECTORY", tmp_path / "supervised")
    # A default value is bound when the function is made, so that changing the constant would do nothing.
    directory_readers = (
        status_file.start_flags,
        status_file.other_outgoing,
        status_file.qemu_pid,
        status_file.running_job,
    )
    monkeypatch.setattr(groups, "STATUS_DIRECTORY", tmp_path)
    for function in directory_readers:
        monkeypatch.setattr(function, "__defaults__", (tmp_path,))
    yield fake
    fake.finish()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> ModuleRunner:
    return ModuleRunner(monkeypatch, capsys)
