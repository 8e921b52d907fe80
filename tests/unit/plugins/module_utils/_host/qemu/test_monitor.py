# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import socket
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._host.qemu import monitor as qemu_monitor
from ansible_collections.virtops.live_migration.plugins.module_utils._host.qemu.monitor import QemuMonitor

GREETING = '{"QMP": {"version": {}, "capabilities": []}}\n'
EVENT = '{"event": "MIGRATION", "data": {"status": "setup"}}\n'


class Qemu:
    """A monitor that greets one client and answers from a script; what it was asked is kept."""

    def __init__(self, path: Path, *answers: str, greeting: str = GREETING) -> None:
        self.path = str(path)
        self.asked: list[dict[str, t.Any]] = []
        self._answers, self._greeting = list(answers), greeting
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(self.path)
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        client, _address = self._server.accept()
        with client, client.makefile("rw", encoding="utf-8") as file:
            file.write(self._greeting)
            file.flush()
            for answer in self._answers:
                line = file.readline()
                if not line:
                    return
                self.asked.append(json.loads(line))
                file.write(answer)
                file.flush()


def test_an_answer(tmp_path: Path) -> None:
    qemu = Qemu(tmp_path / "m", '{"return": {}}\n', EVENT + '{"return": {"status": "postcopy-paused"}}\n')
    with QemuMonitor(qemu.path) as monitor:
        assert monitor.ask("query-migrate") == {"status": "postcopy-paused"}
    assert qemu.asked == [{"execute": "qmp_capabilities"}, {"execute": "query-migrate"}]


def test_an_answer_in_pieces(tmp_path: Path) -> None:
    """What comes of one line in two pieces, and of two lines in one."""
    qemu = Qemu(tmp_path / "m", '{"return": {}}\n' + EVENT + EVENT + '{"return": {"sta', 'tus": "active"}}\n')
    with QemuMonitor(qemu.path) as monitor:
        # The second piece is sent when the second order has come.
        assert monitor.ask("query-migrate") == {"status": "active"}


def test_a_refusal_has_the_words_of_qemu(tmp_path: Path) -> None:
    words = '{"error": {"class": "GenericError", "desc": "Migrate recover can only be run when postcopy is paused."}}\n'
    qemu = Qemu(tmp_path / "m", '{"return": {}}\n', words)
    with QemuMonitor(qemu.path) as monitor, pytest.raises(MigrationError) as caught:
        monitor.ask("migrate-recover", uri="tcp:[::]:49152")
    assert caught.value.reason == "REFUSED_BY_QEMU"
    assert "can only be run when postcopy is paused" in caught.value.problem
    assert caught.value.evidence == {"qemu_message": "Migrate recover can only be run when postcopy is paused."}
    assert qemu.asked[1] == {"execute": "migrate-recover", "arguments": {"uri": "tcp:[::]:49152"}}


def test_a_monitor_that_somebody_else_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_monitor, "_ANSWER_S", 0.1)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with server:
        server.bind(str(tmp_path / "m"))
        server.listen()
        with pytest.raises(MigrationError) as caught, QemuMonitor(str(tmp_path / "m")):
            pass
    assert caught.value.reason == "MONITOR_BUSY"
    assert "Stop the daemon" in caught.value.remedy


@pytest.mark.parametrize("greeting", ["", "HTTP/1.1 400 Bad Request\n"])
def test_what_is_no_qemu(tmp_path: Path, greeting: str) -> None:
    qemu = Qemu(tmp_path / "m", greeting=greeting)
    with pytest.raises(MigrationError) as caught, QemuMonitor(qemu.path):
        pass
    assert caught.value.reason == "MONITOR_LOST"


def test_no_monitor(tmp_path: Path) -> None:
    with pytest.raises(MigrationError) as caught, QemuMonitor(str(tmp_path / "none")):
        pass
    assert caught.value.reason == "MONITOR_LOST"
    assert "Nothing was changed" in caught.value.state


def test_qemu_that_dies_while_it_is_asked(tmp_path: Path) -> None:
    qemu = Qemu(tmp_path / "m", '{"return": {}}\n')
    with QemuMonitor(qemu.path) as monitor, pytest.raises(MigrationError) as caught:
        monitor.ask("query-migrate")
    assert caught.value.reason == "MONITOR_LOST"
