# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._host.configuration import Configuration
from ansible_collections.virtops.live_migration.plugins.module_utils._host.qemu import incoming_half
from ansible_collections.virtops.live_migration.plugins.module_utils._host.qemu.incoming_half import listen_again

NAME, UUID = "erp 'x'", "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"
STATUS = """<domstatus state='running' reason='post-copy failed' pid='96'>
  <monitor path='/run/m.sock' type='unix'/>
  <job type='none' async='{job}' phase='{phase}' flags='0x800b'/>
  <domain type='kvm'><name>erp</name><uuid>{uuid}</uuid></domain>
</domstatus>"""


class Monitor:
    """QEMU whose post-copy is in that state, and that takes every order."""

    status = "postcopy-paused"
    orders: t.ClassVar[list[tuple[str, dict[str, str]]]] = []

    def __init__(self, path: str) -> None:
        assert path == "/run/m.sock"

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_what: object) -> None:
        pass

    def ask(self, command: str, **arguments: str) -> dict[str, t.Any]:
        self.orders.append((command, arguments))
        return {"status": self.status} if command == "query-migrate" else {}


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A host with the half, and a qemu.conf without settings."""
    monkeypatch.setattr(incoming_half, "QemuMonitor", Monitor)
    monkeypatch.setattr(Monitor, "orders", [])
    conf(monkeypatch)
    half(tmp_path)
    return tmp_path


def conf(
    monkeypatch: pytest.MonkeyPatch, free: t.Callable[[t.Optional[int], str], bool] = lambda *_: True, **qemu: t.Any
) -> None:
    monkeypatch.setattr(incoming_half, "read_configuration", lambda: Configuration("monolithic", {}, qemu, True))
    monkeypatch.setattr(incoming_half, "_free", free)


def half(directory: Path, job: str = "migration in", phase: str = "postcopy_failed", uuid: str = UUID) -> None:
    (directory / f"{NAME}.xml").write_text(STATUS.format(job=job, phase=phase, uuid=uuid))


def told() -> list[str]:
    return [arguments["uri"] for command, arguments in Monitor.orders if command == "migrate-recover"]


def test_the_first_free_port_of_libvirt(host: Path) -> None:
    assert listen_again(NAME, UUID, None, directory=host) == 49152
    assert told() == ["tcp:[::]:49152"]


def test_a_port_that_is_taken_and_no_ipv6(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf(monkeypatch, lambda port, address: address != "::" and port != 49152)
    assert listen_again(NAME, UUID, None, directory=host) == 49153
    assert told() == ["tcp:0.0.0.0:49153"]


def test_settings_of_qemu_conf(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf(monkeypatch, migration_address="fd00::12", migration_port_min=50000, migration_port_max=50001)
    assert listen_again(NAME, UUID, None, directory=host) == 50000
    assert told() == ["tcp:[fd00::12]:50000"]


def test_the_port_that_was_asked_for(host: Path) -> None:
    assert listen_again(NAME, UUID, 50123, directory=host) == 50123
    assert told() == ["tcp:[::]:50123"]


def test_only_a_look(host: Path) -> None:
    assert listen_again(NAME, UUID, None, only_look=True, directory=host) == 0
    assert told() == []


def test_no_free_port(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf(monkeypatch, lambda port, _address: port is None)
    with pytest.raises(MigrationError, match="No port from 49152 to 49215 is free") as caught:
        listen_again(NAME, UUID, None, directory=host)
    assert caught.value.reason == "NO_FREE_PORT"
    assert told() == []


@pytest.mark.parametrize(
    "words",
    [
        {"job": "migration out"},
        {"job": "none"},
        {"phase": "postcopy"},
        {"uuid": "2f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c22"},
    ],
)
def test_what_is_no_broken_half(host: Path, words: dict[str, str]) -> None:
    half(host, **words)
    with pytest.raises(MigrationError) as caught:
        listen_again(NAME, UUID, None, directory=host)
    assert caught.value.reason == "NOTHING_TO_RECOVER"
    assert Monitor.orders == []


def test_a_name_that_would_lead_elsewhere(host: Path) -> None:
    with pytest.raises(MigrationError) as caught:
        listen_again(f"../{host.name}/{NAME}", UUID, None, directory=host)
    assert caught.value.reason == "NOTHING_TO_RECOVER"


def test_qemu_that_goes_on(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Monitor, "status", "postcopy-active")
    with pytest.raises(MigrationError, match="is postcopy-active, not that it broke"):
        listen_again(NAME, UUID, None, directory=host)
    assert told() == []
