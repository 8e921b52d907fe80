# SPDX-License-Identifier: GPL-3.0-or-later
"""The section of one migration: what was decided and why, and what came of what was expected."""

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.tests.unit.plugins.pages import body_of, made, within
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import RECORDS, record


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDS.glob("*.json")))
def test_each_real_record_is_drawn(name: str) -> None:
    document = record(name)
    text = made(migrations=[document])
    body = text.partition("</style>")[2]
    assert within(body, "badge") == len(document["decisions"])
    assert body.count(" begins after ") == len(document["boundaries"])
    for one in document["decisions"]:
        assert f"<code>{one['reason']}</code>" in body
    phases = {look[1] for look in document["looks"]}
    assert ("band-postcopy" in body) is ("postcopy" in phases)
    assert ("It was not throttled." in body) is all(look[15] == 0 for look in document["looks"])
    assert ("band-standstill" in body) is bool(document["downtime_ms"])


def test_what_a_timeline_says() -> None:
    text = made(migrations=[record("lab-moved-by-postcopy.json")])
    for part in (
        "pass 2 begins after 7.0 s with 111.1 MiB left",
        "post-copy: the guest runs on the destination and fetches the rest (2.4 s)",
        "the guest stands still for the switch-over (52 ms)",
        "The policy allows 500 ms",
        "<b>start postcopy</b>",
        "3.0 s needed after 9.4 s",
    ):
        assert part in text, part


def test_what_was_expected_is_beside_what_happened() -> None:
    document = record()
    course = {"total_s": 10.1, "sent_bytes": 480_633_261, "downtime_ms": 60, "passes": 1}
    document["forecast"] = {**document["forecast"], "expected": course, "worst": {**course, "total_s": 11.0}}
    text = made(migrations=[document])
    cells = "".join(f'<td class="num">{one}</td>' for one in ("10.1 s", "11.0 s", "14.0 s"))
    assert f'<tr><th scope="row">time</th>{cells}</tr>' in text
    assert "expected end, 10.1 s after its set-up" in text
    assert '<th scope="row">of it set-up</th>' in text


def test_what_did_not_work_is_said() -> None:
    document = record("lab-downtime-by-rescue.json")
    place = document["columns"].index("results")
    look = next(one for one in document["looks"] if one[place])
    look[place] = [["set_downtime", "QEMU <says> no", "FAILED"]]
    assert "It did not work: QEMU &lt;says&gt; no" in made(migrations=[document])


@pytest.mark.parametrize(
    ("action", "value", "apply", "told"),
    [
        ("set_downtime", 800, True, "<b>set downtime to 800 ms</b>"),
        ("set_bandwidth", 12.5, False, "set bandwidth to 12.5 MiB/s (would have)"),
        ("suspend", 30, True, "<b>suspend for 30 s at most</b>"),
        ("throttle", 40, True, "<b>throttle by 40 %</b>"),
        ("start_postcopy", None, True, "<b>start postcopy</b>"),
        ("wait", None, False, "<td>wait</td>"),
    ],
)
def test_what_was_decided(action: str, value: float | None, apply: bool, told: str) -> None:
    one = {"at_s": 1.0, "action": action, "reason": "X", "because": "y", "value": value, "apply": apply}
    body = body_of(migrations=[{**record(), "decisions": [one]}])
    assert told in body
    assert ("<b>" in body) is ("<b>" in told)


def test_what_is_not_known_is_said() -> None:
    nothing = {"looks": [], "decisions": [], "boundaries": [], "forecast": None, "thinned": True}
    body = body_of(migrations=[{**record(), **nothing}])
    for told in (
        "Nobody looked at it while it ran.",
        "Nothing had to be decided.",
        "Nothing was foreseen: it ran already when it was taken over.",
        "Not all looks were kept: the migration was long.",
    ):
        assert told in body, told
    assert "Not all looks were kept" not in body_of(migrations=[record()])
