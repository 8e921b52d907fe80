# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._host.cordon_fact import (
    fact_path,
    lift,
    read_fact,
    says_cordoned,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._host.document import (
    HostDocumentOptions,
    HostFiles,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._host.files import Programs

NAME = "virtops_live_migration.fact"
NOT_KNOWN = ["", "{", "[]", "5", "{}", '{"cordoned": "perhaps"}', '{"cordoned": null}', "x" * 70_000, "[" * 1000]


def put(directory: Path, text: str) -> Path:
    file = directory / NAME
    file.write_text(text, encoding="utf-8")
    return file


def reason(call: t.Callable[[], t.Any]) -> str:
    with pytest.raises(MigrationError) as caught:
        call()
    return caught.value.reason


def test_there_is_none(tmp_path: Path) -> None:
    assert read_fact(str(tmp_path)) is None
    assert read_fact(str(tmp_path / "missing")) is None
    assert read_fact(str(put(tmp_path, "{}"))) is None  # no directory
    assert not says_cordoned(None)


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ('{"cordoned": true}', True),
        ('{"cordoned": "True", "only_return_left": true}', True),
        ('{"cordoned": false}', False),
        ('{"cordoned": "false"}', False),
    ],
)
def test_what_it_says(tmp_path: Path, text: str, closed: bool) -> None:
    put(tmp_path, text)
    assert says_cordoned(read_fact(str(tmp_path))) is closed


@pytest.mark.parametrize("text", NOT_KNOWN)
def test_what_cannot_be_read_is_no_open_host(tmp_path: Path, text: str) -> None:
    put(tmp_path, text)
    assert reason(lambda: read_fact(str(tmp_path))) == "BAD_FACT"


def test_bytes_and_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'{"cordoned": true}\xff')
    assert reason(lambda: read_fact(str(tmp_path))) == "BAD_FACT"
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).mkdir()
    assert reason(lambda: read_fact(str(tmp_path))) == "BAD_FACT"
    assert reason(lambda: read_fact("a\0b")) == "BAD_FACT"


def test_a_fact_that_says_nothing_else_goes(tmp_path: Path) -> None:
    file = put(tmp_path, '{"cordoned": true}')
    lift(str(tmp_path), read_fact(str(tmp_path)) or {})
    assert not file.exists()


def test_what_else_it_says_stays(tmp_path: Path) -> None:
    file = put(tmp_path, '{"cordoned": true, "only_return_left": true}')
    file.chmod(0o640)
    lift(str(tmp_path), read_fact(str(tmp_path)) or {})
    assert json.loads(file.read_text()) == {"cordoned": False, "only_return_left": True}
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [one.name for one in tmp_path.iterdir()] == [NAME]


def test_a_link_is_not_followed_when_it_is_changed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text('{"cordoned": true}')
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    fact = read_fact(str(tmp_path)) or {}
    assert says_cordoned(fact)
    assert reason(lambda: lift(str(tmp_path), fact)) == "BAD_FACT"
    assert (tmp_path / "elsewhere").exists()


def test_where_it_is() -> None:
    assert fact_path("/etc/ansible/facts.d") == "/etc/ansible/facts.d/virtops_live_migration.fact"


@pytest.mark.parametrize(
    ("text", "noted", "expected"),
    [
        (None, None, None),
        (None, False, False),
        (None, True, True),
        ('{"cordoned": true}', False, True),
        ('{"cordoned": true}', None, True),
        ('{"cordoned": false}', True, True),
        ('{"cordoned": false}', False, False),
        ("{", False, True),
    ],
)
def test_either_note_closes_the_host_of_a_document(
    tmp_path: Path, text: t.Optional[str], noted: t.Optional[bool], expected: t.Optional[bool]
) -> None:
    if text is not None:
        put(tmp_path, text)
    files = HostFiles(HostDocumentOptions(fact_path=str(tmp_path)), Programs(lambda _words: (1, "")))
    found = files.add_to(HostDocument("kvm02", "uuid-kvm02", cordoned=noted))
    assert found.cordoned is expected
    told = [one for one in found.problems if one.startswith("Local fact: ")]
    assert len(told) == (text == "{")
