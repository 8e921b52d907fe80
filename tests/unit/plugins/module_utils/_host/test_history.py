# SPDX-License-Identifier: GPL-3.0-or-later

"""Records that a host keeps: whole, for their owner only, no more than so many, and nobody else's files touched."""

from __future__ import annotations

import json
import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.plugins.module_utils._host.history import keep, read_history
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import evacuation, record

NIGHT = 1_796_006_400.0


def kept(directory: Path, at_s: float, **more: t.Any) -> Path:
    return Path(keep(str(directory), {**record(), "began_epoch_s": NIGHT + at_s, **more}, 3))


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    history = tmp_path / "a" / "history"
    one = kept(history, 0)
    other = Path(keep(str(history), evacuation(3), 3))
    assert one.name == "20261130T024000Z-migration-eda29208-85d7-4813-89bd-4c4395e7dcb2.json"
    assert other.name == "20261130T024000Z-evacuation-kvm01.json"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (history, one, other)] == [0o700, 0o600, 0o600]
    found, odd = read_history(str(history), 10, 0)
    assert (odd, [each.record["host"] for each in found if "guests" in each.record]) == ([], ["kvm01"])
    assert found[0].record == {**record(), "began_epoch_s": NIGHT}


def test_there_are_never_more_than_so_many(tmp_path: Path) -> None:
    for number in range(5):
        kept(tmp_path, 60 * number)
    assert sorted(path.name[:16] for path in tmp_path.iterdir()) == [
        "20261130T024200Z", "20261130T024300Z", "20261130T024400Z",
    ]  # fmt: skip


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / "notes.json", tmp_path / "20200101T000000Z-other-x.json"]
    for path in others:
        path.write_text("mine")
    for number in range(5):
        kept(tmp_path, number)
    assert [path.read_text() for path in others] == ["mine", "mine"]


def test_only_the_newest_and_only_since_then(tmp_path: Path) -> None:
    for number in range(3):
        kept(tmp_path, 60 * number)
    assert [one.file[:16] for one in read_history(str(tmp_path), 1, 0)[0]] == ["20261130T024200Z"]
    assert [one.file[:16] for one in read_history(str(tmp_path), 9, NIGHT + 50)[0]] == [
        "20261130T024200Z", "20261130T024100Z",
    ]  # fmt: skip
    assert read_history(str(tmp_path / "nowhere"), 9, 0) == ([], [])


def test_a_long_record_is_made_small_and_still_tells(tmp_path: Path) -> None:
    long = record("lab-left-at-deadline.json")
    looks = long["looks"]
    long["looks"] = [[row[0] + 13 * number, *row[1:]] for number in range(120) for row in looks]
    path = kept(tmp_path, 0, **long)
    found = json.loads(path.read_text())
    assert found["thinned"] is True
    assert len(found["looks"]) <= 1000
    assert (found["looks"][0], found["looks"][-1]) == (long["looks"][0], long["looks"][-1])
    assert path.stat().st_size < 200_000
    assert report_of({"migrations": [found]}).lines


def test_a_name_of_a_guest_is_no_path(tmp_path: Path) -> None:
    path = kept(tmp_path, 0, uuid="../../etc/x\n")
    assert path.parent == tmp_path
    assert path.name.endswith("-migration-.._.._etc_x_.json")


def test_what_is_no_record_is_told(tmp_path: Path) -> None:
    kept(tmp_path, 0)
    name = "20261130T030000Z-migration-{}.json"
    for number, text in enumerate(("{", "[]", '{"a":' * 100, "1" * 5000)):
        (tmp_path / name.format(number)).write_text(text)
    os.mkfifo(tmp_path / name.format("pipe"))
    (tmp_path / name.format("link")).symlink_to("/etc/passwd")
    found, odd = read_history(str(tmp_path), 99, 0)
    assert len(found) == 1
    assert len(odd) == 6


@pytest.mark.parametrize("wrong", ["file", "link", "open"])
def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "history"
    if wrong == "file":
        path.write_text("")
    elif wrong == "link":
        (tmp_path / "there").mkdir()
        path.symlink_to(tmp_path / "there")
    else:
        path.mkdir(mode=0o700)
        path.chmod(0o777)
    with pytest.raises(OSError):
        kept(path, 0)
    with pytest.raises(OSError):
        read_history(str(path), 9, 0)
