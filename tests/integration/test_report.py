# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of a real migration, a real evacuation and the readiness of real hosts, and what hosts keep of them.

The files are left in ``build/test/report``, to be looked at.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import typing as t
from pathlib import Path

import pytest
from bench.house import BUSY, LINK_MIB_PER_S, QUIET, House, three_hosts
from bench.runs import Run

# What somebody who may name guests could try on whoever opens the file, and on the controller.
# The product is too long to be somewhere by chance, among the digits of times, places and UUIDs.
HOSTILE = "{{ 179424673 * 32452843 }}\"><img src=x onerror=alert(1)>'"
GUESTS = {"erp01": BUSY, "crm01": QUIET, HOSTILE: QUIET}
HISTORY = "/var/lib/virtops.live_migration.test/history"
COMMON = {
    "live_migration_destination_uri": "qemu+tcp://{host}/system",
    "live_migration_link_mib_per_s": LINK_MIB_PER_S,
    "live_migration_history_dir": HISTORY,
    "live_migration_postcopy": "if_needed",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[House]:
    yield from three_hosts(tmp_path_factory.mktemp("report"), GUESTS)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Path]:
    """A directory of the controller; what is in it in the end is kept."""
    directory = tmp_path_factory.mktemp("reports")
    yield directory
    if "RESULTS" in os.environ:
        shutil.copytree(directory, Path(os.environ["RESULTS"]) / "report", dirs_exist_ok=True)


def play(house: House, playbook: str, *options: str, **variables: t.Any) -> Run:
    return house.ansible.playbook(f"virtops.live_migration.{playbook}", *options, **{**COMMON, **variables})


def away(house: House) -> None:
    """One guest is on another host, as the first test leaves it; where that failed the hosts are new."""
    if house.where()["erp01"] != "kvm02":
        run = play(house, "migrate", live_migration_guest="erp01", live_migration_destination="kvm02")
        assert run.code == 0, run.output


def a_night(house: House) -> None:
    """What the tests before leave in the histories, on hosts that are new since one of them failed."""
    away(house)
    there = {"live_migration_hosts": "kvm02", "live_migration_pool": ["kvm03"], "live_migration_return": True}
    for playbook, wanted in (
        ("evacuate", there),
        ("evacuate", {"live_migration_hosts": "kvm01"}),
        ("return_home", {"live_migration_hosts": "kvm01"}),
    ):
        run = play(house, playbook, **wanted)
        assert run.code == 0, run.output


def documents(text: str) -> t.Any:
    """What goes along in the file."""
    found = re.search(r'<script type="application/json" id="record">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def check_file(path: Path, run: Run) -> str:
    """It is where the play says, for its owner only, and what hosts have said was not evaluated."""
    assert run.code == 0, run.output
    told = run.stats["live_migration_report"]
    assert told["path"] == str(path)
    assert told["summary"]
    text = path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "<img" not in text
    assert str(179424673 * 32452843) not in text
    assert text.endswith("</html>\n")
    return text


@pytest.mark.fast
def test_a_migration(house: House, reports: Path) -> None:
    path = reports / "migration.html"
    wanted = {"live_migration_guest": "erp01", "live_migration_destination": "kvm02"}
    run = play(house, "migrate", live_migration_report_dest=str(path), **wanted)
    text = check_file(path, run)
    (record,) = documents(text)["migrations"]
    assert (record["name"], record["source"], record["destination"]) == ("erp01", "kvm01", "kvm02")
    assert record["outcome"] == "completed"
    # One that may go by post-copy is not measured before it is sent: its first pass tells what is needed.
    assert record["forecast"]["expected"] is None
    for part in ("What is left", "Bandwidth against dirty rate", "Needed against allowed downtime", "band-postcopy"):
        assert part in text, part
    assert run.stats["live_migration_report"]["summary"][0].startswith("erp01: completed after ")
    again = play(house, "migrate", live_migration_report_dest=str(path), **wanted)
    assert again.code == 0, again.output
    assert again.changed == []
    assert again.stats["live_migration_report"]["path"] == ""
    assert path.read_text(encoding="utf-8") == text, "there was nothing to tell of the second run"


def test_a_host_that_is_emptied_and_filled_again(house: House, reports: Path) -> None:
    away(house)
    path = reports / "evacuation.html"
    run = play(
        house,
        "evacuate",
        live_migration_hosts="kvm02",
        live_migration_pool=["kvm03"],
        live_migration_return=True,
        live_migration_report_dest=str(path),
    )
    text = check_file(path, run)
    kept = documents(text)["evacuations"]
    assert len(kept) == 2, run.output
    there, back = kept
    assert (there["purpose"], there["host"], back["purpose"], back["host"]) == ("evacuate", "kvm02", "return", "kvm03")
    for one in (there, back):
        (guest,) = one["guests"]
        assert guest["outcome"] == "moved"
        stages = [stage for _at, stage, _where in guest["stages"]]
        assert stages[0] in ("waiting", "preparing")
        assert stages[-1] == "done"
        assert "sending" in stages
        assert max(rate for _at, (rate,) in one["loads"]) > 2 * 1024**2, "the link was in use"
        assert guest["sent_bytes"] > 0
    assert "Load of each link" in text
    assert house.where()["erp01"] == "kvm02"


def test_several_guests(house: House, reports: Path) -> None:
    away(house)
    path = reports / "several.html"
    run = play(house, "evacuate", live_migration_hosts="kvm01", live_migration_report_dest=str(path))
    kept = documents(check_file(path, run))["evacuations"]
    assert len(kept) == 1, run.output
    (record,) = kept
    assert sorted(guest["name"] for guest in record["guests"]) == sorted(name for name in GUESTS if name != "erp01")
    home = reports / "home.html"
    returned = play(house, "return_home", live_migration_hosts="kvm01", live_migration_report_dest=str(home))
    records = documents(check_file(home, returned))["evacuations"]
    assert {record["purpose"] for record in records} == {"return"}, returned.output
    assert house.where()[HOSTILE] == "kvm01"
    house.unharmed()


def test_readiness(house: House, reports: Path) -> None:
    path = reports / "readiness.html"
    checked = play(house, "readiness", "--check", live_migration_report_dest=str(path))
    assert checked.code == 0, checked.output
    assert checked.changed == ["virtops.live_migration.report : Write it"]
    assert not path.exists()
    text = check_file(path, play(house, "readiness", live_migration_report_dest=str(path)))
    found = documents(text)["readiness"]
    assert sorted(one["host"] for one in found) == ["kvm01", "kvm02", "kvm03"]
    assert sorted(guest["name"] for one in found for guest in one["guests"]) == sorted(GUESTS)
    refused = play(house, "readiness", live_migration_report_dest=str(reports / "nowhere" / "x.html"))
    assert refused.code != 0
    assert "There is no directory" in refused.failure


def test_what_happened_last_night(house: House, reports: Path) -> None:
    """Of what the hosts have kept; the same again makes the same file, and check mode says so without writing it."""
    if house.lab.execute("kvm01", "ls", HISTORY, check=False).returncode != 0:
        a_night(house)
    wanted = {"live_migration_report_dest": f"{reports}/", "live_migration_report_title": "What happened last night"}
    run = play(house, "report", **wanted)
    path = Path(run.stats["live_migration_report"]["path"])
    text = check_file(path, run)
    assert re.fullmatch(r"evacuation-\d{8}T\d{6}Z\.html", path.name)
    kept = documents(text)
    assert [one["name"] for one in kept["migrations"]] == ["erp01"]
    assert len(kept["evacuations"]) >= 4, kept["evacuations"]
    again = play(house, "report", **wanted)
    assert again.code == 0, again.output
    assert again.changed == []
    path.unlink()
    checked = play(house, "report", "--check", **wanted)
    assert checked.changed == ["virtops.live_migration.report : Write it"]
    assert not path.exists()
    play(house, "report", **wanted)
    assert path.read_text(encoding="utf-8") == text
    nothing = play(house, "report", **{**wanted, "live_migration_since_h": 0.00001})
    assert Path(nothing.stats["live_migration_report"]["path"]).name == "nothing.html"
    assert nothing.stats["live_migration_report"]["summary"] == ["Nothing happened that was recorded."]
