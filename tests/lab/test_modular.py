"""A host with modular daemons: how it is chosen, what it is made of, and what stands in for systemd there."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from virtlab import activation, cli, daemons, modular, state, systems
from virtlab.errors import LabError
from virtlab.state import Host

pytestmark = pytest.mark.fast

MODULAR = Host("kvm01", 1, "ns", "10.231.0.11", "10.231.1.11", "4c0ffee0-0000-4000-8000-000000000001", "trixie-modular")
OTHER = Host("kvm02", 2, "ns", "10.231.0.12", "10.231.1.12", "4c0ffee0-0000-4000-8000-000000000002", "trixie")


def test_it_is_chosen_like_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def make(name: str) -> Callable[[Path], None]:
        def build(root: Path) -> None:
            built.append(name)
            root.mkdir()

        return build

    monkeypatch.setattr(systems, "CACHE_DIR", tmp_path)
    monkeypatch.setattr(systems, "build", lambda root, suite: make(suite)(root))
    monkeypatch.setattr(modular, "build", lambda base, root: make(f"daemons for {base.name}")(root))
    monkeypatch.setattr(modular, "version_of", lambda _base: "11.3.0")
    assert cli.host_and_system("kvm02=trixie-modular") == ("kvm02", "trixie-modular")
    # The daemons lie over the release, which is the same that a host without them has.
    assert systems.root_of("trixie-modular") == f"{tmp_path}/trixie-modular:{tmp_path}/trixie"
    assert systems.root_of("trixie") == f"{tmp_path}/trixie"
    assert systems.root_of("trixie-modular") == f"{tmp_path}/trixie-modular:{tmp_path}/trixie"
    assert built == ["trixie", "daemons for trixie"]
    # Another version of the release needs other daemons.
    monkeypatch.setattr(modular, "version_of", lambda _base: "11.4.0")
    systems.root_of("trixie-modular")
    assert built == ["trixie", "daemons for trixie", "daemons for trixie"]
    for unknown in ("bookworm-modular", "testing-modular", "modular", ""):
        with pytest.raises(LabError, match="no such system"):
            systems.root_of(unknown)
        with pytest.raises(argparse.ArgumentTypeError):
            cli.host_and_system(f"kvm02={unknown}")


def test_each_kind_of_daemon_has_its_own_files() -> None:
    here, there = daemons.files(MODULAR), daemons.files(OTHER)
    assert "/etc/libvirt/libvirtd.conf" not in here
    assert set(there) == {"/etc/libvirt/libvirtd.conf", "/etc/libvirt/qemu.conf"}
    assert {f"/etc/libvirt/{name}.conf" for name in modular.DAEMONS} <= set(here)
    assert [path for path, (text, _mode) in here.items() if "host_uuid" in text] == ["/etc/libvirt/virtqemud.conf"]
    assert [path for path, (text, _mode) in here.items() if "auth_tcp" in text] == ["/etc/libvirt/virtproxyd.conf"]
    assert here[daemons.SYSTEMCTL][1] == 0o755
    assert (daemons.main_daemon(MODULAR), daemons.main_daemon(OTHER)) == ("virtqemud", "libvirtd")
    assert daemons.boot_command(MODULAR) != daemons.start_command(MODULAR)
    assert daemons.boot_command(OTHER) == daemons.start_command(OTHER) == daemons.LIBVIRTD


def test_a_lab_without_it_is_as_before() -> None:
    default = Host("kvm03", 3, "ns", "10.231.0.13", "10.231.1.13", "4c0ffee0-0000-4000-8000-000000000003")
    assert default.version == systems.MACHINE
    assert not daemons.is_modular(default)
    assert systems.root_of(systems.MACHINE) == ""
    assert state.Host.__dataclass_fields__["version"].default == systems.MACHINE


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service with two sockets; it exits with 3 when it is not given both, by name, as systemd gives them."""
    told = tmp_path / "told"
    script = tmp_path / "daemon"
    script.write_text(
        "#!/bin/sh\n"
        f'echo "$LISTEN_FDS $LISTEN_FDNAMES $*" >>{told}\n'
        "[ $$ = $LISTEN_PID ] && [ -S /proc/self/fd/3 ] && [ -S /proc/self/fd/4 ] || exit 3\n"
        f"[ ! -e {tmp_path}/broken ] || exit 1\n"
        "exec sleep 30\n"
    )
    script.chmod(0o755)
    (tmp_path / "virtxd.service").write_text(
        f'[Service]\nEnvironment=VIRTXD_ARGS="--timeout 120"\nEnvironmentFile=-{tmp_path}/virtxd.env\n'
        f"ExecStart={script} $VIRTXD_ARGS\nAfter=a\nAfter=b\n"
    )
    for name in ("virtxd", "virtxd-ro", "virtxd-tcp"):
        (tmp_path / f"{name}.socket").write_text(
            f"[Socket]\nListenStream={tmp_path}/{name}-sock\nSocketMode=0600\nService=virtxd.service\n"
        )
    monkeypatch.setattr(activation, "UNITS", [tmp_path])
    monkeypatch.setattr(activation, "CONTROL", str(tmp_path / "control"))
    monkeypatch.setattr(activation, "NOTIFY", str(tmp_path / "notify"))
    monkeypatch.setattr(activation, "ASKED_FOR", tmp_path / "enabled")
    return tmp_path


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def test_a_connection_starts_the_daemon_with_its_sockets(units: Path) -> None:
    manager = activation.Manager()
    service = manager.services["virtxd"]
    assert service.socket_units == ["virtxd.socket", "virtxd-ro.socket"]
    assert os.stat(units / "virtxd-sock").st_mode & 0o777 == 0o600
    manager.step()
    assert service.pid == 0
    with connect(units / "virtxd-ro-sock"):
        manager.step()
        first = service.pid
        assert manager.until((units / "told").exists, 10)
        assert manager.do("is-active", "virtxd.service", "virtxd.socket").startswith("0 ")
        assert "LoadState=loaded\nActiveState=active" in manager.do("show", "virtxd")
        # Killed, it is started again; stopped, it is not, before somebody connects.
        os.kill(first, 9)
        assert manager.until(lambda: service.pid not in (0, first), 10)
        second = service.pid
    (units / "virtxd.env").write_text("VIRTXD_ARGS=--other\n")
    # The daemon of this test takes no connection; what waits would start it again at once.
    service.sockets["virtxd-ro.socket"].accept()[0].close()
    assert manager.stop(service)
    assert manager.do("is-active", "virtxd.service").startswith("3 inactive")
    manager.step()
    assert service.pid == 0
    with connect(units / "virtxd-sock"):
        manager.step()
        assert service.pid not in (0, first, second)
        assert manager.until(lambda: (units / "told").read_text().count("\n") == 3, 10)
    assert (units / "told").read_text().splitlines() == [
        "2 virtxd.socket:virtxd-ro.socket --timeout 120",
        "2 virtxd.socket:virtxd-ro.socket --timeout 120",
        "2 virtxd.socket:virtxd-ro.socket --other",
    ]
    assert manager.do("lab-hold", "virtxd.service").startswith("0 ")
    os.kill(service.pid, 9)
    assert manager.until(lambda: service.pid == 0, 10)
    with pytest.raises(FileNotFoundError):
        connect(units / "virtxd-sock")
    assert manager.do("is-active", "virtxd.socket").startswith("3 failed")


def test_a_daemon_that_cannot_start_is_given_up(units: Path) -> None:
    (units / "broken").touch()
    manager = activation.Manager()
    answer = manager.do("restart", "virtxd")
    assert answer.startswith("1 Job for virtxd failed")
    assert (units / "told").read_text().count("\n") == activation.START_LIMIT
    assert manager.do("is-active", "virtxd.socket").startswith("3 failed")


def test_what_is_asked_for_is_listened_on_too(units: Path) -> None:
    (units / "enabled").write_text("virtxd-tcp.socket\n")
    manager = activation.Manager()
    assert sorted(manager.services["virtxd"].sockets) == ["virtxd-ro.socket", "virtxd-tcp.socket", "virtxd.socket"]
    with pytest.raises(KeyError):
        manager.do("restart", "nosuch")
