# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.modules import libvirt_conf
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

TEXT = (
    'vnc_password = "swordfish"  # once: trout\n#spice_password = "salmon"\nmax_queued = 5\nmax_queued = 6\n# \udce9\n'
)
SECRETS = ("swordfish", "trout", "salmon", "herring")


@pytest.fixture
def conf(tmp_path: Path) -> t.Iterator[Path]:
    path = tmp_path / "qemu.conf"
    path.write_bytes(TEXT.encode("utf-8", "surrogateescape"))
    path.chmod(0o640)
    umask = os.umask(0o022)
    yield path
    os.umask(umask)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_is_changed_and_no_secret_is_told(conf: Path, run: ModuleRunner) -> None:
    wanted: dict[str, t.Any] = {
        "path": str(conf),
        "settings": {"max_queued": 7, "user": "root"},
        "secret_settings": {"vnc_password": "herring"},
        "backup": True,
    }
    predicted = run(libvirt_conf, check=True, **wanted)
    assert conf.read_bytes() == TEXT.encode("utf-8", "surrogateescape")
    done = run(libvirt_conf, **wanted)
    assert predicted["diff"] == done["diff"]
    assert done["diff"]["before"] == (
        "max_queued = 5\nmax_queued = 6\nvnc_password = (a former value, which is not shown)\n"
    )
    assert done["diff"]["after"] == (
        'max_queued = 7\nuser = "root"\nvnc_password = (a new value, which is not shown)\n'
    )
    assert (done["changed"], done["changes"]) == (True, ["max_queued", "user", "vnc_password"])
    assert done["settings"] == {"max_queued": 7, "user": "root"}
    assert conf.read_bytes() == (
        b'vnc_password = "herring"\n#spice_password = "salmon"\nmax_queued = 7\n#max_queued = 6\n# \xe9\n'
        b'user = "root"\n'
    )
    backup = Path(done["backup_file"])
    assert backup.read_bytes() == TEXT.encode("utf-8", "surrogateescape")
    assert (mode(conf), mode(backup)) == (0o640, 0o640)
    assert sorted(path.name for path in conf.parent.iterdir()) == sorted([conf.name, backup.name])
    again = run(libvirt_conf, **wanted)
    assert (again["changed"], again["changes"], again["diff"]["before"]) == (False, [], "")
    for result in (predicted, done, again):
        assert [secret for secret in SECRETS if secret in json.dumps(result)] == []


def test_a_file_that_is_not_there(conf: Path, run: ModuleRunner) -> None:
    path = conf.with_name("new.conf")
    assert run(libvirt_conf, path=str(path), settings={})["changed"] is False
    assert not path.exists()
    assert "backup_file" not in run(libvirt_conf, path=str(path), settings={"user": "root"}, backup=True)
    assert (path.read_text(), mode(path)) == ('user = "root"\n', 0o600)


def test_a_link_stays_one(conf: Path, run: ModuleRunner) -> None:
    link = conf.with_name("link.conf")
    link.symlink_to(conf.name)
    assert run(libvirt_conf, path=str(link), settings={"max_queued": 9})["path"] == str(conf)
    assert link.is_symlink()
    assert "max_queued = 9" in conf.read_text(errors="replace")


@pytest.mark.parametrize(
    ("arguments", "reason", "words"),
    [
        ({"settings": {"vnc_password": "herring"}}, "BAD_SETTING", "must be given as secret_settings"),
        ({"secret_settings": {"vnc_password": ["herring"]}}, "BAD_SETTING", "vnc_password must be a text"),
        ({"settings": {"migration_host": "::1"}}, "BAD_SETTING", "the daemon does not start"),
    ],
)
def test_refused(conf: Path, run: ModuleRunner, arguments: dict[str, t.Any], reason: str, words: str) -> None:
    result = run.fails(libvirt_conf, path=str(conf), **arguments)
    assert (result["reason"], result["state"]) == (reason, "Nothing was changed.")
    assert words in result["msg"]
    assert [secret for secret in SECRETS if secret in json.dumps(result)] == []
    assert conf.read_bytes() == TEXT.encode("utf-8", "surrogateescape")


def test_a_file_that_libvirt_would_not_take(conf: Path, run: ModuleRunner) -> None:
    conf.write_text("vnc_password = swordfish\n")
    result = run.fails(libvirt_conf, path=str(conf), settings={"max_queued": 9})
    assert (result["reason"], result["evidence"]) == ("BAD_CONF", {"line": 1})
    assert "swordfish" not in json.dumps(result)


def test_no_room(conf: Path, run: ModuleRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run.fails(libvirt_conf, path=str(conf), settings={"max_queued": 9})
    assert (result["reason"], "No space left" in result["msg"]) == ("CONF_FILE", True)
    assert conf.read_bytes() == TEXT.encode("utf-8", "surrogateescape")
    assert [path.name for path in conf.parent.iterdir()] == [conf.name]


def test_what_is_no_file(conf: Path, run: ModuleRunner) -> None:
    pipe = conf.with_name("pipe")
    os.mkfifo(pipe)
    for path in (pipe, conf.parent):
        assert run.fails(libvirt_conf, path=str(path), settings={})["reason"] == "CONF_FILE"
