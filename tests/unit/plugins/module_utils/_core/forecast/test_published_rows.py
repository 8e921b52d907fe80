# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests/bench/forecasts compares, and how it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.tests.bench.published import page, replay, rows

HEAD = (
    "id,source,url,stack,ram_mib,touched_mib,working_set_mib,dirty_rate_mib_s,bandwidth_mib_s,downtime_limit_ms,mode,"
    "total_s,data_mib,downtime_ms,outcome,note\n"
)
ROWS = """idle,A paper,https://example.org/,loopback,8192,4096,,about 0,129,300,precopy,32.0,4113,20,finished,
twin,same,same,same,8192,2048,,0,129,300,precopy,32.0,2070,,finished,
busy,same,see elsewhere,same,8192,4096,,200,129,300,precopy,500,64000,,not finished when read,
wrong,same,,same,8192,4096,,200,129,300,precopy,60,8000,,finished,
unknown,same,,same,8192,4096,,,129,300,precopy,>60,8000,,in flight,
poor,same,,none,8192,,,,,300,precopy,60,,,finished,
"""


@pytest.fixture
def compared(tmp_path: Path) -> list[rows.Compared]:
    path = tmp_path / "published.csv"
    path.write_text(HEAD + ROWS, encoding="utf-8")
    return rows.read(path)


def test_rows_beside_their_forecasts(compared: list[rows.Compared]) -> None:
    idle, twin, busy, off, unknown, poor = compared
    assert idle.error("total_s") == pytest.approx(-0.015, abs=0.01)
    assert twin.row["stack"] == "loopback"
    assert twin.error("total_s") == pytest.approx(-0.5, abs=0.02)
    assert (busy.published_class, busy.told_class, busy.wrong_class) == ("does not finish", "does not finish", False)
    assert busy.error("total_s") is None
    assert (off.published_class, off.told_class, off.wrong_class) == ("finishes", "does not finish", True)
    assert (unknown.published_class, unknown.told_class, unknown.wrong_class) == ("not known", "not known", False)
    assert unknown.published("total_s") is None
    assert poor.forecast is None and "bandwidth_mib_s" in poor.why_not
    assert not poor.enough_is_said


def test_what_is_counted(compared: list[rows.Compared]) -> None:
    assert rows.median_error(compared) == pytest.approx(0.26, abs=0.02), "of two rows"
    assert rows.wrong(compared) == ["wrong"]
    assert rows.median_error([]) is None


def test_the_texts_say_all_of_them(compared: list[rows.Compared]) -> None:
    plain, document = page.plain(compared, []), page.text(compared, [])
    for name in ("idle", "twin", "busy", "wrong", "unknown", "poor"):
        assert name in plain and f"   * - {name}\n" in document
    assert "Wrong class: wrong." in plain
    assert "**does not finish**" in document
    assert "see elsewhere" not in document, "only what can be followed is a source"


def boundaries(tmp_path: Path, left_mib: list[float]) -> list[replay.Trace]:
    """A guest of 8 GiB over 129 MiB/s, whose first pass takes 24 s."""
    lines, at_s, sent = ["config,run,pass,t_ms,remaining_bytes,transferred_bytes,mbps"], 0.2, 0.0
    for number, left in enumerate([8170.0, *left_mib], start=1):
        lines.append(f"busy,1,{number},{int(at_s * 1000)},{int(left * (1 << 20))},{int(sent * (1 << 20))},1082.1")
        time_s = 24.0 if number == 1 else left / 129
        at_s, sent = at_s + time_s, sent + 129 * time_s
    path = tmp_path / "boundaries.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return replay.read(path)


def test_recorded_passes_are_shown_to_the_engine(tmp_path: Path) -> None:
    (trace,) = boundaries(tmp_path, [1100, 470, 285, 205, 176, 142, 112, 104, 98, 88, 82, *[62, 58] * 30])
    allowed = replay.replayed(trace, 1000)
    assert allowed.end_s is not None and allowed.possible_s is not None and allowed.needed_ms is not None
    assert 40 < allowed.possible_s <= allowed.end_s <= allowed.possible_s + 3
    assert allowed.needed_ms <= 940
    later = replay.replayed(trace, 540)
    assert (later.end_s or 0) > allowed.end_s
    never = replay.replayed(trace, 300)
    assert (never.end_s, never.possible_s, never.needed_ms) == (None, None, None)
    summary = next(one for one in replay.summaries([trace]) if one.allowed_ms == 1000)
    assert (summary.runs, summary.ended, summary.end_s) == (1, 1, allowed.end_s)
    assert summary.recorded_s == trace.end_s
